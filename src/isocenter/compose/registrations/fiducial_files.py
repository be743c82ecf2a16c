"""Fiducials of other programs: 3D Slicer's markups (.mrk.json, .fcsv), CSV, JSON."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from isocenter.compose.argument_types import checked
from isocenter.compose.codes import Code
from isocenter.compose.reading import no_file
from isocenter.compose.registrations.fiducials import Fiducial, FiducialShape, OnImage
from isocenter.dicom.text_files import read_text
from isocenter.errors import CannotCompose

__all__ = ["read_fiducials"]

_RAS, _LPS = np.array([-1.0, -1.0, 1.0]), np.ones(3)
_SYSTEMS = {"RAS": _RAS, "0": _RAS, "LPS": _LPS, "1": _LPS}
_MARKUPS = {"Line": FiducialShape.LINE, "Plane": FiducialShape.PLANE}


@checked
def read_fiducials(path: str | Path) -> list[Fiducial]:
    """Read fiducials from a file.

    Parameters
    ----------
    path
        3D Slicer's `.mrk.json` or `.fcsv`, whose coordinate system the file says (RAS is turned
        into LPS); a `.csv` with the columns identifier, x, y, z and maybe shape, description,
        uncertainty, in which rows of the same identifier are one fiducial; or a `.json` list of
        objects with these names, `points` as a list of triplets, `code` as value, scheme and
        meaning, and `on_images` as objects of `sop_instance_uid`, `points`, `frame`.

    Returns
    -------
    list of Fiducial
        In the order of the file.

    Raises
    ------
    NotFound
        When the file does not exist.
    CannotCompose
        When it is none of these, or a fiducial in it cannot be.
    """
    path = Path(path)
    if not path.is_file():
        raise no_file(path, "fiducials")
    try:
        text = read_text(path)
        if path.suffix.lower() == ".json":
            content: Any = json.loads(text)
            if isinstance(content, Mapping) and "markups" in content:
                return _markups(cast("Mapping[str, Any]", content))
            return _objects(cast("Sequence[Mapping[str, Any]]", content))
        return _fcsv(text) if path.suffix.lower() == ".fcsv" else _table(text.splitlines())
    except KeyError as error:
        raise _refused(
            f"{path} cannot be read as fiducials: there is no {error}; a CSV begins with the "
            "columns identifier,x,y,z, and objects in JSON have an identifier."
        ) from error
    except UnicodeDecodeError as error:
        raise _refused(f"{path} is no text in UTF-8, so it holds no fiducials.") from error
    except OSError as error:
        raise _refused(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, TypeError, AttributeError, RecursionError, csv.Error) as error:
        raise _refused(f"{path} cannot be read as fiducials: {error!r}.") from error


def _refused(message: str) -> CannotCompose:
    return CannotCompose(message, tag=0x0070031E, module="Spatial Fiducials")


def _signs(system: str) -> NDArray[np.float64]:
    """Return what turns a coordinate system of 3D Slicer into LPS."""
    if system.upper() not in _SYSTEMS:
        raise _refused(f"The coordinate system {system!r} is not of the patient; use LPS or RAS.")
    return _SYSTEMS[system.upper()]


def _markups(content: Mapping[str, Any]) -> list[Fiducial]:
    """Read 3D Slicer's markups: a point list gives a fiducial a point, a line or plane one."""
    found: list[Fiducial] = []
    for number, markup in enumerate(content["markups"], 1):
        signs = _signs(str(markup.get("coordinateSystem", "LPS")))
        points = [one for one in markup["controlPoints"] if "position" in one]
        places = np.array([one["position"] for one in points], np.float64).reshape(-1, 3) * signs
        kind = str(markup.get("type", "Fiducial"))
        if kind == "Fiducial":
            found += [
                Fiducial(
                    str(one.get("label") or one.get("id") or index)[:16],
                    place[np.newaxis],
                    description=str(one.get("description") or "")[:64],
                )
                for index, (one, place) in enumerate(zip(points, places, strict=True), 1)
            ]
        else:
            shape = _MARKUPS.get(kind, FiducialShape.SHAPE)
            found.append(
                Fiducial(str(markup.get("label") or f"{kind} {number}")[:16], places, (), shape)
            )
    return found


def _fcsv(text: str) -> list[Fiducial]:
    """Read 3D Slicer's older point lists, whose header says system and columns."""
    header = [line[1:].strip() for line in text.splitlines() if line.startswith("#")]
    said = dict(line.split("=", 1) for line in header if "=" in line)
    settings = {key.strip(): value.strip() for key, value in said.items()}
    signs = _signs(settings.get("CoordinateSystem", "RAS"))
    columns = settings.get("columns", "id,x,y,z,ow,ox,oy,oz,vis,sel,lock,label,desc").split(",")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    found: list[Fiducial] = []
    for number, row in enumerate(csv.DictReader(lines, columns), 1):
        place = np.array([[float(row[axis]) for axis in "xyz"]]) * signs
        name = (row.get("label") or row.get("id") or str(number))[:16]
        found.append(Fiducial(name, place, description=(row.get("desc") or "")[:64]))
    return found


def _table(lines: Iterable[str]) -> list[Fiducial]:
    rows: dict[str, list[Mapping[str, str]]] = {}
    for row in csv.DictReader(lines):
        rows.setdefault(row["identifier"], []).append(row)
    return [
        Fiducial(
            identifier,
            np.array([[float(row[axis]) for axis in "xyz"] for row in many]),
            shape=many[0].get("shape") or None,
            description=many[0].get("description") or "",
            uncertainty=float(many[0]["uncertainty"]) if many[0].get("uncertainty") else None,
        )
        for identifier, many in rows.items()
    ]


def _objects(content: Sequence[Mapping[str, Any]]) -> list[Fiducial]:
    return [
        Fiducial(
            str(one["identifier"]),
            np.array(one.get("points") or (), np.float64).reshape(-1, 3),
            tuple(_on_image(image) for image in one.get("on_images") or ()),
            one.get("shape"),
            str(one.get("description") or ""),
            Code(*one["code"]) if one.get("code") else None,
            one.get("uncertainty"),
            str(one.get("uid") or ""),
        )
        for one in content
    ]


def _on_image(image: Mapping[str, Any]) -> OnImage:
    points = np.array(image["points"], np.float64).reshape(-1, 2)
    return OnImage(str(image["sop_instance_uid"]), points, image.get("frame"))
