"""The only room that speaks to a PBX: bytes in, call facts out."""
