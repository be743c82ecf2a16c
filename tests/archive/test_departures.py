"""What a row must say without some of its files is what the others say together, in their order."""

import random

from isocenter.archive.departures import Name, Said, without
from isocenter.archive.index_values import FurtherValue, LevelValues
from isocenter.archive.row_values import RowValues


def some_file(dice: random.Random, variety: int) -> LevelValues:
    columns = {
        name: dice.choice("xyz"[:variety]) for name in ("a", "b", "c") if dice.random() < 0.8
    }
    further = [FurtherValue(1, 0, 2, dice.choice("pq"), "")] if dice.random() < 0.3 else []
    return LevelValues({"uid": "1.2", **columns}, further)


def merged(files) -> RowValues:
    """Give what a row says whose files came in this order, by the definition."""
    row = RowValues()
    for values in files:
        row.merge(values)
    return row


def test_it_is_what_all_that_are_left_say_together():
    dice = random.Random(5)
    read_all, read = 0, set[tuple[int, Name]]()
    for trial in range(4000):
        count, variety = dice.randint(2, 30), dice.choice([1, 2, 3])
        kinds = [some_file(dice, variety) for _ in range(dice.choice([2, 3, 20]))]
        files = {(number, number + 1): dice.choice(kinds) for number in range(count)}
        gone = set(dice.sample(list(files), dice.choice([1, 1, 1, min(3, count - 1)])))
        left = [name for name in files if name not in gone]

        def ask(names, trial=trial, files=files) -> list[Said]:
            read.update((trial, name) for name in names)
            return [files[name] for name in names]

        new = without(left, gone, ask)
        row, expected = merged(files.values()), merged(files[name] for name in left)
        if new is not None:
            kept = {} if new.is_all else row.columns
            row = RowValues(kept | new.values.columns, new.values.further)
        assert row == expected, (files, gone)
        read_all += count
    assert len(read) < 0.7 * read_all


def test_a_file_that_does_not_tell_leaves_the_row_as_it_is_where_it_would_have_to():
    said: dict[Name, Said] = {
        (1, 1): LevelValues({"a": "x"}),
        (2, 2): (2, 2),
        (3, 3): LevelValues({"a": "y"}),
    }
    ask = lambda names: [said[name] for name in names]  # noqa: E731
    assert without([(1, 1), (2, 2)], {(3, 3)}, ask) is None
    found = without([(1, 1)], {(3, 3)}, ask)
    assert found is not None
    assert found.values.columns == {"a": "x"}
    # What went does not tell: all the others are asked.
    found = without([(1, 1), (3, 3)], {(2, 2)}, ask)
    assert found is not None
    assert (found.values.columns, found.is_all) == ({"a": "y"}, True)
