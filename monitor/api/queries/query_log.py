"""The query log: a file of JSON lines, one for each query that was evaluated."""

from __future__ import annotations

import logging
import threading
from io import FileIO
from pathlib import Path

import orjson

from monitor.api.queries.query_record import QueryRecord, log_json
from monitor.errors import StorageError

logger = logging.getLogger(__name__)

OLD_SUFFIX = ".old"


class QueryLog:
    """Any thread may write. A file that reaches `bytes_max` is renamed to `….old`, which replaces the one before.

    A line that cannot be written is counted and lost: a full disk must not end queries.
    """

    def __init__(self, bytes_max: int) -> None:
        self._bytes_max = bytes_max
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._file: FileIO | None = None
        self._size = 0
        self.lost_lines = 0

    @property
    def is_open(self) -> bool:
        return self._file is not None

    def open(self, path: Path | None) -> None:
        """From now on writes to `path`, or nowhere. The same path is opened again: it may have been moved away.

        Raises StorageError if it cannot be opened; then nothing has changed.
        """
        try:
            file = path.open("ab", buffering=0) if path is not None else None
        except OSError as error:
            raise StorageError(f"{path}: the query log cannot be opened: {error.strerror}") from error
        with self._lock:
            if self._file is not None:
                self._file.close()
            self._path, self._file = path, file
            self._size = file.tell() if file is not None else 0

    def write(self, record: QueryRecord) -> None:
        line = orjson.dumps(log_json(record), option=orjson.OPT_APPEND_NEWLINE)
        with self._lock:
            if self._file is None:
                return
            try:
                self._begin_anew_if_full(len(line))
                self._file.write(line)
                self._size += len(line)
            except OSError as error:
                self.lost_lines += 1
                if self.lost_lines == 1:
                    logger.error("%s: lines of the query log are lost: %s", self._path, error)

    def _begin_anew_if_full(self, line_bytes: int) -> None:
        assert self._path is not None and self._file is not None, "BUG: got no file, want an open one"
        if not self._size or self._size + line_bytes <= self._bytes_max:
            return
        self._path.replace(self._path.with_name(self._path.name + OLD_SUFFIX))
        file = self._path.open("ab", buffering=0)
        self._file.close()
        self._file, self._size = file, 0

    def close(self) -> None:
        self.open(None)
