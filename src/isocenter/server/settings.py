"""The one model of everything that can be configured, and where each value came from.

Weakest first: the defaults below, `isocenter.toml`, the environment (`ISOCENTER_` and the name in
capitals), the flags of a command.
"""

import difflib
import os
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ByteSize, Field, ValidationError
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from isocenter.dicom.text_files import read_text
from isocenter.errors import ConfigurationError
from isocenter.server.listen_address import ListenAddress
from isocenter.server.setting_values import (
    EXPECTED,
    AETitle,
    Count,
    Folder,
    Hosts,
    Listener,
    Origins,
    Peers,
    Seconds,
    Size,
    Tokens,
    Url,
)

__all__ = ["EffectiveSettings", "Settings", "load", "unknown_variables"]

DEFAULT_FILE = Path("isocenter.toml")
_PREFIX = "ISOCENTER_"
# Variables of ours that are not settings of the server.
_OTHER_VARIABLES = frozenset({"ISOCENTER_CONFIG", "ISOCENTER_DEBUG"})


class Settings(BaseSettings):
    """Everything that `isocenter serve` can be told; the descriptions are the reference's."""

    model_config = SettingsConfigDict(
        env_prefix=_PREFIX, extra="forbid", frozen=True, arbitrary_types_allowed=True
    )

    http: Listener = Field(
        ListenAddress("127.0.0.1", 8104),
        description="Where the viewer, its API and DICOMweb listen.",
    )
    dicom: Listener = Field(
        ListenAddress("127.0.0.1", 11112), description="Where DICOM associations are accepted."
    )
    aet: AETitle = Field("ISOCENTER", description="AE title of this node.")
    data: Folder = Field(Path("isocenter-data"), description="Folder of the archive.")
    index_url: Url | None = Field(
        None, description="SQLAlchemy URL of the index; SQLite in the data folder when unset."
    )
    durability: Literal["safe", "fast"] = Field(
        "safe",
        description="`safe` answers success when file and index are synced to disk; `fast` leaves "
        "the syncing to the operating system.",
    )
    on_conflict: Literal["refuse", "replace", "keep"] = Field(
        "refuse",
        description="What happens to an instance that is already here with other bytes: refused, "
        "replacing the kept one, or acknowledged while the kept one stays.",
    )
    quarantine: Folder | None = Field(
        None, description="Folder that keeps refused objects with their reason."
    )
    validation: Literal["off", "warn", "refuse"] = Field(
        "off",
        description="Whether arriving objects are held against the rules of their IOD: not at all, "
        "kept with a warning where they break any, or refused.",
    )
    demo: bool = Field(False, description="Fill an empty archive with sample studies.")
    insecure: bool = Field(
        False,
        description="Allow listening beyond this machine without tokens (HTTP) or peers (DICOM).",
    )
    tokens: Tokens = Field(
        (),
        description="Secrets of 16 characters or more, any of which opens HTTP: as a bearer "
        "token, or as the password a browser asks for (with any user name).",
    )
    peers: Peers = Field(
        (),
        description="Calling AE titles that may associate, each alone or as `AET@ADDRESS` with the "
        "IP address it must call from; anyone when empty.",
    )
    hosts: Hosts = Field(
        (),
        description="Further host names under which HTTP is reached (a proxy's, a DNS name); "
        "addresses, localhost and this machine's own name need no mention.",
    )
    origins: Origins = Field(
        (),
        description="Other web origins whose pages may use the API and DICOMweb, for example "
        "`https://viewer.example.org`.",
    )
    max_associations: Count = Field(256, description="DICOM associations at one time.")
    max_associations_per_peer: Count = Field(
        128, description="DICOM associations at one time from one address."
    )
    max_object_size: Size = Field(
        ByteSize(16 << 30), description="Largest DICOM object that is accepted, in bytes or `8GiB`."
    )
    shutdown_grace: Seconds = Field(
        10.0, description="Seconds that running transfers get to finish when the server stops."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="How much is logged, to standard error."
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        *others: PydanticBaseSettingsSource,
        **named: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take only what `load` gathered, which knows the source of each value."""
        return (init_settings,)


@dataclass(frozen=True, slots=True)
class EffectiveSettings:
    """Settings together with the source of each value.

    Parameters
    ----------
    settings
        The model.
    origins
        Field name to `default`, the path of the file, the variable's name, or the flag.
    """

    settings: Settings
    origins: Mapping[str, str]


def load(flags: Mapping[str, object] | None = None, file: Path | None = None) -> EffectiveSettings:
    """Put the settings together from file, environment and flags.

    Parameters
    ----------
    flags
        Field name to value for the flags that the user gave; None values are left out.
    file
        The configuration file; else the one named by `ISOCENTER_CONFIG`, else `isocenter.toml` in
        the working directory if there is one.

    Raises
    ------
    ConfigurationError
        If a value is malformed or a name unknown; the text names it and its source.
    """
    from_file, path = _read_file(file)
    from_environment = EnvSettingsSource(Settings)()
    given = {name: value for name, value in (flags or {}).items() if value is not None}
    origins = dict.fromkeys(Settings.model_fields, "default")
    origins |= dict.fromkeys(from_file, str(path))
    origins |= {name: _PREFIX + name.upper() for name in from_environment}
    origins |= {name: "--" + name.replace("_", "-") for name in given}
    try:
        merged = {**from_file, **from_environment, **given}
        return EffectiveSettings(Settings.model_validate(merged), origins)
    except ValidationError as error:
        raise ConfigurationError(_explain(error, origins)) from None


def unknown_variables(environment: Mapping[str, str] = os.environ) -> list[str]:
    """Name the variables that look like ours and are no setting, each with the likely one."""
    known = {_PREFIX + name.upper() for name in Settings.model_fields} | _OTHER_VARIABLES
    strangers = sorted(name for name in environment if name.startswith(_PREFIX))
    return [name + _suggestion(name, known) for name in strangers if name not in known]


def _named_by_environment() -> Path | None:
    text = os.environ.get("ISOCENTER_CONFIG")
    if text == "":
        raise ConfigurationError(
            "ISOCENTER_CONFIG is empty; name the configuration file, or remove the variable"
        )
    return None if text is None else Path(text)


def _read_file(file: Path | None) -> tuple[dict[str, object], Path]:
    """Read the configuration file; a missing one is an error only when somebody named it."""
    named = file or _named_by_environment()
    path = named or DEFAULT_FILE
    if named is None and not path.exists():
        return {}, path
    try:
        content = tomllib.loads(read_text(path))
    except (OSError, ValueError, RecursionError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        if str(error).startswith("Invalid value"):
            reason = f'{reason}; text stands in quotes, as in aet = "ARCHIVE"'
        raise ConfigurationError(f"{path}: cannot read the configuration: {reason}") from error
    for name, value in content.items():
        if isinstance(value, dict):
            raise ConfigurationError(f"{path}: settings stand by themselves, in no table [{name}]")
        if name not in Settings.model_fields:
            raise ConfigurationError(
                f"{path}: unknown setting {name!r}{_suggestion(name, Settings.model_fields)}"
            )
    return content, path


def _suggestion(name: str, known: Iterable[str]) -> str:
    by_lower = {each.lower(): each for each in known}
    close = difflib.get_close_matches(name.lower(), list(by_lower), n=1)
    return f"; did you mean {by_lower[close[0]]}?" if close else ""


def _explain(error: ValidationError, origins: Mapping[str, str]) -> str:
    """Say a line for each bad value: where it came from and what is wrong; never a secret."""
    lines = list[str]()
    for detail in error.errors(include_url=False, include_context=False):
        name = str(detail["loc"][0]) if detail["loc"] else ""
        field = Settings.model_fields.get(name)
        told = EXPECTED.get(field.annotation) if field else None
        message = told or detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "literal_error":  # of which none is a secret
            message = f"found {detail['input']!r}; {message.replace('Input should be', 'expected')}"
        lines.append(f"{name} (from {origins.get(name, 'the configuration')}): {message}")
    return "\n".join(lines)
