"""The table in Markdown, and the values behind it as JSON."""

import json
from collections.abc import Sequence
from pathlib import Path

from benchmarks.row import US, Result, Row
from benchmarks.stolen import MOST_STOLEN


def table(results: Sequence[Result]) -> str:
    """Lay out one line a row: medians, ratios, and whether each target is reached."""
    lines = [
        "| work | Isocenter | peers, same run | ratio to each | must reach | reached |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    lines += [_line(result) for result in results]
    lines += ["", disturbance(results)]
    return "\n".join(lines)


def disturbance(results: Sequence[Result]) -> str:
    """Say how often the machine's host took processor time away."""
    values = sum(len(values) for result in results for values in result.values.values())
    repeated = sum(result.repeated for result in results)
    disturbed = sum(result.disturbed for result in results)
    return (
        f"{repeated} trials were done again because the host took more than {MOST_STOLEN:.0%} of "
        f"the processor time wanted; {disturbed} of {values} values stand although it did."
    )


def save(path: Path, results: Sequence[Result]) -> None:
    """Write every value of every round; rows measured earlier stay in the file."""
    kept = json.loads(path.read_text()) if path.exists() else {}
    for result in results:
        kept[result.row.key] = {
            "values": result.values,
            "failures": result.failures,
            "repeated": result.repeated,
            "disturbed": result.disturbed,
            "run": result.run,
        }
    path.write_text(json.dumps(kept, indent=1))


def load(path: Path, rows: Sequence[Row]) -> list[Result]:
    """Read what `save` wrote, in the order of the rows."""
    kept = json.loads(path.read_text())
    return [Result(row, **kept[row.key]) for row in rows if row.key in kept]


def _line(result: Result) -> str:
    medians = result.medians()
    peers = [name for name in medians if name != US]
    ratios = [f"{_value(ratio)} × {peer}" for peer in peers if (ratio := result.ratio(peer))]
    shown = [f"{peer} {_value(medians[peer])}" for peer in peers]
    shown += [f"{name} failed" for name in result.failures if name != US]
    ours = f"{_value(medians[US])} {result.row.unit}" if US in medians else "–"
    targets = result.row.targets
    cells = (
        result.row.work,
        ours,
        f"{', '.join(shown)} {result.row.unit}" if shown else "–",
        ", ".join(ratios) or "–",
        ", ".join(target.worded(result.row.unit) for target in targets) or "–",
        ", ".join(_verdict(result.reached(target)) for target in targets) or "–",
    )
    return f"| {' | '.join(cells)} |"


def _verdict(reached: bool | None) -> str:
    return {True: "yes", False: "no", None: "not measured"}[reached]


def _value(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2g}" if value < 10 else f"{value:.3g}"
