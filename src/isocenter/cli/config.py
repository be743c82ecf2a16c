"""`isocenter config`."""

import json
import sys

from isocenter.cli import options

__all__ = ["config"]


def config(
    file: options.ConfigFile = None,
    as_json: options.Json = False,
) -> None:
    """Print every setting in force and where its value came from.

    Secrets stay hidden. What is printed may be the beginning of an isocenter.toml.
    """
    from isocenter.server.settings import load, unknown_variables

    effective = load(file=file)
    for name in unknown_variables():
        print(f"isocenter: unknown variable {name}", file=sys.stderr)
    values = effective.settings.model_dump(mode="json")
    if as_json:
        rows = {
            name: {"value": value, "source": effective.origins[name]}
            for name, value in values.items()
        }
        print(json.dumps(rows, indent=2))
        return
    width = max(len(name) for name in values)
    for name, value in values.items():
        source = f"# {effective.origins[name]}"
        if value is None:  # TOML has no word for it
            print(f"{f'# {name} is not set':{width + 33}}{source}")
        else:
            print(f"{name:{width}} = {json.dumps(value):28}  {source}")
