"""`python -m server` is the `ringback` command."""

from server.cli import main

main()
