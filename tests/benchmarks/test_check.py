"""Whether a saved run reaches its targets, told without measuring anything."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from benchmarks.__main__ import main
from benchmarks.report import load, save
from benchmarks.row import Result, Row, Target
from benchmarks.targets import check

Saved = dict[str, dict[str, Any]]
RATE = Row("rate", "objects kept", "objects/s", (Target(2, "Orthanc"),), None)  # pyright: ignore
COST = Row("cost", "time of an object", "ms", (Target(1.3),), None)  # pyright: ignore
FREE = Row("free", "what has no target", "ms", (), None)  # pyright: ignore
ROWS = (RATE, COST, FREE)


def measured(run: str = "", **values: list[float]) -> dict[str, Any]:
    """Give a row as `--save` writes it."""
    return {"values": values, "failures": {}, "repeated": 0, "disturbed": 0} | (
        {"run": run} if run else {}
    )


def faults_of(saved: Saved) -> list[str]:
    return check([Result(row, **saved[row.key]) for row in ROWS if row.key in saved], ROWS)


GOOD: Saved = {
    "rate": measured(Isocenter=[250.0, 200.0, 10.0], Orthanc=[100.0, 90.0, 500.0]),
    "cost": measured(Isocenter=[1.3, 1.3, 9.0]),
}


def test_a_row_counts_by_its_median() -> None:
    assert faults_of(GOOD) == []


@pytest.mark.parametrize(
    ("key", "row", "says"),
    [
        (
            "rate",
            measured(Isocenter=[199.0, 199.0, 900.0], Orthanc=[100.0]),
            "rate: 1.99 × Orthanc, must reach 2 × Orthanc",
        ),
        ("cost", measured(Isocenter=[1.31, 1.2, 1.4]), "cost: 1.31 ms, must reach 1.3 ms"),
        ("rate", measured(Isocenter=[1.0]), "rate: Orthanc was not measured"),
        ("rate", measured(Orthanc=[1.0]), "rate: Isocenter was not measured"),
        (
            "cost",
            measured() | {"failures": {"Isocenter": "OSError: port taken"}},
            "cost: Isocenter was not measured (OSError: port taken)",
        ),
        (
            "rate",
            measured(Isocenter=[1.0]) | {"failures": {"Orthanc": "it ended"}},
            "rate: Orthanc was not measured (it ended)",
        ),
    ],
    ids=["ratio", "value", "no peer", "not ours", "ours failed", "peer failed"],
)
def test_a_row_that_falls_is_named(key: str, row: dict[str, Any], says: str) -> None:
    assert faults_of(GOOD | {key: row}) == [says]


def test_a_row_that_the_run_did_not_reach_falls() -> None:
    assert faults_of({"rate": GOOD["rate"]}) == ["cost: not in the file"]


def test_rows_of_several_runs_are_no_run() -> None:
    first = {"rate": GOOD["rate"] | {"run": "1"}, "cost": GOOD["cost"] | {"run": "1"}}
    assert faults_of(first) == []
    assert faults_of(first | {"cost": GOOD["cost"] | {"run": "2"}}) == [
        "the rows are of 2 runs (1: rate; 2: cost); save a whole run in a file of its own"
    ]
    assert len(faults_of(first | {"cost": GOOD["cost"]})) == 1


def test_what_takes_no_time_at_all_is_better_than_any_ratio() -> None:
    result = Result(Row("x", "x", "cores", (), None), {"Isocenter": [0.0], "Orthanc": [0.1]})  # pyright: ignore
    assert result.ratio("Orthanc") == float("inf")


Bench = Callable[..., tuple[int, list[str]]]


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Bench:
    """Call the program; give its exit code and the lines that it prints."""

    def call(*arguments: str | Path) -> tuple[int, list[str]]:
        monkeypatch.setattr("sys.argv", ["bench", *map(str, arguments)])
        try:
            code = main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        return code or 0, capsys.readouterr().out.splitlines()

    return call


@pytest.fixture
def saved_as(tmp_path: Path) -> Callable[[str], Path]:
    def write(text: str) -> Path:
        (tmp_path / "values.json").write_text(text)
        return tmp_path / "values.json"

    return write


FRAME = json.dumps({"frame": measured(Isocenter=[0.5], Orthanc=[2.0])})
SLOW_FRAME = json.dumps({"frame": measured(Isocenter=[0.51], Orthanc=[2.0])})


def test_the_check_of_a_run_that_reaches_its_targets(
    bench: Bench, saved_as: Callable[[str], Path]
) -> None:
    assert bench("--check", saved_as(FRAME), "frame") == (0, ["all 1 rows reach their targets"])


def test_the_check_fails_and_names_what_fell(bench: Bench, saved_as: Callable[[str], Path]) -> None:
    assert bench("--check", saved_as(SLOW_FRAME), "frame") == (
        1,
        ["frame: 3.922 × Orthanc, must reach 4 × Orthanc"],
    )


def test_all_rows_that_have_targets_are_checked_unless_some_are_named(
    bench: Bench, saved_as: Callable[[str], Path]
) -> None:
    code, lines = bench("--check", saved_as(FRAME))
    assert code == 1
    assert "store-durable-1: not in the file" in lines
    assert "store-fast-4: not in the file" not in lines  # which has no target


@pytest.mark.parametrize(
    ("text", "pattern"),
    [("{", "*"), ("1", "*"), ('{"frame": {"speed": 1}}', "*"), (FRAME, "fram")],
    ids=["cut", "no object", "other members", "no such row"],
)
def test_what_cannot_be_checked_is_no_success(
    text: str, pattern: str, bench: Bench, saved_as: Callable[[str], Path]
) -> None:
    assert bench("--check", saved_as(text), pattern) == (2, [])


def test_a_file_that_is_not_there_cannot_be_checked(bench: Bench, tmp_path: Path) -> None:
    assert bench("--check", tmp_path / "values.json") == (2, [])


@pytest.mark.parametrize(("frame", "verdict"), [(FRAME, "yes"), (SLOW_FRAME, "no")])
def test_the_table_says_in_a_column_whether_the_target_is_reached(
    frame: str, verdict: str, bench: Bench, saved_as: Callable[[str], Path]
) -> None:
    _, (heads, _, row, *_) = bench("--table", saved_as(frame))
    assert heads.endswith("| must reach | reached |")
    assert row.endswith(f"| 4 × Orthanc | {verdict} |")


def test_a_saved_row_says_of_which_run_it_is(tmp_path: Path) -> None:
    save(tmp_path / "values.json", [Result(RATE, {"Isocenter": [1.0]}, run="1")])
    (result,) = load(tmp_path / "values.json", ROWS)
    assert result.run == "1"
