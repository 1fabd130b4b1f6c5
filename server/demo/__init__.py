"""The demo: a simulated office with customers, a past and calls that ring by themselves. `run` is `ringback demo`."""

from server.demo.start import run

__all__ = ["run"]
