"""`isocenter version`."""

import platform

import isocenter

__all__ = ["version"]


def version() -> None:
    """Print the version of Isocenter and of the Python it runs on."""
    print(f"isocenter {isocenter.__version__} (Python {platform.python_version()})")
