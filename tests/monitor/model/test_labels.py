from __future__ import annotations

import pytest

from monitor.model.labels import Labels, quote


def test_a_label_with_an_empty_value_is_no_label() -> None:
    assert Labels({"a": "1", "b": ""}) == Labels({"a": "1"})
    assert Labels({"a": "1"}).merged({"a": ""}) == Labels()


@pytest.mark.parametrize(
    ("labels", "text"),
    [
        ({}, "{}"),
        ({"__name__": "up"}, "up"),
        ({"__name__": "up", "b": "2", "a": '1"\n'}, 'up{a="1\\"\\n", b="2"}'),
        ({"a": "1"}, '{a="1"}'),
        ({"__name__": "my.metric", "le.x": "1"}, '{"my.metric", "le.x"="1"}'),
    ],
)
def test_label_sets_print_as_they_are_queried(labels: dict[str, str], text: str) -> None:
    assert str(Labels(labels)) == text


def test_a_prefix_sorts_before_what_it_begins_and_names_count_before_values() -> None:
    a, ab, b = Labels({"a": "1"}), Labels({"a": "1", "b": "1"}), Labels({"b": "0"})
    assert sorted([b, ab, a]) == [a, ab, b]


def test_fingerprints_do_not_depend_on_order_and_keep_names_and_values_apart() -> None:
    assert Labels({"a": "1", "b": "2"}).fingerprint() == Labels({"b": "2", "a": "1"}).fingerprint()
    assert Labels({"a": "bc"}).fingerprint() != Labels({"ab": "c"}).fingerprint()


def test_control_characters_are_quoted_as_go_quotes_them() -> None:
    assert quote("a\tb\x00\u200b\U0001f600") == '"a\\tb\\x00\\u200b\U0001f600"'
