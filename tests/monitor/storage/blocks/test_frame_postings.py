"""A block of few series finds in its label sets what a larger one has as postings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from stored_samples import append_rows, open_store, seal_all

from monitor.model.matchers import Matcher, MatchOp
from monitor.storage.blocks.block import Block
from monitor.storage.blocks.block_writer import POSTED_SERIES_MIN
from monitor.storage.blocks.label_index import FramePostings, select_series

SERIES = [
    {"__name__": f"of_{number % 3}", "path": str(number), **({"odd": "yes"} if number % 2 else {})}
    for number in range(POSTED_SERIES_MIN)
]
SELECTORS = [
    (Matcher("path", MatchOp.EQUAL, "17"),),
    (Matcher("path", MatchOp.REGEX, "1.*7"), Matcher("odd", MatchOp.NOT_EQUAL, "yes")),
    (Matcher("odd", MatchOp.EQUAL, ""), Matcher("__name__", MatchOp.REGEX, "of_1|of_2")),
    (Matcher("missing", MatchOp.EQUAL, ""), Matcher("path", MatchOp.NOT_REGEX, "[1-8].*")),
    (Matcher("path", MatchOp.EQUAL, "no such"),),
]


@pytest.fixture
def block(tmp_path: Path):
    store = open_store(tmp_path)
    append_rows(store, "many", SERIES, 0, 1)
    seal_all(store)
    (block,) = store.blocks()
    yield block
    store.close()


def of_frame(block: Block) -> FramePostings:
    return FramePostings(block.labels(np.arange(block.meta.series, dtype=np.uint32)))


def test_names_and_values_are_the_same(block: Block) -> None:
    stored, found = block.postings(), of_frame(block)

    assert found.names() == stored.names() == ["__name__", "odd", "path"]
    assert {name: set(found.values(name)) for name in found.names()} == {
        name: set(stored.values(name)) for name in stored.names()
    }


@pytest.mark.parametrize("selector", SELECTORS, ids=str)
def test_selectors_find_the_same_series(block: Block, selector: tuple[Matcher, ...]) -> None:
    assert list(select_series(of_frame(block), selector)) == list(select_series(block.postings(), selector))


def test_a_pair_is_found_whether_or_not_the_values_were_asked_for(block: Block) -> None:
    found = of_frame(block)
    before = [found.posting("odd", value) for value in ("yes", "", "no")]
    found.values("odd")

    assert [found.posting("odd", value) for value in ("yes", "", "no")] == before
    assert before == [block.postings().posting("odd", "yes"), None, None]
