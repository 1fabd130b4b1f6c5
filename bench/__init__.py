"""Measurements beside other products; `make bench` runs them all. Each file returns rows and prints nothing."""
