"""What a command can do, its Python function can do by the same name, and the other way round."""

import inspect

import pytest
import typer.main

from isocenter import compose
from isocenter.cli.program import app
from isocenter.dicom import dump

GROUP = typer.main.get_command(app).commands
DELIVERED = {"help", "output", "to", "transfer_syntax", "explain", "dry_run"}
SPELLED = {"source": "--from", "overrides": "--set"}
"""`from` and `set` are words of Python's own."""
ALSO = {
    "reg": (compose.spatial_registration, compose.deformable_registration),
    "rwvm": (compose.RealWorldMapping,),
}
"""What else the options of a command go to."""
ONLY_PYTHON = {
    "pdf": {"kind"},  # the name of the command
    "cda": {"kind"},
    "stl": {"kind"},
    "obj": {"kind"},
    "mtl": {"kind"},
    "reg": {"modify", "options"},  # functions cannot be typed
    "rwvm": {"source", "units", "quantity", "table"},  # the images; *_of_measure, *_definition
}
ONLY_COMMAND = {
    "seg": {"segment"},  # the short form of `segments`
    "rwvm": {"units_of_measure", "quantity_definition"},
}


def parameters(*functions) -> set[str]:
    """What functions take besides their content, which comes first."""
    return {name for one in functions for name in [*inspect.signature(one).parameters][1:]}


@pytest.mark.parametrize("kind", GROUP["compose"].commands)
def test_every_option_of_a_kind_is_a_parameter_of_its_function_and_the_reverse(kind):
    command = GROUP["compose"].commands[kind]
    options = {one.name: one for one in command.params if one.param_type_name == "option"}
    function = getattr(compose, kind)
    taken = parameters(function, *ALSO.get(kind, ())) | ({"label"} if kind == "rwvm" else set())
    # Python takes a worklist item as part of the source.
    assert options.keys() - DELIVERED - {"worklist"} - ONLY_COMMAND.get(kind, set()) == (
        taken - ONLY_PYTHON.get(kind, set())
    )
    for name in options.keys() & taken:
        spelled = SPELLED.get(name, f"--{name.replace('_', '-')}")
        assert spelled in (*options[name].opts, *options[name].secondary_opts)


def test_derive_takes_what_its_function_takes():
    options = {one.name for one in GROUP["derive"].params if one.param_type_name == "option"}
    operations = {"smooth", "resample", "interpolation", "pixels", "new_geometry"}
    taken = parameters(compose.derive) - {"pixels", "grid"}  # the operation; where it lies
    assert options - DELIVERED - operations == taken


def test_correct_takes_what_its_function_takes():
    options = {one.name for one in GROUP["correct"].params if one.param_type_name == "option"}
    taken = parameters(compose.correct) - {"rules", "reads"}  # functions cannot be typed
    assert (options - {"to", "as_json", "assigned"}) | {"set_values"} == taken


def test_dump_takes_what_its_function_takes():
    options = {one.name for one in GROUP["dump"].params if one.param_type_name == "option"}
    assert options - {"as_json", "as_xml"} == parameters(dump)


def test_what_all_kinds_take_stands_in_the_same_order_and_words():
    kinds = [one.params for one in GROUP["compose"].commands.values()]
    first = [one.name for one in kinds[0]]
    shared = [name for name in first if all(name in {one.name for one in each} for each in kinds)]
    assert {"output", "to", "transfer_syntax", "overrides", "template_file"} <= set(shared)
    for each in kinds:
        assert [one.name for one in each if one.name in shared] == shared
