"""The floor all rooms stand on: facts, bus, database, clock, phone numbers, accounts, errors."""
