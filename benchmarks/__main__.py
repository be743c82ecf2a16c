"""Runs the benchmarks: `python -m benchmarks --help`."""

import argparse
import signal
import sys
import tempfile
from collections.abc import Sequence
from fnmatch import fnmatch
from pathlib import Path

from benchmarks import (
    composing,
    idling,
    largeobject,
    loading,
    reading,
    storing,
    validating,
    viewing,
    webstoring,
)
from benchmarks.bench import Bench
from benchmarks.report import load, save, table
from benchmarks.row import Row, measure
from benchmarks.targets import check

ROWS: tuple[Row, ...] = (
    *storing.ROWS,
    *webstoring.ROWS,
    *reading.ROWS,
    *viewing.ROWS,
    *idling.ROWS,
    *largeobject.ROWS,
    *composing.ROWS,
    *loading.ROWS,
    *validating.ROWS,
)


def main() -> None:
    """Measure the rows that were asked for and print their table."""
    options = _options()
    if options.check:
        sys.exit(_check(options.check, options.rows))
    rows = _named(options.rows)
    if options.list:
        print("\n".join(f"{row.key:24} {row.work}" for row in ROWS))
        return
    if options.table:
        print(table(load(options.table, ROWS)))
        return
    # Servers that were started are ended, however this program is.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    work_dir = options.work_dir or Path(tempfile.mkdtemp(prefix="isocenter-bench-"))
    work_dir.mkdir(parents=True, exist_ok=True)
    print(f"data and servers in {work_dir}", file=sys.stderr)
    contenders = frozenset(options.contenders.split(",")) if options.contenders else frozenset()
    results = []
    with Bench(work_dir, options.rounds, options.scale, contenders, options.attempts) as bench:
        for row in rows:
            results.append(measure(row, bench))
            if options.save:
                save(options.save, results[-1:])
    print(table(results))


def _named(patterns: Sequence[str]) -> list[Row]:
    return [row for row in ROWS if any(fnmatch(row.key, pattern) for pattern in patterns)]


def _check(path: Path, patterns: Sequence[str]) -> int:
    """Name the rows of a saved run that fall short, and give the exit code."""
    rows = [row for row in _named(patterns) if row.targets]
    if not rows:
        print(f"no row with a target is called {' or '.join(patterns)}", file=sys.stderr)
        return 2
    try:
        results = load(path, rows)
    except (OSError, ValueError, TypeError) as error:
        print(f"{path} is no file of --save: {error}", file=sys.stderr)
        return 2
    faults = check(results, rows)
    print("\n".join(faults) or f"all {len(rows)} rows reach their targets")
    return 1 if faults else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description="Measure Isocenter beside its peers."
    )
    parser.add_argument("rows", nargs="*", default=["*"], help="names or patterns; all by default")
    parser.add_argument("--list", action="store_true", help="only name the rows")
    parser.add_argument("--rounds", type=int, default=5, help="trials of each contender")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the data, 0.01 to 1")
    parser.add_argument("--contenders", help="only these, joined by commas")
    parser.add_argument(
        "--attempts",
        type=int,
        default=5,
        help="how often at most a trial is done that the machine's host disturbs",
    )
    parser.add_argument("--work-dir", type=Path, help="keeps the data for the next run")
    parser.add_argument("--save", type=Path, help="JSON file that gets the value of every round")
    parser.add_argument("--table", type=Path, help="only print the table of a file of --save")
    parser.add_argument(
        "--check", type=Path, help="only tell which rows of a file of --save fall short; 1 if any"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
