"""Label sets of many keys at once are those that the keys give one by one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.api.remote_write.label_sets import decode_float_label_sets, decode_label_sets
from monitor.api.remote_write.write_request import decode_labels
from monitor.errors import BadRequest
from monitor.model.native_histograms import COMPONENT_LABEL
from monitor.model.protobuf_fields import bytes_field

texts = st.one_of(
    st.sampled_from(["", "a", "b", "__name__"]), st.text(max_size=5), st.text("x", min_size=120, max_size=140)
)
pairs = st.tuples(texts, texts)
encoded_sets = st.lists(st.lists(pairs, max_size=4), min_size=1, max_size=5)


def label(name: str, value: str) -> bytes:
    return bytes_field(1, bytes_field(1, name.encode()) + bytes_field(2, value.encode()))


def key(*labels: tuple[str, str]) -> bytes:
    return b"".join(label(name, value) for name, value in labels)


def assert_decoded_as_each(keys: list[bytes]) -> None:
    """All together they are what each one is alone, or refused if one of them is."""
    try:
        want = [decode_labels(each) for each in keys]
    except BadRequest:
        with pytest.raises(BadRequest):
            decode_label_sets(keys)
    else:
        assert decode_label_sets(keys).all_labels() == want


@given(encoded_sets, st.booleans())
def test_many_sets_are_decoded_as_each_one_is(sets: list[list[tuple[str, str]]], are_named: bool) -> None:
    keys = [key(*((("__name__", "m"),) if are_named else ()), *labels) for labels in sets]
    assert_decoded_as_each(keys)


@given(st.lists(st.binary(max_size=12), min_size=1, max_size=3))
def test_what_is_no_label_set_is_refused(tails: list[bytes]) -> None:
    keys = [key(("__name__", "m")) + tail for tail in tails]
    assert_decoded_as_each(keys)


def test_the_label_of_histogram_components_is_reserved() -> None:
    with pytest.raises(BadRequest, match="reserved"):
        decode_float_label_sets([key(("__name__", "m"), (COMPONENT_LABEL, "0/count"))])
