"""What a source says wrongly, so that what is made of it does not say it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any

from isocenter.compose import values
from isocenter.dicom import dictionary
from isocenter.errors import CannotCompose

__all__ = ["LeftOut", "cannot_be", "gathered"]

_SHOWN = 64


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An attribute that was not taken over from its source, where its value cannot be.

    Its text names attribute, source and what was expected. It does not quote the value, which may
    say who a patient is, so that the text may go into logs.

    Parameters
    ----------
    tag
        `0xGGGGEEEE`.
    sources
        The file of the source, else its SOP Instance UID; all of them where many images say the
        same.
    found
        The value, that of the first source; long ones are cut.
    expected
        What it should be.
    path
        Where only a part of a sequence was not taken over: which, as keywords and numbers of items
        from 1, such as `ProcedureCodeSequence[2]`. Empty for the whole attribute.
    """

    tag: int
    sources: tuple[str, ...]
    found: str = field(repr=False)
    expected: str
    path: str = ""

    @classmethod
    def of(cls, tag: int, value: Any, expected: str, *sources: str, path: str = "") -> LeftOut:
        """Return what to say of a value that was found.

        Parameters
        ----------
        tag
            `0xGGGGEEEE`.
        value
            What was found; long text is cut.
        expected
            What it should be.
        *sources
            How the sources that say it are called.
        path
            Which part of a sequence is left out; empty for all of it.

        Returns
        -------
        LeftOut
            What to say.
        """
        text = str(value)
        shown = text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
        return cls(tag, sources, shown, expected, path)

    @property
    def keyword(self) -> str:
        """The keyword of the attribute; empty where the data dictionary has none."""
        return dictionary.keyword(self.tag)

    def __str__(self) -> str:
        return f"{self._what()} of {self._where()} is left out; {self._why()}"

    def row(self) -> dict[str, str]:
        """Return the row of `Composed.explain`; its detail shows the value that was found.

        Returns
        -------
        dict of str to str
            `presence` is ABSENT, `origin` left out, `source` empty.
        """
        place = f" in {self.path}" if self.path else ""
        return {
            "tag": f"({self.tag >> 16:04X},{self.tag & 0xFFFF:04X})",
            "keyword": self.keyword,
            "vr": values.vr_of(self.tag),
            "presence": "ABSENT",
            "source": "",
            "origin": "left out",
            "detail": f"{self._where()}: found {self.found!r}{place}, {self._why()}",
        }

    def _what(self) -> str:
        innermost = self.path.rpartition("/")[2].partition("[")[0]
        described = values.described(values.tag_of(innermost) if innermost else self.tag)
        return f"{self.path}{described[len(innermost) :]}" if innermost else described

    def _where(self) -> str:
        count = len(self.sources)
        return self.sources[0] if count == 1 else f"{count} images, the first {self.sources[0]},"

    def _why(self) -> str:
        return f"expected {self.expected}"


def cannot_be(tag: int, source: str, expected: str) -> CannotCompose:
    """Return the error for a value of a source that an object cannot be without."""
    return CannotCompose(
        f"{values.described(tag)} of {source} cannot be; expected {expected}. Correct it there "
        "(`isocenter correct`), or set another.",
        tag=tag,
    )


def gathered(many: Iterable[LeftOut]) -> tuple[LeftOut, ...]:
    """Return one for each attribute and what was expected of it, with all of their sources."""
    found: dict[tuple[int, str, str], LeftOut] = {}
    names: dict[tuple[int, str, str], dict[str, None]] = {}
    for one in many:
        key = (one.tag, one.path, one.expected)
        found.setdefault(key, one)
        names.setdefault(key, {}).update(dict.fromkeys(one.sources))
    return tuple(replace(found[key], sources=tuple(names[key])) for key in sorted(found))
