"""Settings, logging, and the lines a PBX needs from us."""
