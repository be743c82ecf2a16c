import pytest
from hypothesis import given
from hypothesis import strategies as st

from isocenter.dicomweb.rendering import (
    Annotation,
    RenderingParameters,
    Viewport,
    WindowFunction,
    WindowParameter,
    parse_rendering,
)
from isocenter.errors import InvalidRequest


def test_nothing_asked_means_the_image_as_it_is() -> None:
    assert (
        parse_rendering([("accept", "image/png"), ("x", "1"), ("x", "2")]) == RenderingParameters()
    )


def test_a_window_has_center_width_and_function() -> None:
    found = parse_rendering([("window", "-600.5,1500,SIGMOID")]).window
    assert found == WindowParameter(-600.5, 1500, WindowFunction.SIGMOID)


def test_a_viewport_may_name_a_part_of_the_image() -> None:
    assert parse_rendering([("viewport", "256,128")]).viewport == Viewport(256, 128)
    found = parse_rendering([("viewport", "100,50,10,20,-30,40")]).viewport
    assert found == Viewport(100, 50, 10, 20, 30, 40, flip_horizontally=True)
    assert parse_rendering([("viewport", "9,9,,,5,-6")]).viewport == Viewport(
        9, 9, 0, 0, 5, 6, flip_vertically=True
    )


def test_quality_and_annotations_are_read() -> None:
    found = parse_rendering([("quality", "75"), ("annotation", "patient,technique,patient")])
    assert found.quality == 75
    assert found.annotations == (Annotation.PATIENT, Annotation.TECHNIQUE)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("quality", "0"),
        ("quality", "101"),
        ("quality", "good"),
        ("quality", "50.5"),
        ("window", "1"),
        ("window", "1,2"),
        ("window", "1,2,"),
        ("window", "1,0,linear"),
        ("window", "1,nan,linear"),
        ("window", "1,2,cubic"),
        ("window", "1,2,linear,3"),
        ("viewport", "1"),
        ("viewport", "0,10"),
        ("viewport", "10,99999"),
        ("viewport", "1,1,-1,0,5,5"),
        ("viewport", "1,1,0,0,0,5"),
        ("viewport", "1,1,0,0,5,5,5"),
        ("viewport", "1,inf"),
        ("annotation", "diagnosis"),
        ("iccprofile", ""),
        ("iccprofile", "cmyk"),
    ],
)
def test_a_malformed_value_is_refused(name: str, value: str) -> None:
    with pytest.raises(InvalidRequest, match=name):
        parse_rendering([(name, value)])


def test_a_parameter_given_twice_is_refused() -> None:
    with pytest.raises(InvalidRequest, match="twice"):
        parse_rendering([("quality", "1"), ("quality", "1")])


@given(
    st.sampled_from(["quality", "window", "viewport", "annotation", "iccprofile"]),
    st.text(max_size=20),
)
def test_any_value_is_read_or_refused(name: str, value: str) -> None:
    try:
        parse_rendering([(name, value)])
    except InvalidRequest as error:
        assert str(error)
