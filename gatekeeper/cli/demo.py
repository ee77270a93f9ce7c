"""gatekeeper demo."""


def demo() -> None:
    """x."""
