"""Customers: who is calling, what we know, and the card an agent sees."""
