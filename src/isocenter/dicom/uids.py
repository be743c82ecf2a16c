"""Unique identifiers (PS3.5 clause 9): making them, and judging those that others made."""

import re
import uuid
from functools import lru_cache

from isocenter import __version__

IMPLEMENTATION_CLASS_UID = "2.25.92435735189216145748212097304625111017"
"""Names this implementation in association requests and File Meta Information (PS3.7 D.3.3.2)."""

IMPLEMENTATION_VERSION_NAME = f"ISOCENTER_{__version__.partition('.dev')[0]}"[:16]
"""At most 16 characters (PS3.7 D.3.3.2.3)."""

MAXIMUM_LENGTH = 64
UUID_ROOT = "2.25"

_COMPONENTS = re.compile(r"(?:0|[1-9][0-9]*)(?:\.(?:0|[1-9][0-9]*))+", re.ASCII)
_PATH_SAFE = re.compile(r"(?=[.]*[0-9])[0-9.]{1,64}", re.ASCII)


def is_valid_uid(text: str) -> bool:
    """Tell whether a text keeps the grammar of UIDs.

    Parameters
    ----------
    text
        A UID without padding.

    Returns
    -------
    bool
        True for 1 to 64 characters, two or more components of digits, none with a leading zero.

    References
    ----------
    PS3.5 9.1
    """
    return len(text) <= MAXIMUM_LENGTH and _COMPONENTS.fullmatch(text) is not None


def is_path_safe_uid(text: str) -> bool:
    """Tell whether a received UID may become the name of a file or folder.

    Weaker than the grammar (leading zeros are common in the field), but nothing that passes can
    leave the folder it is put in: only digits and dots, at most 64, at least one digit.

    Parameters
    ----------
    text
        What a peer claims to be a UID.

    Returns
    -------
    bool
        True if the text is harmless as one component of a path.
    """
    return len(text) <= MAXIMUM_LENGTH and _is_path_safe(text)


@lru_cache(maxsize=4096)  # what is asked of one study names it again and again
def _is_path_safe(text: str) -> bool:
    return _PATH_SAFE.fullmatch(text) is not None


def new_uid(root: str | None = None) -> str:
    """Make a UID that nobody else has.

    Parameters
    ----------
    root
        A root that was registered for the caller; without one, the UUID-derived root 2.25, under
        which everybody may make UIDs.

    Returns
    -------
    str
        At most 64 characters.

    Raises
    ------
    ValueError
        If `root` is no UID, or so long that fewer than 64 random bits would fit behind it.

    References
    ----------
    PS3.5 B.2
    """
    number = uuid.uuid4().int
    if root is None or root == UUID_ROOT:
        return f"{UUID_ROOT}.{number}"
    room = MAXIMUM_LENGTH - len(root) - 1
    if room < len(str(2**64)) or not is_valid_uid(root):
        raise ValueError(
            f"{root!r} is no UID root: expected digits and dots, 43 characters at most"
        )
    return f"{root}.{number % 10 ** min(room, 39)}"
