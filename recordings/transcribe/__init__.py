"""From a recording to words that carry speaker and time. `engine.py` has the shape every engine has, `transcript.py`
goes through a whole file; nothing here knows the database, the store or the event loop."""
