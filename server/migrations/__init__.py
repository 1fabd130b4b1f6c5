"""The schema's history, as Alembic revisions; `server/schema.py` applies them."""
