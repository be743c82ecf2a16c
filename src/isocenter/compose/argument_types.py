"""What callers give, held against the annotations of what they call: wrong types in words.

A wrong type would else show where it is first used, far from who gave it, or not at all: the text
"no" is as true as `True`.
"""

from __future__ import annotations

import errno
import inspect
import math
import numbers
import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass, fields
from functools import cache, wraps
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, ParamSpec, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray
from pydicom.valuerep import PersonName

from isocenter.errors import CannotCompose

__all__ = ["check_members", "check_positive", "checked", "real_array"]

_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")
_SHORT = 128  # bytes, less than any system's limit of a name, and so sure to be none too long
_CALLABLE: Any = get_origin(Callable[[], None])


@dataclass(frozen=True, slots=True)
class _Kind:
    """What one annotation takes.

    Parameters
    ----------
    one, many
        What it is called: `a whole number`, `whole numbers`.
    exactly, instances
        Classes of whose own objects it takes all, and of whose subclasses' objects, too: what most
        values are, and asked first, since that takes next to no time.
    others
        Whether it takes a value that is none of these.
    of
        What it takes as the members of a collection; None where it is none.
    """

    one: str
    many: str
    exactly: frozenset[type] = frozenset()
    instances: tuple[type, ...] = ()
    others: Callable[[Any], bool] | None = None
    of: _Kind | None = None

    def takes(self, value: Any) -> bool:
        """Tell whether it takes a value."""
        if type(value) in self.exactly or isinstance(value, self.instances):
            return True
        return self.others is not None and self.others(value)


def checked(function: Callable[_Given, _Made]) -> Callable[_Given, _Made]:
    """Return a function that refuses arguments of types that its annotations do not have.

    Raises
    ------
    CannotCompose
        When it is called with one; it names the parameter, what was found and what was expected.
    """
    names = [*inspect.signature(function).parameters]

    @wraps(function)
    def call(*args: _Given.args, **kwargs: _Given.kwargs) -> _Made:
        kinds = _kinds(function)
        by_place = list(args)
        for place, name in enumerate(names[: len(args)]):
            if name in kinds and type(args[place]) not in kinds[name].exactly:
                by_place[place] = _fitting(name, args[place], kinds[name])
        for name, one in kwargs.items():
            if name in kinds and type(one) not in kinds[name].exactly:
                kwargs[name] = _fitting(name, one, kinds[name])
        return cast("Any", function)(*by_place, **kwargs)

    return call


def check_members(made: Any) -> None:
    """Refuse members of a data class whose types its annotations do not have.

    Raises
    ------
    CannotCompose
        As for `checked`.
    """
    made_of = type(cast("object", made))
    for name, kind in _members(made_of):
        value = getattr(made, name)
        if not kind.takes(value):
            raise _refused(f"{name} of {made_of.__name__}", value, kind)


def real_array(name: str, value: Any, shape: tuple[int, ...] | None = None) -> NDArray[np.float64]:
    """Return what somebody gave as an array of finite numbers.

    Parameters
    ----------
    name
        The parameter.
    value
        An array, or lists of numbers.
    shape
        The shape that it must have; None for any.

    Raises
    ------
    CannotCompose
        When it is of another shape, or something in it is no finite number.
    """
    words = "numbers" if shape is None else f"{' x '.join(map(str, shape))} numbers"
    try:
        made: NDArray[Any] = np.asarray(value)
    except ValueError:  # lists of different lengths
        made = np.empty(0, object)
    if made.dtype.kind not in "buif" or (shape is not None and made.shape != shape):
        raise CannotCompose(f"{name} is {_found(value)}; expected {words}.")
    if not np.all(np.isfinite(made)):
        raise CannotCompose(f"{name} is not finite: it holds NaN or infinity; expected {words}.")
    return made.astype(np.float64)


def check_positive(name: str, numbers: Iterable[float], tag: int) -> None:
    """Refuse distances, widths and durations that are none.

    Parameters
    ----------
    name
        The parameter.
    numbers
        What was given.
    tag
        The attribute that it becomes, or is about.

    Raises
    ------
    CannotCompose
        When one is not above 0, or not finite.
    """
    given = tuple(numbers)
    if not all(0 < one < math.inf for one in given):
        found = ", ".join(f"{one:g}" for one in given)
        raise CannotCompose(f"{name} is {found}; expected finite numbers above 0.", tag=tag)


@cache
def _members(made_of: type) -> tuple[tuple[str, _Kind], ...]:
    kinds = _kinds(made_of)
    return tuple((one.name, kinds[one.name]) for one in fields(cast("Any", made_of)) if one.init)


@cache
def _kinds(annotated: Any) -> dict[str, _Kind]:
    return {name: _kind(hint) for name, hint in get_type_hints(annotated).items()}


def _fitting(name: str, value: Any, kind: _Kind) -> Any:
    """Return a value that fits, of an iterator one whose members are looked at as they come."""
    if isinstance(value, kind.instances):
        return value
    if isinstance(value, np.generic):  # which some libraries take for none of Python's numbers
        value = cast("Any", value).item()
    if isinstance(value, PersonName):  # which pydicom gives for text of VR PN
        value = str(value)
    if not kind.takes(value):
        raise _refused(name, value, kind)
    if kind.of is None or not isinstance(value, Iterator):
        return value
    return _as_they_come(name, cast("Iterator[Any]", value), kind.of)


def _as_they_come(name: str, values: Iterator[Any], kind: _Kind) -> Iterator[Any]:
    for number, value in enumerate(values):
        if not kind.takes(value):
            raise _refused(f"{name}[{number}]", value, kind)
        yield value


def _refused(name: str, value: Any, kind: _Kind) -> CannotCompose:
    """Return the error, which names the member of a collection that is of a wrong type."""
    if kind.of is not None and isinstance(value, list | tuple):
        for number, one in enumerate(cast("Sequence[Any]", value)):
            if not kind.of.takes(one):
                return _refused(f"{name}[{number}]", one, kind.of)
    return CannotCompose(f"{name} is {_found(value)}; expected {kind.one}.")


def _found(value: Any) -> str:
    """Say of which type a value is, and how many members it has; never the value itself."""
    if value is None:
        return "None"
    if isinstance(value, str | os.PathLike) and not _is_path(value):
        return "longer than a path may be"
    if isinstance(value, np.ndarray):
        array = cast("NDArray[Any]", value)
        return f"an array of {array.dtype} of shape {array.shape}"
    name = type(cast("object", value)).__name__
    count = f" of {len(cast('Sized', value))}" if isinstance(value, list | tuple | dict) else ""
    return f"of type {name}{count}"


# -- annotations ----------------------------------------------------------------------------------


def _kind(hint: Any) -> _Kind:
    """Return what an annotation takes."""
    origin, args = get_origin(hint), get_args(hint)
    if origin in (Union, UnionType):
        return _any_of(args)
    if origin is np.ndarray:
        return _Kind("a numpy array", "numpy arrays", instances=(np.ndarray,))
    if origin is tuple:
        return _tuple(args)
    if origin is _CALLABLE or getattr(hint, "_is_protocol", False):
        return _Kind("a function", "functions", others=callable)
    if origin is not None and issubclass(origin, Mapping):
        return _mapping(*map(_kind, args))
    if origin is not None:
        return _several(origin, _kind(args[0]))
    return _PLAIN[hint] if hint in _PLAIN else _instance(hint)


def _any_of(hints: Sequence[Any]) -> _Kind:
    # Text beside a path is the text of one.
    told = [hint for hint in hints if not (hint is str and Path in hints)]
    kinds = [_kind(hint) for hint in told]
    others = [kind.others for kind in kinds if kind.others is not None]
    of = [kind.of for kind in kinds if kind.of is not None]
    return _Kind(
        _listed([kind.one for kind in kinds]),
        _listed([kind.many for kind in kinds]),
        frozenset(one for kind in kinds for one in kind.exactly),
        tuple(one for kind in kinds for one in kind.instances),
        lambda value: any(one(value) for one in others),
        of[0] if len(of) == 1 else None,
    )


def _listed(words: Sequence[str]) -> str:
    *first, last = dict.fromkeys(words)
    return " or ".join(filter(None, (", ".join(first), last)))


def _tuple(args: Sequence[Any]) -> _Kind:
    if args[-1] is Ellipsis:
        return _several(Sequence, _kind(args[0]))
    kinds = [_kind(one) for one in args]
    alike = len(set(args)) == 1
    listed = ", ".join(kind.one for kind in kinds)
    words = f"{len(kinds)} {kinds[0].many}" if alike else f"{len(kinds)} values: {listed}"

    def takes(value: Any) -> bool:
        if not _is_sequence(value) or len(value) != len(kinds):
            return False
        return all(kind.takes(one) for kind, one in zip(kinds, value, strict=True))

    of = kinds[0] if alike else None
    return _Kind(words, f"tuples of {words}", others=takes, of=of)


def _several(origin: type, kind: _Kind) -> _Kind:
    """Return what takes a collection; any iterable where no sequence is asked for."""
    must_be_sequence = issubclass(origin, Sequence)

    def takes(value: Any) -> bool:
        if _is_sequence(value):
            return all(map(kind.takes, value))
        if must_be_sequence or isinstance(value, str | bytes | np.ndarray):
            return False
        if isinstance(value, Collection):
            return all(map(kind.takes, cast("Collection[Any]", value)))
        return isinstance(value, Iterable)

    return _Kind(f"several {kind.many}", f"lists of {kind.many}", others=takes, of=kind)


def _is_sequence(value: Any) -> bool:
    """Tell whether a value has members in order; an array of one dimension has, too."""
    if isinstance(value, np.ndarray):
        return cast("Any", value).ndim == 1
    if isinstance(value, list | tuple):  # and not asked slowly whether they are any sequence
        return True
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _mapping(key: _Kind, content: _Kind) -> _Kind:
    def takes(value: Any) -> bool:
        if not isinstance(value, Mapping):
            return False
        items = cast("Mapping[Any, Any]", value).items()
        return all(key.takes(one) and content.takes(other) for one, other in items)

    words = f"of {key.many} to {content.many}"
    return _Kind(f"a mapping {words}", f"mappings {words}", others=takes)


def _instance(hint: type) -> _Kind:
    name = hint.__name__
    article = "an" if name[0] in "AEIOU" else "a"
    return _Kind(f"{article} {name}", f"{name} objects", instances=(hint,))


def _is_whole(value: Any) -> bool:
    return not isinstance(value, bool) and isinstance(value, numbers.Integral)


def _is_number(value: Any) -> bool:
    if isinstance(value, bool) or not isinstance(value, numbers.Real):
        return False
    return not isinstance(value, numbers.Integral) or abs(int(value)) <= sys.float_info.max


def _is_path(value: Any) -> bool:
    """Tell whether a value can be a path; JSON itself, which is taken in its place, is one here."""
    if not isinstance(value, str | os.PathLike):
        return False
    text = str(cast("Any", value))
    if (len(text) < _SHORT and text.isascii()) or text.lstrip().startswith("{"):
        return True
    try:
        os.lstat(text)
    except OSError as error:
        return error.errno != errno.ENAMETOOLONG
    except ValueError:  # characters that no path has: there is no such file
        return True
    return True


def _plain(
    exactly: type, one: str, many: str, others: Callable[[Any], bool] | None = None
) -> _Kind:
    return _Kind(one, many, frozenset({exactly}), others=others)


_PLAIN = {
    Any: _Kind("a value", "values", others=lambda value: True),
    NoneType: _plain(NoneType, "None", "None"),
    bool: _plain(bool, "True or False", "True or False", lambda value: isinstance(value, np.bool_)),
    int: _plain(int, "a whole number", "whole numbers", _is_whole),
    float: _plain(float, "a number", "numbers", _is_number),
    str: _plain(str, "text", "texts", lambda value: isinstance(value, str)),
    bytes: _plain(bytes, "bytes", "bytes", lambda value: isinstance(value, bytes)),
    Path: _Kind("a path", "paths", others=_is_path),
}
