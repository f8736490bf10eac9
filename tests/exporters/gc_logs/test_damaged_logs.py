"""Whatever happens to a log, no more is counted than was in it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from gc_log_oracle import pauses_ms
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.gc_logs.collector import GcLog, Runtime
from exporters.gc_logs.totals import DEFAULT_GC_LOG_SETTINGS, GcLogSettings, GcTotals
from exporters.log_following.source import SourceStatus

RECORDED = Path(__file__).with_name("recorded")
TEXTS = {
    Runtime.GO: (RECORDED / "go_1.26.log").read_bytes(),
    Runtime.NODE: b"".join((RECORDED / "node_24.log").read_bytes().splitlines(keepends=True)[:40]),
    Runtime.JVM: b"".join((RECORDED / "jvm_25_G1.log").read_bytes().splitlines(keepends=True)[-60:]),
}
# What a program might print into the middle: it ends its line, as programs do.
PRINTED = st.text("gc 0123456789.ms[]()>-MPause\x00é", max_size=20).map(lambda text: (text + "\n").encode())


class Blocks:
    """A LogSource that gives these blocks and then nothing."""

    def __init__(self, *blocks: bytes) -> None:
        self._blocks = list(blocks)

    def read(self) -> bytes:
        return self._blocks.pop(0) if self._blocks else b""

    @property
    def awaited(self) -> None:
        return None

    def status(self) -> SourceStatus:
        return SourceStatus(is_open=True)

    def close(self) -> None:
        pass


def totals_of(runtime: Runtime, text: bytes, limits: GcLogSettings = DEFAULT_GC_LOG_SETTINGS) -> GcTotals:
    log = GcLog("log", Blocks(text), runtime, limits)
    while log.poll():
        pass
    return log.totals


def counted(totals: GcTotals) -> tuple[int, int]:
    histograms = totals.pauses.values()
    return sum(histogram.count for histogram in histograms), sum(histogram.sum_ns for histogram in histograms)


def in_the_log(runtime: Runtime, text: bytes) -> tuple[int, int]:
    expected = pauses_ms(runtime.value, text.decode())
    return len(expected), int(sum(expected) * 1_000_000)


@pytest.mark.parametrize("runtime", Runtime)
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_lines_printed_into_the_middle_never_add_a_pause(runtime: Runtime, data: st.DataObject) -> None:
    text = TEXTS[runtime]
    places = data.draw(st.lists(st.integers(0, len(text)), max_size=10).map(sorted), label="places")
    damaged, end = b"", 0
    for place in places:
        damaged += text[end:place] + data.draw(PRINTED)
        end = place
    count, sum_ns = counted(totals_of(runtime, damaged + text[end:]))

    whole_count, whole_sum_ns = in_the_log(runtime, text)
    assert count <= whole_count and sum_ns <= whole_sum_ns
    assert count >= whole_count - 2 * len(places)


@pytest.mark.parametrize("runtime", Runtime)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_a_piece_of_a_log_never_holds_more_than_the_log(runtime: Runtime, data: st.DataObject) -> None:
    text = TEXTS[runtime]
    start, end = sorted((data.draw(st.integers(0, len(text))), data.draw(st.integers(0, len(text)))))
    count, sum_ns = counted(totals_of(runtime, text[start:end] + b"\n"))

    whole_count, whole_sum_ns = in_the_log(runtime, text)
    assert count <= whole_count and sum_ns <= whole_sum_ns


@pytest.mark.parametrize("runtime", Runtime)
@given(text=st.binary(max_size=400))
def test_garbage_is_counted_as_lines_and_nothing_else(runtime: Runtime, text: bytes) -> None:
    totals = totals_of(runtime, text + b"\n")

    assert counted(totals) == (0, 0)
    assert sum(totals.lines.values()) == text.count(b"\n") + 1


def test_words_from_the_log_cannot_make_series_without_end() -> None:
    lines = "".join(f"[1s][info][gc] GC(1) Pause Full (cause {number}) 6M->2M(8M) 1.000ms\n" for number in range(50))
    totals = totals_of(Runtime.JVM, lines.encode(), GcLogSettings(histograms_max=10))

    assert len(totals.pauses) == 11
    assert totals.pauses["major", "_OTHER", "_OTHER"].count == 40


@pytest.mark.parametrize(
    ("runtime", "name", "stamp"),
    [
        (Runtime.GO, "go_1.26.log", rb"@\d+\.\d+s"),
        (Runtime.NODE, "node_24.log", rb" +\d+ ms: "),
        (Runtime.JVM, "jvm_17_G1.log", rb"^\[\d+\.\d+s\]"),
    ],
)
def test_times_that_jump_back_change_no_pause(runtime: Runtime, name: str, stamp: bytes) -> None:
    """The stamps of the lines in their opposite order: as many jumps back as there are lines."""
    text = (RECORDED / name).read_bytes()
    stamps = re.findall(stamp, text, re.MULTILINE)
    jumping = re.sub(stamp, lambda _: stamps.pop(), text, flags=re.MULTILINE)

    assert jumping != text
    assert counted(totals_of(runtime, jumping)) == counted(totals_of(runtime, text)) == in_the_log(runtime, text)
