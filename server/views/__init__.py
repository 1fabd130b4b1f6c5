"""Reads that join rooms: any table may be read here, nothing is written."""
