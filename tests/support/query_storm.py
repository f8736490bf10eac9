"""Clients that ask a service for heavy answers, in a process of their own: `query_storm.py URL CLIENTS KIND END`.

KIND `spans` is range queries over the whole history, `dashboards` what panels ask. END is seconds since 1970 of the
end of the history. At the end of its input it prints a JSON object: how many were answered, failed, and how long.
"""

from __future__ import annotations

import contextlib
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

from api_server import ApiClient

HISTORY_METRIC, HISTORY_SECONDS, HISTORY_STEP_SECONDS = "history_value", 6 * 3600, 15

_WHOLE = (HISTORY_SECONDS, HISTORY_STEP_SECONDS)
SPANS = {
    HISTORY_METRIC: _WHOLE,
    f"max_over_time({HISTORY_METRIC}[1h])": _WHOLE,
    f"quantile_over_time(0.9, {HISTORY_METRIC}[30m])": _WHOLE,
    f"sum by (group) (rate({HISTORY_METRIC}[5m]))": _WHOLE,
    "count by (__name__) ({__name__=~'.+'})": (3600, 15),
    "fleet_value": (300, 15),
}
"""Span and step in seconds."""
PANEL_SPANS = ((300, 1), (900, 5), (3600, 15))
"""Span and step in seconds."""
PANELS = (
    "sum by (group) (rate(fleet_value[1m]))",
    "topk(5, sum by (target) (rate(fleet_value[30s])))",
    "avg by (target) (scrape_duration_seconds)",
    "sum(up)",
    "quantile(0.99, rate(fleet_value[1m]))",
    f"sum by (group) (rate({HISTORY_METRIC}[5m]))",
)


@contextlib.contextmanager
def query_storm(url: str, clients: int, kind: str, end: float) -> Iterator[dict[str, float]]:
    """Asks inside the block; its figures are in the yielded dictionary afterwards."""
    command = [sys.executable, __file__, url, str(clients), kind, str(end)]
    figures: dict[str, float] = {}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield figures
            figures |= json.loads(process.communicate()[0])
        finally:
            process.kill()


class _Clients:
    def __init__(self, url: str, kind: str, end: float) -> None:
        self._url = url
        self._kind = kind
        self._end = end
        self._is_over = threading.Event()
        self._lock = threading.Lock()
        self.answered = self.failed = 0
        self.seconds: list[float] = []

    def run(self, clients: int) -> None:
        threads = [threading.Thread(target=self._ask, args=(number,)) for number in range(clients)]
        for thread in threads:
            thread.start()
        sys.stdin.read()
        self._is_over.set()
        for thread in threads:
            thread.join()

    def _ask(self, number: int) -> None:
        client, choices = ApiClient(self._url), random.Random(number)
        while not self._is_over.is_set():
            started = time.monotonic()
            status = client.post("query_range", **self._parameters(choices)).status
            with self._lock:
                self.seconds.append(time.monotonic() - started)
                self.answered += status == 200
                self.failed += status != 200

    def _parameters(self, choices: random.Random) -> dict[str, str]:
        end = self._end
        if self._kind == "spans":
            expression, (span, step) = choices.choice(list(SPANS.items()))
        else:
            end = time.time()
            span, step, expression = (*choices.choice(PANEL_SPANS), choices.choice(PANELS))
        return {"query": expression, "start": str(end - span), "end": str(end), "step": str(step)}

    def figures(self) -> dict[str, float]:
        ordered = sorted(self.seconds) or [0.0]
        return {
            "answered": self.answered,
            "failed": self.failed,
            "median_seconds": round(ordered[len(ordered) // 2], 3),
            "max_seconds": round(ordered[-1], 3),
        }


if __name__ == "__main__":
    storm = _Clients(sys.argv[1], sys.argv[3], float(sys.argv[4]))
    storm.run(int(sys.argv[2]))
    print(json.dumps(storm.figures()), flush=True)
