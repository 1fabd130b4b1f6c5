"""The product as its users meet it: a real Asterisk, the whole server, real Chromium desks."""
