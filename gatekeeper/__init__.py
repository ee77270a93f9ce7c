"""Gatekeeper reviews database migrations by running them."""

__version__ = "0.1.0"
