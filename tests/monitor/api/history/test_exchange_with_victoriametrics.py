"""JSON lines are those of VictoriaMetrics: it takes ours, and we take its."""

from __future__ import annotations

import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from history_server import history_server
from peers import find_peer
from stored_samples import stored_samples

FIRST_MS = 1_700_000_000_000
LINES = b"".join(
    b'{"metric":{"__name__":"a_total","i":"%d"},"values":[1,2.5,"Infinity",null],"timestamps":[%d,%d,%d,%d]}\n'
    % (series, *(FIRST_MS + row * 1_000 for row in range(4)))
    for series in range(3)
)


@contextmanager
def victoria_metrics(data: Path) -> Iterator[str]:
    with socket.socket() as chosen:
        chosen.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{chosen.getsockname()[1]}"
    arguments = [f"-httpListenAddr={address}", f"-storageDataPath={data}", "-retentionPeriod=100y"]
    program = find_peer("VICTORIAMETRICS")
    with subprocess.Popen([program, *arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            wait_for(f"http://{address}/health")
            yield f"http://{address}"
        finally:
            process.terminate()


def wait_for(url: str) -> None:
    for _ in range(300):
        try:
            ask(url)
        except (urllib.error.URLError, ConnectionError):
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"{url} does not answer")


def ask(url: str, body: bytes | None = None) -> bytes:
    with urllib.request.urlopen(url, body, timeout=20) as reply:
        read: bytes = reply.read()
        return read


def test_json_lines_go_there_and_come_back(tmp_path: Path) -> None:
    with history_server(tmp_path / "one") as ours, victoria_metrics(tmp_path / "theirs") as theirs:
        assert ours.send(LINES, "application/jsonl").data["samples"] == 12
        exported = ours.api.get("export", **{"match[]": "a_total"}).body
        ask(f"{theirs}/api/v1/import", exported)
        ask(f"{theirs}/internal/force_flush")
        answer = ask(f"{theirs}/api/v1/export?match[]=a_total")
        with history_server(tmp_path / "two") as again:
            reply = again.send(answer, "application/jsonl")
            assert reply.data["refusedLines"] == 0
            # It keeps no stale markers, the fourth value of each line.
            expected = {key: bits for key, bits in stored_samples(ours.store).items() if key[1] < FIRST_MS + 3_000}
            assert stored_samples(again.store) == expected
