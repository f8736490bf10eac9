"""Reading the slabs of the journal beside its writer, by any number of threads."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from monitor.errors import CorruptData
from monitor.storage.blocks.slab_codec import checksum
from monitor.storage.journal.journal import connect, translate_sqlite_error


class SlabReader:
    """Reads slabs of cut chunks beside the writer, for one thread. The file is open from the first read on."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._connection: sqlite3.Connection | None = None
        self._lock = threading.Lock()

    @contextmanager
    def set_aside(self) -> Iterator[None]:
        """Inside of the block the file is closed, and who reads waits; the next read opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            yield

    def close(self) -> None:
        with self.set_aside():
            pass

    def timestamps(self, chunk_id: int) -> bytes:
        """The encoded timestamps. Raises CorruptData if they are missing or damaged."""
        return self._read("SELECT checksum, timestamps FROM cut_chunks WHERE chunk_id = ?", chunk_id, "timestamps")

    def slab(self, slab_id: int) -> bytes:
        """The encoded slab. Raises CorruptData if it is missing or damaged."""
        return self._read("SELECT checksum, data FROM slabs WHERE slab_id = ?", slab_id, "slab")

    def slabs(self, slab_ids: Sequence[int]) -> list[bytes]:
        """The encoded slabs, in one read. Raises CorruptData if one is missing or damaged."""
        if len(slab_ids) == 1:
            return [self.slab(slab_ids[0])]
        query = f"SELECT slab_id, checksum, data FROM slabs WHERE slab_id IN ({','.join('?' * len(slab_ids))})"
        found = {slab_id: data for slab_id, expected, data in self._rows(query, slab_ids) if checksum(data) == expected}
        if len(found) < len(slab_ids):
            return [self.slab(slab_id) for slab_id in slab_ids]  # says which one
        return [found[slab_id] for slab_id in slab_ids]

    def _read(self, query: str, number: int, what: str) -> bytes:
        rows = self._rows(query, (number,))
        if not rows or checksum(rows[0][1]) != rows[0][0]:
            raise CorruptData(f"{self.path}: {what} {number} is {'damaged' if rows else 'missing'}")
        data: bytes = rows[0][1]
        return data

    def _rows(self, query: str, values: Sequence[int]) -> list[tuple]:  # type: ignore[type-arg]
        try:
            with self._lock:
                if self._connection is None:
                    self._connection = connect(self.path)
                return self._connection.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise translate_sqlite_error(error, self.path) from error


class SlabReaders:
    """A SlabReader for each thread that reads."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()
        self._readers: list[SlabReader] = []
        self._lock = threading.Lock()

    def mine(self) -> SlabReader:
        """That of the calling thread."""
        found: SlabReader | None = getattr(self._local, "reader", None)
        if found is None:
            found = SlabReader(self._path)
            with self._lock:
                self._readers.append(found)
            self._local.reader = found
        return found

    @contextmanager
    def set_aside(self) -> Iterator[None]:
        """See SlabReader.set_aside: of all of them."""
        with self._lock, ExitStack() as stack:
            for reader in self._readers:
                stack.enter_context(reader.set_aside())
            yield

    def close(self) -> None:
        with self.set_aside():
            pass
