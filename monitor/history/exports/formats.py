"""The formats of exports: their names, media types and encoders."""

from __future__ import annotations

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from monitor.errors import BadRequest
from monitor.history.exports.arrow_formats import ArrowEncoder, ParquetEncoder
from monitor.history.exports.runs import SeriesRuns
from monitor.history.exports.text_formats import CsvEncoder, JsonLinesEncoder


class Encoder(Protocol):
    """A file in three parts: what stands before, between and behind the samples."""

    def begin(self) -> bytes: ...

    def encode(self, runs: SeriesRuns) -> bytes: ...

    def end(self) -> bytes: ...


class ExportFormat(enum.Enum):
    """The value is the parameter `format`."""

    JSON_LINES = "jsonl"
    CSV = "csv"
    PARQUET = "parquet"
    ARROW = "arrow"


@dataclass(frozen=True, slots=True)
class MediaType:
    """`is_text` says that compressing it on the way is worth it."""

    name: str
    is_text: bool


MEDIA_TYPES = {
    ExportFormat.JSON_LINES: MediaType("application/jsonl; charset=utf-8", True),
    ExportFormat.CSV: MediaType("text/csv; charset=utf-8; header=present", True),
    ExportFormat.PARQUET: MediaType("application/vnd.apache.parquet", False),
    ExportFormat.ARROW: MediaType("application/vnd.apache.arrow.stream", False),
}


def parse_export_format(text: str) -> ExportFormat:
    """Raises BadRequest."""
    try:
        return ExportFormat(text)
    except ValueError:
        wanted = ", ".join(each.value for each in ExportFormat)
        raise BadRequest(f'invalid parameter "format": got {text!r}, want one of {wanted}') from None


def encoder_of(export_format: ExportFormat, label_names: Sequence[str]) -> Encoder:
    """`label_names` are all that may occur. Raises NotInstalled."""
    if export_format is ExportFormat.JSON_LINES:
        return JsonLinesEncoder()
    if export_format is ExportFormat.CSV:
        return CsvEncoder(label_names)
    return ParquetEncoder(label_names) if export_format is ExportFormat.PARQUET else ArrowEncoder(label_names)
