"""What the sections of the host exporter share: files of lines, and families of gauges and counters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric

from exporters.errors import MalformedProcFile


@dataclass(frozen=True, slots=True)
class HostPaths:
    """Where the host's /proc and its root are mounted; elsewhere when the exporter runs in a container."""

    proc: Path = Path("/proc")
    root: Path = Path("/")


@dataclass(frozen=True, slots=True)
class Column:
    """A metric and which number of a line it is; `scale` turns the kernel's unit into a base unit."""

    name: str
    help: str
    index: int
    scale: float = 1.0
    is_counter: bool = True


def read_lines(path: Path) -> list[str]:
    return path.read_text(errors="replace").splitlines()


def read_keyed_numbers(path: Path) -> dict[str, list[int]]:
    """Lines `name number …`, a colon after the name or not, by name. Raises MalformedProcFile."""
    numbers = {}
    for line in read_lines(path):
        name, *rest = line.replace(":", " ", 1).split() or [""]
        numbers[name] = whole_numbers(path, line, [word for word in rest if word != "kB"])
    return numbers


def whole_numbers(path: Path, line: str, words: Iterable[str]) -> list[int]:
    """Raises MalformedProcFile."""
    try:
        return [int(word) for word in words]
    except ValueError as error:
        raise MalformedProcFile(str(path), line, "whole numbers") from error


def single(name: str, text: str, value: float, *, is_counter: bool = False) -> Metric:
    """A family with one sample without labels."""
    return (CounterMetricFamily if is_counter else GaugeMetricFamily)(name, text, value=value)


def table_families(columns: Sequence[Column], rows: Iterable[tuple[str, Sequence[int]]]) -> Iterator[Metric]:
    """One family a column, labelled by `device`; a row that is too short for a column is not in it."""
    rows = list(rows)
    for column in columns:
        kind = CounterMetricFamily if column.is_counter else GaugeMetricFamily
        family = kind(column.name, column.help, labels=["device"])
        for device, numbers in rows:
            if column.index < len(numbers):
                family.add_metric([device], numbers[column.index] * column.scale)
        yield family
