"""Lists of numbers as people print them: `1-2,4,6 : 1 2 3 4 : 1`, one list an item."""

from __future__ import annotations

from isocenter.errors import CannotCompose

__all__ = ["parse_number_lists"]

MOST_NUMBERS = 1_000_000


def parse_number_lists(text: str, *, tag: int = 0x00081160) -> list[list[int]]:
    """Return one ascending list of numbers for each part between colons.

    Parameters
    ----------
    text
        Numbers from 1 and ranges `a-b`, separated by commas or blanks; parts separated by colons.
        An empty part says nothing about its item. An empty text gives no lists at all.
    tag
        The attribute that the numbers are for, named in errors.

    Raises
    ------
    CannotCompose
        When a part is no number or range, a range runs backwards, or a number is below 1.

    Examples
    --------
    >>> parse_number_lists("1-2,4,6 : 1 2 3 4 : 1")
    [[1, 2, 4, 6], [1, 2, 3, 4], [1]]
    """
    if not text.strip():
        return []
    return [_numbers(part, tag) for part in text.split(":")]


def _numbers(part: str, tag: int) -> list[int]:
    numbers: set[int] = set()
    for token in part.replace(",", " ").split():
        first, dash, last = token.partition("-")
        if not (token.isascii() and first.isdecimal() and (last.isdecimal() or not dash)):
            raise CannotCompose(
                f"{token!r} is no number or range; write lists like '1-2,4,6 : 1 2 3 4 : 1'.",
                tag=tag,
            )
        low, high = int(first), int(last or first)
        if low < 1 or high < low or high - low > MOST_NUMBERS:
            raise CannotCompose(
                f"{token!r} is no range of numbers from 1 upwards; the first frame or segment is "
                "1.",
                tag=tag,
            )
        numbers.update(range(low, high + 1))
    return sorted(numbers)
