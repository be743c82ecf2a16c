"""Presentation states as JSON, as people and programs write them.

The members are the fields of `isocenter.pixels.presentation.PresentationState`, and for the usual
cases shorter ones: `text`, `graphics` and `compounds` with `layer` and `images` in each object,
`window` or `windows`, `invert` or `presentation_table`, `rescale` or `modality_table`, `area`.
Images are named by SOP Instance UID or by their place among the sources.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from isocenter.compose.presentation.table_form import modality_table, presentation_table, table
from isocenter.compose.sources import Sources
from isocenter.dicom.text_files import read_text
from isocenter.errors import CannotCompose, InvalidAttribute, NotFound, PixelDataError
from isocenter.pixels import Presentation, Rescale, VoiFunction, Window
from isocenter.pixels.presentation import (
    BitmapShutter,
    CircularShutter,
    CompoundGraphic,
    GraphicAnnotation,
    GraphicObject,
    Overlay,
    OverlayActivation,
    PolygonalShutter,
    PresentationState,
    RectangularShutter,
    ReferencedImage,
    Shutter,
    TextObject,
    VoiSelection,
)
from isocenter.pixels.presentation.items import Item, built
from isocenter.pixels.presentation.spellings import decimal

__all__ = ["state_from_json"]

_DEFAULT_LAYER = "ANNOTATIONS"
_OBJECTS: dict[str, tuple[str, type[Item]]] = {
    "text": ("texts", TextObject),
    "graphics": ("graphics", GraphicObject),
    "compounds": ("compounds", CompoundGraphic),
}
_SHAPES: dict[str, type[Item]] = {
    "rectangle": RectangularShutter,
    "circle": CircularShutter,
    "polygon": PolygonalShutter,
}
_MEMBERS = (
    *_OBJECTS, "window", "windows", "rotation", "flipped", "invert", "area", "displayed_areas",
    "shutter", "mask", "rescale", "modality_table", "presentation_table", "layers", "groups",
    "annotations", "overlays", "activations",
    "images", "label", "description", "creator",
)  # fmt: skip
Json = Mapping[str, Any]


def state_from_json(content: Json | str | Path, images: Sources) -> PresentationState:
    """Return the presentation state that JSON describes.

    Parameters
    ----------
    content
        The object, or the path of a file.
    images
        The sources, by whose place images are named.

    Raises
    ------
    NotFound
        When there is no such file.
    CannotCompose
        When it is no JSON, has an unknown member, or a value is none.
    """
    given = content if isinstance(content, Mapping) else _loaded(Path(content))
    uids = [str(one.data_set.get("SOPInstanceUID", "")) for one in images]
    try:
        return built(PresentationState, _members(dict(given), uids))
    except (InvalidAttribute, PixelDataError) as problem:
        raise CannotCompose(f"{problem}.", tag=getattr(problem, "tag", None)) from None
    except (ValueError, TypeError) as problem:
        raise CannotCompose(f"The content cannot be understood: {problem}.") from None


def _loaded(path: Path) -> Json:
    try:
        value = json.loads(read_text(path), parse_constant=_no_number)
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}.") from error
    except (ValueError, RecursionError) as error:
        raise CannotCompose(f"{path} is not JSON: {error}.") from None
    if not isinstance(value, dict):
        raise CannotCompose(f"{path} holds no JSON object; write {{...}}.")
    return cast("Json", value)


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number of JSON")


def _members(given: dict[str, Any], uids: Sequence[str]) -> dict[str, Any]:
    """Return the fields of the presentation state, the shorter forms written out."""
    for name in given:
        if name not in _MEMBERS:
            raise ValueError(f"there is no {name!r}; expected some of {', '.join(_MEMBERS)}")
    found = cast("dict[str, Any]", _name_images(given, uids))
    whole = _list("annotations", found.pop("annotations", []))
    annotations = [_made(f"annotations {n}", GraphicAnnotation, one) for n, one in _numbered(whole)]
    found["annotations"] = (*annotations, *_annotations(found))
    windows = _list("windows", found.pop("windows", []))
    if "window" in found:
        windows = [found.pop("window"), *windows]
    if windows:
        found["voi"] = tuple(_window(f"window {n}", one) for n, one in _numbered(windows))
    if "area" in found:
        found["displayed_areas"] = [found.pop("area")]
    _refuse_both(found, "invert", "presentation_table")
    _refuse_both(found, "rescale", "modality_table")
    for name, (field, make) in _TRANSFORMS.items():
        if name in found:
            found[field] = make(found.pop(name))
    if "shutter" in found:
        found["shutter"] = _shutter(found["shutter"])
    for name, make in (("overlays", _overlay), ("activations", _activation)):
        numbered = _numbered(_list(name, found.get(name, [])))
        found[name] = tuple(make(f"{name} {n}", one) for n, one in numbered)
    found["images"] = _references(found.get("images", []))
    return found


def _numbered(many: Iterable[Any]) -> Iterable[tuple[int, Any]]:
    return enumerate(many, 1)


def _name_images(value: Any, uids: Sequence[str]) -> Any:
    """Return the content with every `images` a list of references."""
    if isinstance(value, list):
        return [_name_images(one, uids) for one in cast("list[Any]", value)]
    if not isinstance(value, dict):
        return value
    members = cast("dict[str, Any]", value)
    return {
        name: [_reference(one, uids) for one in _list(name, member)]
        if name == "images"
        else _name_images(member, uids)
        for name, member in members.items()
    }


def _list(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{name}: expected a list")
    return cast("list[Any]", value)


def _reference(image: Any, uids: Sequence[str]) -> dict[str, Any]:
    """Return the reference that a place among the sources, a UID or an object of them means."""
    if isinstance(image, Mapping):
        members = dict(cast("Json", image))
        if "image" in members:
            members |= _reference(members.pop("image"), uids)
        return members
    if isinstance(image, str):
        return {"sop_instance_uid": image}
    if isinstance(image, int) and 1 <= image <= len(uids):
        return {"sop_instance_uid": uids[image - 1]}
    raise ValueError(f"images: {image!r} is no image; expected 1 to {len(uids)}, or a UID")


def _annotations(found: dict[str, Any]) -> list[GraphicAnnotation]:
    """Take text and graphics out of the short form, one annotation for each layer and images."""
    groups: dict[tuple[str, tuple[ReferencedImage, ...]], dict[str, list[Any]]] = {}
    for member, (field, cls) in _OBJECTS.items():
        for place, one in enumerate(_list(member, found.pop(member, [])), 1):
            where = f"{member} {place}"
            values = _object(where, one)
            layer = str(values.pop("layer", _DEFAULT_LAYER))
            images = _references(values.pop("images", ()))
            group = groups.setdefault((layer, images), {})
            group.setdefault(field, []).append(_made(where, cls, values))
    return [
        GraphicAnnotation(layer=layer, images=images, **{k: tuple(v) for k, v in objects.items()})
        for (layer, images), objects in groups.items()
    ]


_Made = TypeVar("_Made")


def _references(given: Iterable[Any]) -> tuple[ReferencedImage, ...]:
    return tuple(_made(f"images {n}", ReferencedImage, one) for n, one in _numbered(given))


def _located(where: str, make: Callable[[], _Made]) -> _Made:
    """Make something; what goes wrong says where."""
    try:
        return make()
    except InvalidAttribute as problem:
        raise InvalidAttribute(f"{where}: {problem}", problem.tag) from None
    except PixelDataError as problem:
        raise PixelDataError(f"{where}: {problem}") from None
    except (ValueError, TypeError, KeyError, IndexError) as problem:
        raise ValueError(f"{where}: {problem}") from None


def _object(where: str, given: Any) -> dict[str, Any]:
    if not isinstance(given, Mapping):
        raise ValueError(f"{where}: expected an object")
    return dict(cast("Json", given))


def _made(where: str, cls: type[_Made], values: Any) -> _Made:
    members = _object(where, values)
    return _located(where, lambda: built(cls, members))


def _number(where: str, value: Any) -> float:
    return _located(where, lambda: decimal(value))


def _window(where: str, given: Any) -> VoiSelection:
    """Return what `[center, width]`, or an object of these or a table and of images, means."""
    if isinstance(given, list):
        numbers = cast("list[Any]", given)
        if len(numbers) != 2:
            raise ValueError(f"{where}: expected center and width")
        given = {"center": numbers[0], "width": numbers[1]}
    if not isinstance(given, Mapping):
        raise ValueError(f"{where}: expected [center, width], or an object")
    members = _object(where, given)
    images = _references(members.pop("images", ()))
    if "table" in members:
        found = table(f"{where}: table", members.pop("table"))
        if members:
            raise ValueError(f"{where}: there is no {next(iter(members))!r} beside a table")
        return VoiSelection(transforms=(found,), images=images)
    function = str(members.pop("function", "LINEAR")).upper()
    members["function"] = _located(where, lambda: VoiFunction(function))
    for name in {"center", "width"} & members.keys():
        members[name] = _number(f"{where}: {name}", members[name])
    return VoiSelection(transforms=(_made(where, Window, members),), images=images)


def _refuse_both(found: Mapping[str, Any], first: str, second: str) -> None:
    if first in found and second in found:
        raise ValueError(f"{first} and {second} exclude each other; give one")


def _rescale(given: Any) -> Rescale:
    members = _object("rescale", given)
    for name in {"slope", "intercept"} & members.keys():
        members[name] = _number(f"rescale: {name}", members[name])
    return _made("rescale", Rescale, members)


def _shutter(given: Any) -> Shutter:
    members = _object("shutter", given)
    members["shapes"] = tuple(
        _made(f"shutter: {name}", cls, members.pop(name))
        for name, cls in _SHAPES.items()
        if name in members
    )
    bitmap = members.pop("bitmap", None)
    if bitmap is not None:
        group = _group("shutter: bitmap", bitmap)
        members["bitmap"] = BitmapShutter(overlay_group=group)
    return _made("shutter", Shutter, members)


def _overlay(where: str, given: Any) -> Overlay:
    members = _object(where, given)
    bits = _list(f"{where}: bits", members.get("bits"))
    if len({len(_list(f"{where}: bits", row)) for row in bits}) != 1:
        raise ValueError(f"{where}: bits: expected rows of the same length")
    if "group" in members:
        members["group"] = _group(where, members["group"])
    return _made(where, Overlay, members | {"bits": np.array(bits) == 1})


def _activation(where: str, given: Any) -> OverlayActivation:
    members = _object(where, given)
    if "group" in members:
        members["group"] = _group(where, members["group"])
    return _made(where, OverlayActivation, members)


def _group(where: str, given: Any) -> int:
    """Return the group that a number, or text such as `6000`, means."""
    return _located(where, lambda: int(given, 16) if isinstance(given, str) else int(given))


_TRANSFORMS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "invert": ("presentation", lambda given: Presentation(inverse=given is True)),
    "presentation_table": ("presentation", presentation_table),
    "rescale": ("modality", _rescale),
    "modality_table": ("modality", modality_table),
}
"""Members that say a transformation of the pipeline, by the field that it becomes."""
