"""Values beside the rows of what a query found: items of sequences, and rare attributes."""

from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, NamedTuple, cast

from sqlalchemy import ColumnElement, Select, bindparam, case, func, literal_column, or_, select

from . import schema
from .index import Index
from .keys import MOST_ITEMS, SEQUENCE_KEYS, Level, SequenceKey, sequence_number
from .prepared import Prepared
from .query import Item

__all__ = ["Beside", "beside", "gathered"]

_series, _instance = schema.series.c, schema.instance.c
_item = schema.item_value.c
_Items = dict[int, dict[int, Item]]
"""By sequence, the items by their numbers; under 0 and 0 the attributes of the owner itself."""


class Beside(NamedTuple):
    """What stands beside a row.

    Parameters
    ----------
    values
        Values of attributes that have no column.
    items
        By sequence, its items.
    """

    values: dict[int, list[str]]
    items: dict[int, list[Item]]


def _items_of(owners: int) -> Prepared:
    names: list[ColumnElement[int]] = [bindparam(f"owner_{i}") for i in range(owners)]
    # Of an attribute itself, the first value has all of them, if that one has no column.
    wanted = or_(_item.sequence_tag != literal_column("0"), _item.item == literal_column("0"))
    return Prepared(
        select(_item.owner_pk, _item.sequence_tag, _item.item, _item.tag, _item.value).where(
            _item.owner_pk.in_(names), _item.level == bindparam("its_level"), wanted
        )
    )


# By the number of owners.
_ITEMS = {owners: _items_of(owners) for owners in (1, 8, 64, 512)}
_MOST_OWNERS = max(_ITEMS)


def _paths(sequence: SequenceKey, *outer: int) -> Iterator[tuple[int, ...]]:
    for inner in sequence.inner:
        yield from _paths(inner, *outer, sequence.tag)
    yield *outer, sequence.tag


# Of each sequence within another its tag, and the number of that other; the innermost first.
_INNER = {
    sequence_number(*path): (path[-1], sequence_number(*path[:-1]))
    for sequence in SEQUENCE_KEYS
    for path in _paths(sequence)
    if len(path) > 1
}


def beside(index: Index, level: Level, owners: Sequence[int]) -> dict[int, Beside]:
    """Read what stands beside rows.

    Parameters
    ----------
    index
        Where the rows are.
    level
        Theirs; patients stand in the rows of studies.
    owners
        Their numbers.

    Returns
    -------
    dict of int to Beside
        By the number of the row; none for a row that has nothing beside it.
    """
    return {owner: _beside(found) for owner, found in _read(index, level, owners).items()}


def _beside(found: _Items) -> Beside:
    texts = found.pop(0, {}).get(0, {})
    return Beside(
        {tag: _split(cast(str, values[0])) for tag, values in texts.items()},
        {
            sequence: [items[number] for number in sorted(items)]
            for sequence, items in found.items()
        },
    )


def _split(text: str) -> list[str]:
    return [value.strip() for value in text.split("\\")]


def _read(index: Index, level: Level, owners: Sequence[int]) -> dict[int, _Items]:
    found: dict[int, _Items] = {}
    for start in range(0, len(owners), _MOST_OWNERS):
        some = owners[start : start + _MOST_OWNERS]
        size = next(size for size in _ITEMS if size >= len(some))
        # Names of owners that are not needed repeat the first.
        named = {f"owner_{i}": some[i % len(some)] for i in range(size)}
        asked = named | {"its_level": int(level)}
        for owner, sequence, item, tag, value in index.all(_ITEMS[size], asked):
            items = found.setdefault(owner, {}).setdefault(sequence, {})
            items.setdefault(item, {})[tag] = [value]
    for items in found.values():
        _put_inside(items)
    return found


def _put_inside(found: _Items) -> None:
    """Put the items of inner sequences into those that hold them."""
    for number, (tag, outer) in _INNER.items():
        if number not in found:
            continue
        items = found.pop(number)
        for place in sorted(items):
            holder = found.setdefault(outer, {}).setdefault(place // MOST_ITEMS, {})
            cast(list[Item], holder.setdefault(tag, [])).append(items[place])


def gathered(
    index: Index, sequence: SequenceKey, studies: Sequence[int]
) -> Iterator[tuple[int, Item]]:
    """Give the items of a sequence in the instances of studies, each once.

    Parameters
    ----------
    index
        Where the rows are.
    sequence
        One that is gathered from instances.
    studies
        Numbers of their rows.

    Yields
    ------
    tuple of int and dict
        The number of a study, and an item.
    """
    assert sequence.gathered_from is not None
    for start in range(0, len(studies), _MOST_OWNERS):
        some = studies[start : start + _MOST_OWNERS]
        with index.reading() as connection:
            rows = connection.execute(_distinct(sequence), {"studies": some}).all()
        places = [divmod(place, MOST_ITEMS) for _, place in rows]
        instances = _read(index, Level.INSTANCE, list(dict.fromkeys(owner for owner, _ in places)))
        for (study, _), (owner, number) in zip(rows, places, strict=True):
            items = instances.get(owner, {}).get(sequence.gathered_from, {})
            if number in items:  # not deleted meanwhile
                yield study, items[number]


@cache
def _distinct(sequence: SequenceKey) -> Select[Any, Any]:
    """Select studies with, of each set of values in items of their instances, one item."""
    values = [
        func.max(case((_item.tag == inner.tag, _item.value))).label(inner.column)
        for inner in sequence.items
    ]
    source = schema.item_value.join(schema.instance, _instance.pk == _item.owner_pk)
    items = (
        select(_series.study_pk, (_item.owner_pk * MOST_ITEMS + _item.item).label("place"), *values)
        .select_from(source.join(schema.series, _series.pk == _instance.series_pk))
        .where(
            _item.level == int(Level.INSTANCE),
            _item.sequence_tag == sequence.gathered_from,
            _series.study_pk.in_(bindparam("studies", expanding=True)),
        )
        .group_by(_series.study_pk, _item.owner_pk, _item.item)
        .subquery()
    )
    said = [items.c.study_pk, *(items.c[inner.column] for inner in sequence.items)]
    return select(items.c.study_pk, func.min(items.c.place)).group_by(*said).order_by(*said)
