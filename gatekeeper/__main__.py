"""`python -m gatekeeper`."""

from gatekeeper.cli.main import run

run()
