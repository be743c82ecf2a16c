"""What may be said of an error of pydicom: its messages quote the values they are about."""

import re

__all__ = ["blamed"]

_TAG = re.compile(r"With tag \(?([0-9A-Fa-f]{4}),? ?([0-9A-Fa-f]{4})\)? got exception")


def blamed(error: BaseException) -> str:
    """Say which element an error is about, and never what its value is.

    Parameters
    ----------
    error
        Raised by pydicom while it read or wrote a data set.

    Returns
    -------
    str
        Such as `its element (0010,0010) cannot be read or written (ValueError)`.
    """
    found = _TAG.search(str(error))
    element = (
        f"its element ({found[1].upper()},{found[2].upper()})" if found else "one of its values"
    )
    return f"{element} cannot be read or written ({type(error).__name__})"
