"""Template files: a site's defaults and overrides, in TOML.

```toml
[defaults]                       # where nothing else gives a value
InstitutionName = "Example Clinic"

[overrides]                      # whatever else was said
StationName = "CAPTURE1"

[secondary_capture.overrides]    # for one kind of object
SeriesDescription = "Photographs"
```
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from isocenter.compose import values
from isocenter.compose.argument_types import check_members, checked
from isocenter.dicom.text_files import read_text
from isocenter.errors import CannotCompose, ConfigurationError

__all__ = ["Template", "template"]


@dataclass(frozen=True, slots=True)
class Template:
    """Attributes that a site wants in what it composes.

    Parameters
    ----------
    tables
        The parsed TOML: `defaults` and `overrides`, and the same under the name of a kind.
    name
        How explanations call it.
    """

    tables: Mapping[str, Any] = field(default_factory=dict[str, Any])
    name: str = "template"

    def __post_init__(self) -> None:
        check_members(self)
        _check(self.tables, self.name)

    @classmethod
    @checked
    def read(cls, path: str | Path) -> Template:
        """Read a template file.

        Parameters
        ----------
        path
            The file, in TOML.

        Returns
        -------
        Template
            The template, named by its path.

        Raises
        ------
        ConfigurationError
            When it is missing, not TOML, or names an attribute that the data dictionary does not
            have.
        """
        try:
            tables = tomllib.loads(read_text(path))
        except OSError as error:
            raise ConfigurationError(
                f"The template {path} cannot be read: {error.strerror}."
            ) from error
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
            raise ConfigurationError(f"The template {path} is not TOML: {error}.") from error
        return cls(tables, str(path))

    def defaults(self, kind: str) -> dict[str, Any]:
        """Return what applies to `kind` where nothing else gives a value.

        Parameters
        ----------
        kind
            The kind of object, such as `secondary_capture`.

        Returns
        -------
        dict
            Values by keyword.
        """
        return self._merged(kind, "defaults")

    def overrides(self, kind: str) -> dict[str, Any]:
        """Return what applies to `kind` over copied and generated values.

        Parameters
        ----------
        kind
            The kind of object, such as `secondary_capture`.

        Returns
        -------
        dict
            Values by keyword.
        """
        return self._merged(kind, "overrides")

    def _merged(self, kind: str, section: str) -> dict[str, Any]:
        of_kind = cast("Mapping[str, Any]", self.tables.get(kind, {}))
        return {**self.tables.get(section, {}), **of_kind.get(section, {})}


def template(value: Template | str | Path | None) -> Template | None:
    """Return what a `template_file` parameter means: a template, or the file to read it from."""
    if value is None or isinstance(value, Template):
        return value
    return Template.read(value)


def _check(tables: Mapping[str, Any], name: str) -> None:
    for section, content in tables.items():
        if not isinstance(content, Mapping):
            raise ConfigurationError(
                f"{name}: {section!r} stands outside a table; put it under [defaults] or "
                "[overrides]."
            )
        content = cast("Mapping[str, Any]", content)
        if section in ("defaults", "overrides"):
            _check_keywords(content, f"{name} [{section}]")
        else:
            _check(content, f"{name} [{section}]")


def _check_keywords(content: Mapping[str, Any], where: str) -> None:
    for keyword in content:
        try:
            values.tag_of(keyword)
        except CannotCompose as error:
            raise ConfigurationError(f"{where}: {error}") from None
