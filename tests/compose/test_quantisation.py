"""Values stored as integers come back within the error that is told."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isocenter.compose.derivation.quantisation import Limits, Range, StoredForm, fitting_form
from isocenter.errors import CannotCompose

FORMS = [
    StoredForm(16, 12, False, 1.0, -1024.0),
    StoredForm(16, 16, True),
    StoredForm(16, 16, True, 0.37, 0.0),
    StoredForm(16, 16, True, 1.0, 0.0, padding=-2000),
    StoredForm(8, 8, False),
]


@given(
    present=st.sampled_from(FORMS),
    low=st.floats(-1e5, 1e5),
    span=st.floats(0, 1e5),
    whole=st.booleans(),
    limits=st.sampled_from([Limits(), Limits(intercept_zero=True)]),
    undefined=st.booleans(),
    precision=st.sampled_from([None, 0.3, 5.0]),
)
@settings(max_examples=300, deadline=None)
def test_what_is_stored_comes_back(present, low, span, whole, limits, undefined, precision):
    values = low + span * np.random.default_rng(0).random((8, 8))
    if whole:
        values = np.rint(values)
    if undefined:
        values[0, :3] = np.nan
    try:
        form = fitting_form(present, Range.of(values), precision=precision, limits=limits)
    except CannotCompose:
        return  # a refusal stores nothing wrong
    stored = form.stored(values)
    assert stored.dtype == form.dtype
    assert form.bounds[0] <= stored.min() and stored.max() <= form.bounds[1]
    restored = stored * form.slope + form.intercept
    missing = np.isnan(values)
    assert np.abs(restored - values)[~missing].max() <= form.error + 1e-9 * (abs(low) + span)
    if precision is not None:
        assert form.error <= precision
    if limits.intercept_zero and form.slope != present.slope:
        assert form.intercept == 0
    if form.padding is not None:
        assert np.array_equal(stored == form.padding, missing)


def test_whole_numbers_within_the_source_keep_its_form():
    form = fitting_form(FORMS[0], Range(-1024, 3071, whole=True), limits=Limits())
    assert form == FORMS[0]


@pytest.mark.parametrize(("low", "high"), [(-1, 100), (0, 300)])
def test_eight_bits_hold_no_more(low, high):
    with pytest.raises(CannotCompose, match="8 bits"):
        fitting_form(
            FORMS[4], Range(low, high, whole=True), limits=Limits(identity=True, eight_bits=True)
        )


def test_a_class_without_rescale_rounds_to_whole_numbers():
    form = fitting_form(
        StoredForm(16, 12, False), Range(0.25, 9.75, whole=False), limits=Limits(identity=True)
    )
    assert (form.slope, form.intercept, form.error) == (1, 0, 0.5)


def test_an_image_of_one_value_is_stored():
    form = fitting_form(FORMS[1], Range(0.125, 0.125, whole=False), limits=Limits())
    stored = form.stored(np.full((2, 2), 0.125))
    assert np.allclose(stored * form.slope + form.intercept, 0.125)
