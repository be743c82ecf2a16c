"""What a check of an archive found."""

import enum
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["CheckReport", "Problem", "ProblemKind"]


class ProblemKind(enum.Enum):
    """What may be wrong."""

    MISSING = "missing"
    """An instance in the index without its file. Repair: it leaves the index."""
    ORPHAN = "orphan"
    """A file that the index does not know. Repair: it enters the index."""
    DELETED = "deleted"
    """A file whose instance was deleted. Repair: it is removed."""
    REFUSED = "refused"
    """A file whose object was refused when the index was locked. Repair: it is removed."""
    DAMAGED = "damaged"
    """A file that is cut off or no DICOM. Repair: it moves to `.damaged`, out of the index."""
    UNREADABLE = "unreadable"
    """A file that the system does not let us read. Nothing is repaired: it may be whole."""
    MISPLACED = "misplaced"
    """A file whose UIDs are not those of its place. Repair: it moves to `.damaged`."""
    DIFFERING = "differing"
    """Rows that say otherwise than files do, because either changed behind the archive's back.
    Repair: they are written anew from the files, which must be whole."""
    MISCOUNTED = "miscounted"
    """A study or series whose counts are wrong. Repair: they are counted."""
    INCOMPLETE = "incomplete"
    """Rows that lack values which their files have, as after an upgrade that made the index know
    more attributes. Repair: they are filled in."""
    ASIDE = "aside"
    """A file that was put aside, but is not in the index. Repair: it is removed if the same object
    is kept elsewhere; if not, it is listed as kept aside, or gets its instance's empty place."""
    LEFTOVER = "leftover"
    """Half-received objects of a process that died. Repair: they are removed."""
    UNWRITABLE = "unwritable"
    """A quarantine that cannot keep what is refused. Nothing is repaired."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that is wrong.

    Parameters
    ----------
    kind
        What kind of thing.
    path
        The file, or where it should be.
    sentence
        What was found, for a person.
    repaired
        Whether it was put right.
    """

    kind: ProblemKind
    path: Path
    sentence: str
    repaired: bool = False


@dataclass(slots=True)
class CheckReport:
    """What a check found.

    Parameters
    ----------
    files
        How many stored files there are.
    instances
        How many instances the index has.
    problems
        What is wrong.
    """

    files: int = 0
    instances: int = 0
    problems: list[Problem] = field(default_factory=list[Problem])

    @property
    def unrepaired(self) -> list[Problem]:
        """The problems that are still there."""
        return [problem for problem in self.problems if not problem.repaired]

    def count(self, kind: ProblemKind) -> int:
        """Count the problems of a kind.

        Parameters
        ----------
        kind
            Which problems.

        Returns
        -------
        int
            Repaired ones included; see `unrepaired`.
        """
        return sum(problem.kind is kind for problem in self.problems)
