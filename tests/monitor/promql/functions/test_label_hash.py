from __future__ import annotations

import pytest

from monitor.model.labels import Labels
from monitor.promql.functions.label_hash import label_hash, xxh64


@pytest.mark.parametrize(
    ("data", "digest"),
    [
        (b"", 0xEF46DB3751D8E999),
        (b"a", 0xD24EC4F1A98C6E5B),
        (b"abc", 0x44BC2CF5AD770999),
        (b"Nobody inspects the spammish repetition", 0xFBCEA83C8A378BF1),
    ],
)
def test_known_digests(data: bytes, digest: int) -> None:
    assert xxh64(data) == digest


def test_a_label_set_is_hashed_with_the_lengths_of_its_texts() -> None:
    assert label_hash(Labels({"b": "2", "a": "1"})) == xxh64(b"\x01a\x011\x01b\x012")
    assert label_hash(Labels({"a": "x" * 300})) == xxh64(b"\x01a\xff\x2c\x01\x00" + b"x" * 300)
