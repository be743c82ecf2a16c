"""The resources that a WADO-RS path names: studies, series, instances, frames (PS3.18 10.1)."""

import re
from dataclasses import dataclass
from typing import Final

from starlette.requests import Request

from isocenter.archive import Level
from isocenter.dicom import is_path_safe_uid
from isocenter.errors import InvalidRequest

__all__ = ["Resource", "frame_numbers", "resource_of"]

_MOST_FRAMES: Final = 100_000
_FRAME_LIST = re.compile(r"[0-9]{1,40}(?:,[0-9]{1,40})*")


@dataclass(frozen=True, slots=True)
class Resource:
    """A study, one of its series, or one instance.

    Parameters
    ----------
    study, series, instance
        UIDs that are safe in a path; what is not named is None.
    """

    study: str
    series: str | None = None
    instance: str | None = None

    @property
    def level(self) -> Level:
        """What it is."""
        if self.series is None:
            return Level.STUDY
        return Level.SERIES if self.instance is None else Level.INSTANCE

    @property
    def uids(self) -> tuple[str, str, str]:
        """The three UIDs of an instance."""
        assert self.series is not None
        assert self.instance is not None
        return self.study, self.series, self.instance

    def __str__(self) -> str:
        parts = [f"study {self.study}"]
        if self.series is not None:
            parts.append(f"series {self.series}")
        if self.instance is not None:
            parts.append(f"instance {self.instance}")
        return ", ".join(parts)


def resource_of(request: Request) -> Resource:
    """Read which resource a path names.

    Parameters
    ----------
    request
        Its path parameters `study`, `series` and `instance` are read.

    Raises
    ------
    InvalidRequest
        One of them is no UID.
    """
    uids: list[str] = []
    for name in ("study", "series", "instance"):
        uid = request.path_params.get(name)
        if uid is None:
            break
        if not is_path_safe_uid(uid):
            raise InvalidRequest(
                f"{uid[:80]!r} is no UID; expected 1 to 64 digits and dots (PS3.5 9.1)"
            )
        uids.append(uid)
    return Resource(*uids)


def frame_numbers(text: str) -> list[int]:
    """Read a list of frames, such as `1,3,5`.

    Parameters
    ----------
    text
        From a path.

    Returns
    -------
    list of int
        Counted from 1, in the order given.

    Raises
    ------
    InvalidRequest
        The text is no such list.

    References
    ----------
    PS3.18 10.1.1.6
    """
    if not _FRAME_LIST.fullmatch(text) or not text.isascii():
        raise InvalidRequest(
            f"the frame list is {text[:60]!r}; expected numbers from 1 with commas between them"
        )
    parts = text.split(",")
    if len(parts) > _MOST_FRAMES:
        raise InvalidRequest(f"{len(parts)} frames in one request; at most {_MOST_FRAMES}")
    numbers = [int(part) for part in parts]
    if 0 in numbers:
        raise InvalidRequest("frame 0 was asked for; frames are counted from 1")
    return numbers
