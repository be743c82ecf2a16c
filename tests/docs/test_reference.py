"""The reference names every setting and every flag, and nothing that is not there."""

import importlib
import re
from pathlib import Path

import pytest
import typer.main

from isocenter import compose
from isocenter.cli.exit_codes import ExitCode
from isocenter.cli.program import app
from isocenter.server.settings import Settings

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
COMMANDS = typer.main.get_command(app).commands


def settings_table() -> str:
    rows = ["| setting | default | |", "| --- | --- | --- |"]
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "" if default in (None, (), "") else f"`{str(default).lower()}`"
        if name in ("aet", "data"):
            shown = f"`{default}`"
        rows.append(f"| `{name}` | {shown} | {field.description} |")
    return "\n".join(rows)


def test_the_table_of_settings_is_the_models():
    document = (REFERENCE / "configuration.md").read_text("utf-8")
    shown = re.search(r"<!-- settings -->\n(.*)<!-- /settings -->", document, re.S)[1].strip()
    assert shown == settings_table(), f"put this there:\n{settings_table()}"


def section(command: str) -> str:
    document = (REFERENCE / "commands.md").read_text("utf-8")
    return re.search(rf"^## {command}\b.*?(?=^## |\Z)", document, re.S | re.M)[0]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_flag_of_a_command_is_described_and_no_other(command):
    group = getattr(COMMANDS[command], "commands", {})  # one section tells of all of its kinds
    flags = {
        option
        for each in (COMMANDS[command], *group.values())
        for parameter in each.params
        for option in (*parameter.opts, *parameter.secondary_opts)
        if option.startswith("--")
    }
    described = set(re.findall(r"`(--[a-z-]+)[^`]*`", section(command)))
    assert described == flags - {"--help"}


def test_every_exit_code_is_described():
    document = (REFERENCE / "commands.md").read_text("utf-8")
    assert {int(code) for code in re.findall(r"^\| (\d+) \|", document, re.M)} == set(ExitCode)


@pytest.mark.parametrize(
    "package",
    [
        "isocenter",
        "isocenter.compose",
        "isocenter.compose.reports",
        "isocenter.dicom",
        "isocenter.dicom.validation",
        "isocenter.series",
    ],
)
def test_every_public_name_of_a_package_is_in_the_reference(package):
    document = (REFERENCE / "python.md").read_text("utf-8")
    code = re.findall(r"```python\n.*?```|`[^`\n]+`", document, re.S)
    named = set(re.findall(r"\w+", " ".join(code)))
    assert set(importlib.import_module(package).__all__) - named == set()


def test_the_table_of_compose_names_each_command_with_its_function():
    document = (REFERENCE / "python.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)\([^`]*` \| ([^|]+) \|", document, re.M)
    found = {word: name for name, words in rows for word in re.findall(r"`(\w+)`", words)}
    kinds = {*COMMANDS["compose"].commands, "derive", "correct"}
    assert kinds <= found.keys()
    for kind in kinds:
        assert getattr(compose, kind) is getattr(compose, found[kind])
