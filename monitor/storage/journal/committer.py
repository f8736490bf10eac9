"""Group commit: one thread that makes durable what the head took in, about once a second or when somebody waits."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass

from monitor.errors import StorageError, StorageFull
from monitor.storage.blocks.label_codec import encode_labels
from monitor.storage.head.chunk import Chunk
from monitor.storage.head.cutting import EncodedCut, encode_cuts
from monitor.storage.head.head import Head
from monitor.storage.head.head_state import Unwritten
from monitor.storage.head.series_runs import encode_runs
from monitor.storage.journal.entry_codec import CellsRecord, Record, RowsRecord, encode_entry
from monitor.storage.journal.entry_ledger import EntryLedger
from monitor.storage.journal.journal import Journal, OpenChunkRow, Transaction

logger = logging.getLogger(__name__)

Checkpoint = Callable[[str], None]
"""Called with the name of each step that a crash may fall into; tests end the process there."""

Records = dict[int, list[Record]]
"""What an entry of each pace will hold."""
AddToCommit = Callable[[Transaction, Records], None]

CUTS_PER_COMMIT = 64
"""Full chunks that one transaction turns into slabs: some 50 ms of work at 500 series x 240 rows each."""
FIRST_SEQUENCE = 1


@dataclass(slots=True)
class CommitStats:
    """Counted since the start."""

    commits: int = 0
    failed: int = 0
    cut_chunks: int = 0
    entry_bytes: int = 0
    slab_bytes: int = 0


class Committer:
    """Writes the head's changes to the journal. `commit_once` may also be called directly when no thread runs."""

    def __init__(self, head: Head, journal: Journal, interval_seconds: float, checkpoint: Checkpoint) -> None:
        self.stats = CommitStats()
        self._head = head
        self._journal = journal
        self._interval_seconds = interval_seconds
        self._checkpoint = checkpoint
        entries = journal.entry_numbers()
        self._sequence = max((sequence for sequence, _ in entries), default=0) + FIRST_SEQUENCE
        chunks = (chunk for source in head.state.sources.values() for chunk in source.chunks())
        self._ledger = EntryLedger(entries, chunks)
        self._unfinished: Transaction | None = None
        self._waiting: list[Future[None]] = []
        self._wake = threading.Event()
        self._is_stopping = False
        self._commit_lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="plimsoll-commit", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """Commits what is left and ends the thread."""
        self._is_stopping = True
        self._wake.set()
        if self._thread.is_alive():
            self._thread.join()
        else:
            self._commit_and_report()

    def wait(self) -> Future[None]:
        """Done once everything appended before this call is durable; fails with StorageFull if it cannot be."""
        future: Future[None] = Future()
        with self._head.state.lock:
            self._waiting.append(future)
        self._wake.set()
        return future

    def _run(self) -> None:
        while not self._is_stopping:
            self._wake.wait(self._interval_seconds)
            self._wake.clear()
            self._commit_and_report()
        self._commit_and_report()

    def _commit_and_report(self) -> None:
        with self._head.state.lock:
            waiting, self._waiting = self._waiting, []
        try:
            self.commit_once()
        except StorageError as error:
            self.stats.failed += 1
            logger.error("commit failed, nothing is accepted until one succeeds: %s", error)
            for future in waiting:
                future.set_exception(error)
        else:
            for future in waiting:
                future.set_result(None)

    def commit_once(self) -> None:
        """Makes durable everything appended so far, then turns full chunks into slabs."""
        self._commit(None)

    def commit_with(self, add: AddToCommit) -> None:
        """The same, with what `add` puts to it: called once, under the head's lock, when all rows are collected.

        If the disk does not take it, what was added is written by the next commit that succeeds.
        """
        self._commit(add)

    def _commit(self, add: AddToCommit | None) -> None:
        with self._commit_lock:
            state = self._head.state
            try:
                self._commit_rows(add)
                while state.cuts:
                    self._commit_cuts()
            except StorageFull:
                state.is_full = True
                raise
            state.is_full = False

    def run_exclusively(self, write: Callable[[Journal], None]) -> None:
        """Runs another writer of the journal between two commits."""
        with self._commit_lock:
            write(self._journal)

    # Rows.

    def _commit_rows(self, add: AddToCommit | None) -> None:
        if self._unfinished is not None:
            self._write_rows(self._unfinished)
        self._unfinished = self._collect(add)
        self._write_rows(self._unfinished)

    def _write_rows(self, transaction: Transaction) -> None:
        """Writes rows that count as journaled in the head: kept until they are written, however often it fails."""
        if not transaction.is_empty:
            self._checkpoint("rows: before commit")
            self._journal.commit(transaction)
            self._checkpoint("rows: after commit")
            self.stats.commits += 1
            self.stats.entry_bytes += sum(len(rows) for _, _, rows in transaction.entries)
        self._unfinished = None

    def _collect(self, add: AddToCommit | None) -> Transaction:
        state = self._head.state
        transaction = Transaction()
        records: Records = {}
        with state.lock:
            unwritten = state.take_unwritten()
            transaction.last_id = state.next_id - 1
            for chunk in unwritten.chunks:
                if not chunk.is_dirty:
                    continue  # it became slabs in the meantime
                if chunk.journaled_columns != chunk.columns:
                    transaction.open_chunks.append(self._open_row(chunk))
                records.setdefault(chunk.pace, []).extend(self._records(chunk))
            if add is not None:
                add(transaction, records)
        _add_registrations(transaction, unwritten)
        for pace, of_pace in sorted(records.items()):
            transaction.entries.append((self._sequence, pace, encode_entry(of_pace)))
            self._ledger.add(self._sequence, pace)
            self._sequence += 1
        return transaction

    def _open_row(self, chunk: Chunk) -> OpenChunkRow:
        chunk.journaled_columns = chunk.columns
        series = encode_runs(self._head.state.table, chunk.layout.numbers)
        return OpenChunkRow(chunk.chunk_id, chunk.source_id, series, chunk.ordered, chunk.span_end_ms)

    def _records(self, chunk: Chunk) -> list[Record]:
        first, end = chunk.journaled_rows, chunk.rows
        records: list[Record] = []
        if end > first:
            records.append(RowsRecord(chunk.chunk_id, first, chunk.timestamps_ms[first:end], chunk.values[first:end]))
        records += [CellsRecord(chunk.chunk_id, cells) for cells in chunk.cells]
        chunk.journaled_rows = end
        chunk.cells = []
        if chunk.first_sequence is None:
            # At least this one: the entries of one commit are numbered by pace, from here on.
            chunk.first_sequence = self._sequence
            self._ledger.open(chunk.pace, self._sequence)
        return records

    # Cuts.

    def _commit_cuts(self) -> None:
        state = self._head.state
        chunks = [state.cuts[i] for i in range(min(CUTS_PER_COMMIT, len(state.cuts)))]
        encoded = [self._encode(chunk) for chunk in chunks]
        transaction = Transaction(closed_chunks=[chunk.chunk_id for chunk in chunks])
        for cuts in encoded:
            transaction.cut_chunks += [cut.row for cut in cuts]
            transaction.slabs += [slab for cut in cuts for slab in cut.slabs]
        transaction.last_id = state.next_id - 1
        transaction.superfluous_entries = self._ledger.superfluous(chunks)
        self._checkpoint("cuts: before commit")
        self._journal.commit(transaction)
        self._checkpoint("cuts: after commit")
        self._ledger.close(chunks, transaction.superfluous_entries)
        self.stats.cut_chunks += len(chunks)
        self.stats.slab_bytes += sum(len(slab.data) for slab in transaction.slabs)
        with state.lock:
            for chunk, cuts in zip(chunks, encoded, strict=True):
                state.cuts.popleft()
                chunk.journaled_rows, chunk.cells = chunk.rows, []
                self._head.state.sources[chunk.source_id].finish_cut(chunk, [cut.cut for cut in cuts])

    def _encode(self, chunk: Chunk) -> list[EncodedCut]:
        state = self._head.state
        series = encode_runs(state.table, chunk.layout.numbers)
        return encode_cuts(chunk, series, state.settings.block_span_ms, self._take_id)

    def _take_id(self) -> int:
        with self._head.state.lock:
            return self._head.state.take_id()


def _add_registrations(transaction: Transaction, unwritten: Unwritten) -> None:
    transaction.sources = [(source.source_id, source.key, source.interval_ms) for source in unwritten.sources]
    transaction.batches = [
        (batch.batch_id, batch.source_id, encode_labels(batch.labels)) for batch in unwritten.batches
    ]
