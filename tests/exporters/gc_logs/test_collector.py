from __future__ import annotations

import os
import shutil
import subprocess
from decimal import Decimal
from pathlib import Path

import pytest
from gc_log_oracle import pauses_ms
from prometheus_client import CollectorRegistry
from toolchains import need_program

from exporters.gc_logs.collector import GcLogCollector, Runtime
from exporters.log_following.followed_file import Start
from exporters.log_following.open_source import open_source
from exporters.log_following.state_file import StateFile

RECORDED = Path(__file__).with_name("recorded")
GO_TEXT = (RECORDED / "go_1.26.log").read_bytes()


def registry_of(runtime: Runtime, *names: str) -> CollectorRegistry:
    registry = CollectorRegistry()
    sources = {name: open_source(name, Start.BEGINNING, lambda: 0.0) for name in names}
    registry.register(GcLogCollector(sources, runtime))
    return registry


def pauses(registry: CollectorRegistry, log: str) -> tuple[float, float]:
    """Count and sum in seconds."""
    samples = [sample for family in registry.collect() for sample in family.samples if sample.labels.get("log") == log]
    return tuple(  # type: ignore[return-value]
        sum(sample.value for sample in samples if sample.name == f"runtime_gc_pause_seconds_{suffix}")
        for suffix in ("count", "sum")
    )


def expected(runtime: str, text: str) -> tuple[float, float]:
    found = pauses_ms(runtime, text)
    return len(found), pytest.approx(float(sum(found, Decimal(0))) / 1e3)


def test_a_log_is_followed_over_both_kinds_of_rotation(tmp_path: Path) -> None:
    path, third = tmp_path / "gc.log", len(GO_TEXT) // 3
    registry = registry_of(Runtime.GO, str(path))
    for start, rotate in ((0, "rename"), (third, "truncate"), (2 * third, "")):
        with path.open("ab") as log:  # the cuts are in the middle of lines
            log.write(GO_TEXT[start : start + third] if rotate else GO_TEXT[start:])
        pauses(registry, str(path))
        if rotate == "rename":
            shutil.copy(path, tmp_path / "rest")
            path.rename(tmp_path / "gc.log.1")
        elif rotate == "truncate":
            os.truncate(path, 0)

    count, sum_seconds = pauses(registry, str(path))
    whole_count, _ = expected("go", GO_TEXT.decode())
    assert whole_count - 4 <= count < whole_count and sum_seconds > 0


def test_logs_stand_side_by_side(tmp_path: Path) -> None:
    names = [str(RECORDED / "jvm_17_G1.log"), str(RECORDED / "jvm_25_Z.log")]
    registry = registry_of(Runtime.JVM, *names)

    assert [pauses(registry, name) for name in names] == [expected("jvm", Path(name).read_text()) for name in names]


def test_a_fifo_is_read(tmp_path: Path) -> None:
    path = tmp_path / "gc.fifo"
    os.mkfifo(path)
    registry = registry_of(Runtime.GO, str(path))
    with path.open("wb") as fifo:
        fifo.write(GO_TEXT)
        fifo.flush()
        counted = pauses(registry, str(path))

    assert counted == expected("go", GO_TEXT.decode())


@pytest.mark.parametrize(
    ("program", "runtime", "command"),
    [
        ("go", Runtime.GO, ["./garbage", "30"]),
        ("node", Runtime.NODE, ["node", "--trace-gc", "--expose-gc", "garbage.js", "16"]),
        ("java", Runtime.JVM, ["java", "-Xmx48m", "-XX:+UseSerialGC", "-Xlog:gc*,safepoint", "Garbage.java", "3"]),
    ],
)
def test_the_runtimes_of_this_machine_write_what_we_read(
    program: str, runtime: Runtime, command: list[str], tmp_path: Path
) -> None:
    need_program(program)
    shutil.copytree(RECORDED, tmp_path, dirs_exist_ok=True)
    if runtime is Runtime.GO:
        # Apart: the compiler collects garbage, too, and would write into the middle of the program's lines.
        subprocess.run(["go", "build", "-o", "garbage", "garbage.go"], cwd=tmp_path, check=True, timeout=120)
    path = tmp_path / "gc.log"
    with path.open("wb") as log:
        environment = {**os.environ, "GODEBUG": "gctrace=1"}
        subprocess.run(command, cwd=tmp_path, stdout=log, stderr=log, env=environment, check=True, timeout=120)
    registry = registry_of(runtime, str(path))

    assert pauses(registry, str(path)) == expected(runtime.value, path.read_text())
    assert pauses(registry, str(path))[0] > 0
    unrecognised = {"log": str(path), "outcome": "unrecognised"}
    assert registry.get_sample_value("plimsoll_exporter_log_lines_total", unrecognised) == 0


def test_after_a_restart_only_new_pauses_are_counted(tmp_path: Path) -> None:
    path, state = tmp_path / "gc.log", StateFile(tmp_path / "positions.json")
    path.write_bytes(GO_TEXT)
    counts = []
    for _ in range(2):
        registry = CollectorRegistry()
        source = open_source(str(path), Start.BEGINNING, lambda: 0.0, state.load().get(str(path), ()))
        registry.register(GcLogCollector({str(path): source}, Runtime.GO, state))
        counts.append(pauses(registry, str(path))[0])

    assert counts == [expected("go", GO_TEXT.decode())[0], 0]
