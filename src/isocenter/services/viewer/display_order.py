"""The order in which frames of a series are shown."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from isocenter.pixels import cross

__all__ = ["Place", "display_order"]

# Slices lie in parallel planes when their normals differ by less than about half a degree.
_PARALLEL = 0.9999
# Two slices closer than this, in millimetres, lie at one place.
_SAME_PLACE = 1e-3


@dataclass(frozen=True, slots=True)
class Place:
    """What decides where a frame comes.

    Parameters
    ----------
    number
        Instance Number (0020,0013), if any.
    frame
        Frame number within the instance.
    position, orientation
        Plane in the patient, if known.
    """

    number: int | None
    frame: int
    position: tuple[float, float, float] | None
    orientation: tuple[float, ...] | None


def display_order(places: Sequence[Place]) -> list[int]:
    """Order frames by where they lie, else by number.

    Parallel planes are sorted along their normal, in the direction in which instance numbers grow.
    Where planes repeat (phases, echoes), the first of each place makes one stack, the second of
    each the next, and so on.

    Parameters
    ----------
    places
        One for each frame.

    Returns
    -------
    list of int
        Indices into `places`.
    """
    by_number = sorted(range(len(places)), key=lambda i: _number_key(places[i], i))
    distances = _distances(places)
    if distances is None:
        return by_number
    if _falls(by_number, distances):
        distances = [-distance for distance in distances]
    stacks = _stacks(by_number, distances)
    return sorted(by_number, key=lambda i: (stacks[i], distances[i]))


def _number_key(place: Place, index: int) -> tuple[bool, int, int, int]:
    return place.number is None, place.number or 0, place.frame, index


def _distances(places: Sequence[Place]) -> list[float] | None:
    """Measure every frame along the common normal; None where there is none."""
    if len(places) < 2 or places[0].orientation is None:
        return None
    nx, ny, nz = normal = cross(places[0].orientation)
    checked: dict[tuple[float, ...], bool] = {}
    distances: list[float] = []
    for place in places:
        if place.position is None or place.orientation is None:
            return None
        if place.orientation not in checked:
            checked[place.orientation] = _parallel(normal, cross(place.orientation))
        if not checked[place.orientation]:
            return None
        x, y, z = place.position
        distances.append(x * nx + y * ny + z * nz)
    return distances if max(distances) - min(distances) > _SAME_PLACE else None


def _parallel(a: Sequence[float], b: Sequence[float]) -> bool:
    return sum(x * y for x, y in zip(a, b, strict=True)) > _PARALLEL * _length(a) * _length(b)


def _length(vector: Sequence[float]) -> float:
    return sum(x * x for x in vector) ** 0.5


def _falls(by_number: Sequence[int], distances: Sequence[float]) -> bool:
    """Tell whether distances mostly fall while numbers grow."""
    half = len(by_number) // 2
    first = sum(distances[i] for i in by_number[:half]) / half
    second = sum(distances[i] for i in by_number[-half:]) / half
    return second < first


def _stacks(by_number: Sequence[int], distances: Sequence[float]) -> list[int]:
    """Count for each frame how many came before it at the same place."""
    seen: dict[int, int] = defaultdict(int)
    stacks = [0] * len(distances)
    for index in by_number:
        place = round(distances[index] / _SAME_PLACE)
        stacks[index] = seen[place]
        seen[place] += 1
    return stacks
