import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from isocenter.services.viewer.display_order import Place, display_order

AXIAL = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
SAGITTAL = (0.0, 1.0, 0.0, 0.0, 0.0, -1.0)


def ordered(places: list[Place]) -> list[Place]:
    return [places[index] for index in display_order(places)]


@given(st.lists(st.integers(-500, 500), min_size=2, max_size=30, unique=True), st.randoms())
def test_slices_are_sorted_along_their_normal(heights: list[int], chance: random.Random) -> None:
    heights.sort()
    places = [Place(n, 1, (0.0, 0.0, float(z)), AXIAL) for n, z in enumerate(heights)]
    chance.shuffle(places)
    assert [place.position[2] for place in ordered(places) if place.position] == heights


def test_the_direction_is_that_of_the_instance_numbers() -> None:
    places = [Place(n, 1, (0, 0, 100.0 - n), AXIAL) for n in range(10)]
    assert [place.number for place in ordered(places)] == list(range(10))


def test_wrong_numbers_do_not_disturb_the_geometry() -> None:
    places = [Place(n, 1, (0, 0, float(n)), AXIAL) for n in range(10)]
    places[4], places[5] = (Place(5, 1, (0, 0, 4.0), AXIAL), Place(4, 1, (0, 0, 5.0), AXIAL))
    assert [place.position[2] for place in ordered(places) if place.position] == list(range(10))


def test_phases_at_the_same_places_make_one_stack_each() -> None:
    # Numbered place by place, as dynamic series often are.
    places = [
        Place(number, 1, (0, 0, float(z)), AXIAL)
        for number, (z, _) in enumerate(itertools.product(range(3), range(2)))
    ]
    assert [place.number for place in ordered(places)] == [0, 2, 4, 1, 3, 5]


def test_planes_that_are_not_parallel_come_by_number() -> None:
    places = [Place(2, 1, (0, 0, 1), AXIAL), Place(1, 1, (0, 0, 2), SAGITTAL)]
    assert [place.number for place in ordered(places)] == [1, 2]


def test_without_geometry_frames_come_by_number_then_frame() -> None:
    places = [Place(2, 1, None, None), Place(1, 2, None, None), Place(1, 1, None, None)]
    assert [(p.number, p.frame) for p in ordered(places)] == [(1, 1), (1, 2), (2, 1)]


def test_what_has_no_number_comes_last() -> None:
    places = [Place(None, 1, None, None), Place(3, 1, None, None)]
    assert [place.number for place in ordered(places)] == [3, None]


def test_one_frame_and_none_are_orders_too() -> None:
    assert display_order([]) == []
    assert display_order([Place(1, 1, (0, 0, 0), AXIAL)]) == [0]
