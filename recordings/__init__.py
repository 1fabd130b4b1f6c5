"""Room for the audio of conversations: collecting, storing, transcribing, searching. Calls are already logged
with the times a recording is checked against; the collector moves in here."""
