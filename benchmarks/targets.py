"""Whether a saved run reaches its targets, each row by the median of its rounds."""

from collections.abc import Sequence

from benchmarks.row import US, Result, Row, Target


def check(results: Sequence[Result], rows: Sequence[Row]) -> list[str]:
    """Name the rows that fall short, and why: a sentence for each target.

    Parameters
    ----------
    results
        What the file of a run holds of the rows.
    rows
        Those that must be there and reach their targets; one without a target cannot fall.
    """
    known = {result.row.key: result for result in results}
    held = [row for row in rows if row.targets]
    faults = _several_runs([known[row.key] for row in held if row.key in known])
    for row in held:
        if row.key not in known:
            faults.append(f"{row.key}: not in the file")
            continue
        result = known[row.key]
        short = [target for target in row.targets if not result.reached(target)]
        # Where we were not measured, no target was, all for one reason.
        faults += dict.fromkeys(f"{row.key}: {_shortfall(result, target)}" for target in short)
    return faults


def _several_runs(results: Sequence[Result]) -> list[str]:
    """Tell when rows were measured again later: only what one run measured together counts."""
    runs: dict[str, list[str]] = {}
    for result in results:
        runs.setdefault(result.run, []).append(result.row.key)
    if len(runs) < 2:
        return []
    named = "; ".join(f"{run or 'not said'}: {', '.join(keys)}" for run, keys in runs.items())
    return [f"the rows are of {len(runs)} runs ({named}); save a whole run in a file of its own"]


def _shortfall(result: Result, target: Target) -> str:
    medians = result.medians()
    for contender in (US, target.peer):
        if contender and contender not in medians:
            reason = result.failures.get(contender)
            return f"{contender} was not measured" + (f" ({reason})" if reason else "")
    found = result.ratio(target.peer) if target.peer else medians[US]
    unit = result.row.unit
    return f"{target.worded(unit, found)}, must reach {target.worded(unit)}"
