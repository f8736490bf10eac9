"""Entries go when no chunk in memory has rows in them or in an older one of their pace."""

from __future__ import annotations

import numpy as np

from monitor.storage.head.chunk import Chunk, ChunkLayout
from monitor.storage.journal.entry_ledger import EntryLedger

LAYOUT = ChunkLayout(np.zeros(1, np.uint32), np.zeros(1, np.int32))


def chunk(pace: int, first_sequence: int | None) -> Chunk:
    made = Chunk(1, 1, LAYOUT, 4, 100, ordered=True, pace=pace)
    made.first_sequence = first_sequence
    return made


def test_entries_before_the_oldest_chunk_of_their_pace_are_superfluous() -> None:
    old, young, slow = chunk(0, 3), chunk(0, 5), chunk(1, 2)
    ledger = EntryLedger([(1, 0), (2, 1), (3, 0), (4, 1), (5, 0)], [old, young, slow, chunk(0, None)])
    assert ledger.superfluous([]) == [1]
    assert ledger.superfluous([old]) == [1, 3]
    assert ledger.superfluous([old, young]) == [1, 3, 5]
    assert ledger.superfluous([slow]) == [1, 2, 4]


def test_what_was_closed_does_not_count_any_more() -> None:
    ledger = EntryLedger([], [])
    first, second = chunk(0, 1), chunk(0, 2)
    for sequence in (1, 2):
        ledger.add(sequence, 0)
        ledger.open(0, sequence)
    ledger.close([first], ledger.superfluous([first]))
    assert ledger.superfluous([]) == []
    assert ledger.superfluous([second]) == [2]


def test_chunks_that_begin_in_one_entry_need_it_until_the_last_is_gone() -> None:
    one, other = chunk(0, 1), chunk(0, 1)
    ledger = EntryLedger([(1, 0)], [one, other])
    ledger.close([one], ledger.superfluous([one]))
    assert ledger.superfluous([]) == []
    assert ledger.superfluous([other]) == [1]
