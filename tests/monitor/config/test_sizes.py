from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.sizes import format_size, parse_size_bytes


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        ("10B", 10),
        ("10KB", 10_240),
        ("1.5GB", 1_610_612_736),
        ("64MiB", 67_108_864),
        ("1GiB512MiB", 1_610_612_736),
    ],
)
def test_sizes_are_powers_of_1024_with_either_spelling(text, size):
    assert parse_size_bytes(text) == size


@pytest.mark.parametrize("text", ["", "10", "10kB", "-1GB", "1GB512MiB", "GB", "1e3B", "1 GB", "9EB"])
def test_a_size_without_a_known_unit_is_refused(text):
    with pytest.raises(ValueError, match=r"got .*, want a size"):
        parse_size_bytes(text)


@given(st.integers(min_value=0, max_value=2**52))
def test_a_formatted_size_is_read_back(size):
    assert parse_size_bytes(format_size(size)) == size
