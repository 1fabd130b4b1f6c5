"""The roof: wires the rooms into one web application and one command."""
