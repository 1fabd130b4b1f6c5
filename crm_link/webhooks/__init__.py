"""Webhooks: durable facts in, signed requests to other people's servers out, with a log of what they answered. Which
requests may leave at all is `core/outside.py`'s; what a body looks like is handed in by the roof."""
