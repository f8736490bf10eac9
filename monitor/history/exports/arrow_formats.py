"""Samples as Arrow's IPC stream and as Parquet, by pyarrow.

Columns: timestamp (ms, UTC), value (double; null is a stale marker), and a dictionary of strings for each label name,
the metric's first; null where a series does not have the label.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from typing import Any

import numpy as np

from monitor.errors import NotInstalled
from monitor.history.columns import column_of, label_columns
from monitor.history.exports.runs import SeriesRuns
from monitor.history.exports.text_formats import valid_text
from monitor.model.samples import is_stale

PARQUET_ROWS = 1 << 20
"""Rows of a row group, about: smaller ones compress worse."""


def load_pyarrow() -> Any:
    """An optional dependency of 40 MB. Raises NotInstalled."""
    try:
        import_module("pyarrow.parquet")
        return import_module("pyarrow")
    except ImportError:
        raise NotInstalled(
            "formats parquet and arrow need the library pyarrow: pip install 'plimsoll-monitor[parquet]'"
        ) from None


class _Sink:
    """Collects what pyarrow writes, to be taken away piece by piece."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """There is nothing behind it."""

    def close(self) -> None:
        self.closed = True

    def take(self) -> bytes:
        taken, self._parts = b"".join(self._parts), []
        return taken


class _Batches:
    """Runs as record batches of one schema."""

    def __init__(self, pyarrow: Any, label_names: Sequence[str]) -> None:
        self._pyarrow = pyarrow
        self._names = label_columns(label_names)
        text = pyarrow.dictionary(pyarrow.int32(), pyarrow.string())
        fields = [("timestamp", pyarrow.timestamp("ms", tz="UTC")), ("value", pyarrow.float64())]
        fields += [(column_of(valid_text(name)), text) for name in self._names]
        self.schema = pyarrow.schema(fields)

    def batch(self, runs: SeriesRuns) -> Any:
        pyarrow, counts = self._pyarrow, np.diff(runs.starts)
        values = np.ascontiguousarray(runs.values)
        columns = [
            pyarrow.array(np.ascontiguousarray(runs.timestamps_ms)).cast(self.schema.field(0).type),
            pyarrow.array(values, mask=is_stale(values)),
        ]
        for name in self._names:
            column = runs.labels.column(name)
            used, codes = np.unique(column.codes, return_inverse=True)
            texts = [None if code == 0 else valid_text(column.values[code]) for code in used.tolist()]
            shift = 1 if texts and texts[0] is None else 0
            indices = np.repeat(codes.reshape(-1).astype(np.int32) - shift, counts)
            indices = pyarrow.array(np.maximum(indices, 0), mask=indices < 0)
            columns.append(pyarrow.DictionaryArray.from_arrays(indices, pyarrow.array(texts[shift:], pyarrow.string())))
        return pyarrow.RecordBatch.from_arrays(columns, schema=self.schema)


class ArrowEncoder:
    """An IPC stream, one record batch for each piece."""

    def __init__(self, label_names: Sequence[str]) -> None:
        pyarrow = load_pyarrow()
        self._batches = _Batches(pyarrow, label_names)
        self._sink = _Sink()
        self._writer = pyarrow.ipc.new_stream(pyarrow.PythonFile(self._sink, "w"), self._batches.schema)

    def begin(self) -> bytes:
        return self._sink.take()

    def encode(self, runs: SeriesRuns) -> bytes:
        self._writer.write_batch(self._batches.batch(runs))
        return self._sink.take()

    def end(self) -> bytes:
        self._writer.close()
        return self._sink.take()


class ParquetEncoder:
    """A Parquet file, compressed with zstd."""

    def __init__(self, label_names: Sequence[str]) -> None:
        self._pyarrow = load_pyarrow()
        self._batches = _Batches(self._pyarrow, label_names)
        self._sink = _Sink()
        self._writer = self._pyarrow.parquet.ParquetWriter(
            self._pyarrow.PythonFile(self._sink, "w"), self._batches.schema, compression="zstd"
        )
        self._waiting: list[Any] = []

    def begin(self) -> bytes:
        return self._sink.take()

    def encode(self, runs: SeriesRuns) -> bytes:
        self._waiting.append(self._batches.batch(runs))
        if sum(batch.num_rows for batch in self._waiting) >= PARQUET_ROWS:
            self._write_group()
        return self._sink.take()

    def end(self) -> bytes:
        self._write_group()
        self._writer.close()
        return self._sink.take()

    def _write_group(self) -> None:
        if self._waiting:
            table = self._pyarrow.Table.from_batches(self._waiting, self._batches.schema)
            self._writer.write_table(table.unify_dictionaries(), row_group_size=table.num_rows)
            self._waiting = []
