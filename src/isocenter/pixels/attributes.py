"""The attributes of a data set as the pixel pipeline reads them, whatever form the data set has.

Display models are resolved from the prepared DICOM JSON of the archive (fast, hundreds of
instances at a time) and from pydicom data sets (tools, tests). Both are read through `Attributes`,
which answers with plain values and never fails on a malformed one: what cannot be read is absent.
"""

import base64
import binascii
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
from pydicom import Dataset
from pydicom.multival import MultiValue

from isocenter.dicom.number_strings import parse_decimal

__all__ = ["Attributes", "DataSetAttributes", "JsonAttributes"]


class Attributes(ABC):
    """A read-only view of one data set or one item of a sequence."""

    @abstractmethod
    def values(self, tag: int) -> Sequence[Any]:
        """Return the values of an attribute; empty when absent or without value.

        Parameters
        ----------
        tag
            The attribute, `0xGGGGEEEE`.

        Returns
        -------
        sequence
            Text, numbers, or None for an empty one among several; empty for a binary attribute.
        """

    @abstractmethod
    def items(self, tag: int) -> "Sequence[Attributes]":
        """Return the items of a sequence; empty when absent.

        Parameters
        ----------
        tag
            The sequence, `0xGGGGEEEE`.

        Returns
        -------
        sequence of Attributes
            In their order; empty, too, where the attribute is no sequence.
        """

    @abstractmethod
    def data(self, tag: int) -> bytes | None:
        """Return the value field of a binary attribute (OB, OW, OF, OD, UN), little endian.

        Parameters
        ----------
        tag
            The attribute, `0xGGGGEEEE`.

        Returns
        -------
        bytes or None
            None where the attribute is absent or its bytes are not at hand.
        """

    @abstractmethod
    def vr(self, tag: int) -> str | None:
        """Return the value representation, or None where the attribute is absent.

        Parameters
        ----------
        tag
            The attribute, `0xGGGGEEEE`.

        Returns
        -------
        str or None
            Two letters; `UN` where it cannot be told.
        """

    @abstractmethod
    def elements(self, tags: tuple[int, ...]) -> list[Any]:
        """Return what stands under each tag, or None: to be compared with another object's.

        Parameters
        ----------
        tags
            The attributes, `0xGGGGEEEE`.

        Returns
        -------
        list
            As long as `tags`; equal where two objects of the same kind hold the same.
        """

    def __contains__(self, tag: int) -> bool:
        return self.vr(tag) is not None

    def text(self, tag: int) -> str:
        """Return the first value as text without surrounding blanks; empty when absent.

        Parameters
        ----------
        tag
            The attribute, `0xGGGGEEEE`.

        Returns
        -------
        str
            Empty, too, where the first value is.
        """
        values = self.values(tag)
        return str(values[0]).strip(" \0") if values and values[0] is not None else ""

    def texts(self, tag: int) -> tuple[str, ...]:
        """Return every value as text.

        Parameters
        ----------
        tag
            The attribute, `0xGGGGEEEE`.

        Returns
        -------
        tuple of str
            Without surrounding blanks; empty text for an empty value.
        """
        return tuple("" if v is None else str(v).strip(" \0") for v in self.values(tag))

    def numbers(self, tag: int) -> tuple[float, ...]:
        """Return every value as a finite number; empty when any of them is none.

        Parameters
        ----------
        tag
            The attribute, `0xGGGGEEEE`; of a binary number, DS or IS.

        Returns
        -------
        tuple of float
            In their order.
        """
        numbers = tuple(_number(value) for value in self.values(tag))
        return () if None in numbers else cast("tuple[float, ...]", numbers)

    def number(self, tag: int) -> float | None:
        """Return the first value as a finite number, or None.

        Parameters
        ----------
        tag
            The attribute, `0xGGGGEEEE`; of a binary number, DS or IS.

        Returns
        -------
        float or None
            None where it is absent, no number, infinite or NaN.
        """
        values = self.values(tag)
        return _number(values[0]) if values else None

    def integer(self, tag: int) -> int | None:
        """Return the first value as an integer, or None.

        Parameters
        ----------
        tag
            The attribute, `0xGGGGEEEE`; of a binary number, DS or IS.

        Returns
        -------
        int or None
            A fraction is cut off; None as of `number`.
        """
        number = self.number(tag)
        return None if number is None else int(number)

    def item(self, tag: int) -> "Attributes | None":
        """Return the first item of a sequence, or None.

        Parameters
        ----------
        tag
            The sequence, `0xGGGGEEEE`.

        Returns
        -------
        Attributes or None
            None where it is absent or without items.
        """
        items = self.items(tag)
        return items[0] if items else None


def _number(value: Any) -> float | None:
    try:
        number = parse_decimal(value) if isinstance(value, str) else float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


class JsonAttributes(Attributes):
    """A view of one object of the DICOM JSON model (PS3.18 Annex F).

    Parameters
    ----------
    model
        The object as `json.loads` gives it.
    fetch
        Answers a `BulkDataURI` with the bytes behind it, or None; without it bulk data are absent.
    """

    __slots__ = ("_fetch", "_model")

    def __init__(
        self, model: Mapping[str, Any], fetch: Callable[[str], bytes | None] | None = None
    ) -> None:
        self._model = model
        self._fetch = fetch

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JsonAttributes) and self._model == other._model

    __hash__ = None  # pyright: ignore[reportAssignmentType] - a view of something mutable

    def values(self, tag: int) -> Sequence[Any]:
        """Return the values of an attribute.

        Parameters
        ----------
        tag
            The attribute, `0xGGGGEEEE`.

        Returns
        -------
        sequence
            Of a person name the alphabetic group, where it is empty the ideographic or phonetic.
        """
        element = self._model.get(f"{tag:08X}")
        if element is None:
            return ()
        values = element.get("Value")
        if not isinstance(values, list):
            return ()
        if element.get("vr") == "PN":
            return [_alphabetic(value) for value in cast("list[Any]", values)]
        return cast("list[Any]", values)

    def items(self, tag: int) -> "Sequence[Attributes]":
        """Return the items of a sequence.

        Parameters
        ----------
        tag
            The sequence, `0xGGGGEEEE`.

        Returns
        -------
        sequence of Attributes
            Views with the same `fetch`; empty where it is absent or no sequence.
        """
        element = self._model.get(f"{tag:08X}")
        if element is None or element.get("vr") != "SQ":
            return ()
        return [JsonAttributes(item, self._fetch) for item in element.get("Value") or ()]

    def data(self, tag: int) -> bytes | None:
        """Return the value field of a binary attribute.

        Parameters
        ----------
        tag
            The attribute, `0xGGGGEEEE`.

        Returns
        -------
        bytes or None
            InlineBinary decoded, or what `fetch` answers; None where neither is readable.
        """
        element = self._model.get(f"{tag:08X}")
        if element is None:
            return None
        if "InlineBinary" in element:
            try:
                return base64.b64decode(element["InlineBinary"])
            except (binascii.Error, TypeError, ValueError):
                return None
        if "BulkDataURI" in element and self._fetch is not None:
            return self._fetch(str(element["BulkDataURI"]))
        return None

    def vr(self, tag: int) -> str | None:
        """Return the value representation, if the attribute is there.

        Parameters
        ----------
        tag
            The attribute, `0xGGGGEEEE`.

        Returns
        -------
        str or None
            `UN` where the model names none.
        """
        element = self._model.get(f"{tag:08X}")
        return None if element is None else str(element.get("vr", "UN"))

    def elements(self, tags: tuple[int, ...]) -> list[Any]:
        """Return what stands under each tag, or None.

        Parameters
        ----------
        tags
            The attributes, `0xGGGGEEEE`.

        Returns
        -------
        list
            As long as `tags`; the JSON objects with `vr` and `Value`.
        """
        model = self._model
        return [model.get(key) for key in _keys(tags)]


@lru_cache(maxsize=16)
def _keys(tags: tuple[int, ...]) -> tuple[str, ...]:
    return tuple(f"{tag:08X}" for tag in tags)


def _alphabetic(value: Any) -> str:
    if not isinstance(value, dict):
        return str(value or "")
    groups = cast("dict[str, str]", value)
    return groups.get("Alphabetic") or groups.get("Ideographic") or groups.get("Phonetic") or ""


class DataSetAttributes(Attributes):
    """A view of a pydicom data set.

    Parameters
    ----------
    dataset
        The data set, or an item of one.
    big_endian
        Whether it was read from Explicit VR Big Endian, whose words pydicom leaves as they are;
        by default what the data set says of itself.
    """

    __slots__ = ("_big_endian", "_dataset")

    def __init__(self, dataset: Dataset, big_endian: bool | None = None) -> None:
        self._dataset = dataset
        if big_endian is None:
            big_endian = dataset.original_encoding[1] is False
        self._big_endian = big_endian

    def __eq__(self, other: object) -> bool:
        return isinstance(other, DataSetAttributes) and self._dataset == other._dataset

    __hash__ = None  # pyright: ignore[reportAssignmentType] - a view of something mutable

    def _value(self, tag: int) -> Any:
        try:
            return self._dataset[tag].value if tag in self._dataset else None
        except Exception:  # a malformed value raises anything that its VR's parser raises
            return None

    def values(self, tag: int) -> Sequence[Any]:
        """Return the values of an attribute.

        Parameters
        ----------
        tag
            The attribute, `0xGGGGEEEE`.

        Returns
        -------
        sequence
            As pydicom has them; a malformed value counts as none.
        """
        value = self._value(tag)
        if value is None or isinstance(value, bytes) or value == "":
            return ()
        if isinstance(value, MultiValue | list | tuple):
            return cast("Sequence[Any]", value)
        return (value,)

    def items(self, tag: int) -> "Sequence[Attributes]":
        """Return the items of a sequence.

        Parameters
        ----------
        tag
            The sequence, `0xGGGGEEEE`.

        Returns
        -------
        sequence of Attributes
            Empty where it is absent or no sequence.
        """
        if self.vr(tag) != "SQ":
            return ()
        return [DataSetAttributes(item, self._big_endian) for item in self._value(tag) or ()]

    def data(self, tag: int) -> bytes | None:
        """Return the value field of a binary attribute.

        Parameters
        ----------
        tag
            The attribute, `0xGGGGEEEE`.

        Returns
        -------
        bytes or None
            Words (OW) of big endian swapped; None where it is absent or not binary.
        """
        value = self._value(tag)
        if not isinstance(value, bytes):
            return None
        if self._big_endian and self.vr(tag) == "OW":
            return np.frombuffer(value, ">u2", len(value) // 2).astype("<u2").tobytes()
        return value

    def vr(self, tag: int) -> str | None:
        """Return the value representation, if the attribute is there.

        Parameters
        ----------
        tag
            The attribute, `0xGGGGEEEE`.

        Returns
        -------
        str or None
            `UN` where the element cannot be read.
        """
        if tag not in self._dataset:
            return None
        try:
            return str(self._dataset[tag].VR)
        except Exception:
            return "UN"

    def elements(self, tags: tuple[int, ...]) -> list[Any]:
        """Return what stands under each tag, or None.

        Parameters
        ----------
        tags
            The attributes, `0xGGGGEEEE`.

        Returns
        -------
        list
            As long as `tags`; values as pydicom has them.
        """
        return [self._value(tag) for tag in tags]
