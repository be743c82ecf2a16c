"""Counters of this process, as Prometheus reads them (text format 0.0.4)."""

import os
import threading
import time
from collections import Counter
from collections.abc import Callable

from isocenter import __version__

__all__ = ["Metrics"]

Labels = tuple[tuple[str, str], ...]

_HELP = {
    "isocenter_http_requests_total": "HTTP requests answered.",
    "isocenter_changes_total": "Changes of instances, whatever way they came, by action.",
    "isocenter_stored_instances_total": "Instances acknowledged to C-STORE, by outcome.",
    "isocenter_refused_instances_total": "Instances refused to C-STORE, by status.",
}


class Metrics:
    """Counts and gauges; any thread may count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[tuple[str, Labels]] = Counter()
        self._gauges: dict[str, tuple[str, Callable[[], float]]] = {}
        self._started = time.time()

    def count(self, name: str, amount: int = 1, **labels: str) -> None:
        """Add `amount` to the counter `name` with these labels."""
        with self._lock:
            self._counts[name, tuple(sorted(labels.items()))] += amount

    def count_request(self, method: str, status: int) -> None:
        """Count one HTTP request by method and status."""
        known = method if method in {"GET", "HEAD", "POST", "PUT", "DELETE"} else "other"
        self.count("isocenter_http_requests_total", method=known, status=str(status))

    def gauge(self, name: str, help_text: str, read: Callable[[], float]) -> None:
        """Offer a value that is read whenever somebody asks."""
        self._gauges[name] = help_text, read

    def text(self) -> str:
        """Write everything in Prometheus' text format."""
        with self._lock:
            counts = sorted(self._counts.items())
        lines = [
            "# HELP isocenter_info The running version.",
            "# TYPE isocenter_info gauge",
            f'isocenter_info{{version="{__version__}"}} 1',
            "# TYPE process_start_time_seconds gauge",
            f"process_start_time_seconds {self._started:.3f}",
            "# TYPE process_cpu_seconds_total counter",
            f"process_cpu_seconds_total {sum(os.times()[:2]):.3f}",
        ]
        described = ""
        for (name, labels), value in counts:
            if name != described:
                lines += [f"# HELP {name} {_HELP.get(name, name)}", f"# TYPE {name} counter"]
                described = name
            lines.append(f"{name}{_labels(labels)} {value}")
        for name, (help_text, read) in sorted(self._gauges.items()):
            lines += [f"# HELP {name} {help_text}", f"# TYPE {name} gauge", f"{name} {read():g}"]
        return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{value}"' for name, value in labels) + "}"
