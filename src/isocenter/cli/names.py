"""Names of files as a line of text."""

__all__ = ["shown"]


def shown(name: object) -> str:
    """Give a name as it may be printed: with what is no text, or moves a cursor, escaped.

    Parameters
    ----------
    name
        A path or another name, as it was found on a disk or in a ZIP file.
    """
    return "".join(
        each if each.isprintable() else each.encode("unicode_escape").decode("ascii")
        for each in str(name)
    )
