from __future__ import annotations

from pathlib import Path

import pytest
from config_problems import read_problems
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.yaml.yaml_nodes import ListNode, MappingNode, ScalarNode, YamlLimits, parse_yaml, read_text
from monitor.errors import ConfigError

LIMITS = YamlLimits()


def parse(text: str, limits: YamlLimits = LIMITS):
    return parse_yaml(text, "a.yml", limits)


def plain(node):
    """A node as Python lists, dictionaries and texts."""
    if isinstance(node, MappingNode):
        return {key: plain(value) for key, value in node.values.items()}
    if isinstance(node, ListNode):
        return [plain(item) for item in node.items]
    return node.text


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a:\n\tb: 1", "2 : got a tab, want spaces for indentation"),
        (
            "a: 1\nb: 'x",
            "2 : not YAML: found unexpected end of stream, while scanning a quoted scalar that starts on line 2",
        ),
        ("a: b: c", "1 : not YAML: mapping values are not allowed in this context"),
        (
            "a: 1\nb: *c",
            "2 : got an alias without an anchor of its name above, want quotes around a text that starts with *",
        ),
        ("a: &a [*a]", "1 : got an alias inside its own anchor, want one that stands above"),
        ("a: 1\nb: \x01", "2 : got the character '\\x01', which YAML does not allow"),
        (b"a: 1\nb: \xff", "2 : got the byte 0xff, want UTF-8 text"),
        ("a: 1\nb: \ud800", "2 : got half of a surrogate pair, want UTF-8 text"),
        ("[" * 200, "1 : got more than 100 levels of nesting, want at most that"),
        ("[1]", "1 : got a list, want a mapping"),
        ("text", "1 : got a single value, want a mapping"),
    ],
)
def test_a_text_that_cannot_be_read_has_one_problem_with_its_line(text, problem):
    assert read_problems(text) == [problem.replace(" : ", ": ", 1)]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: 1\nb: 2\na: 3", "3: the key 'a' stands here again, it is already on line 1"),
        ("[x, y]: 1", "1: got a list or mapping as a key, want text"),
        ("a: !secret x", "1: got a tag, want none, or quotes around a text that starts with !"),
        ("a:\n  <<: 5", "2: got something else after <<, want a mapping or a list of mappings"),
    ],
)
def test_a_wrong_key_or_tag_does_not_stop_the_reading(text, problem):
    assert [f"{found.line}: {found.message}" for found in parse(text).problems] == [problem]


def test_aliases_that_multiply_are_stopped():
    levels = "".join(f"l{n}: &l{n} [{', '.join([f'*l{n - 1}'] * 10)}]\n" for n in range(1, 10))

    with pytest.raises(ConfigError, match=r"a.yml:6: got more than 100000 values with aliases written out"):
        parse(f"l0: &l0 x\n{levels}", YamlLimits(nodes=100_000))


def test_an_alias_stands_for_what_its_anchor_names():
    assert plain(parse("a: &x [1, 2]\nb: *x").root) == {"a": ["1", "2"], "b": ["1", "2"]}


def test_keys_of_a_mapping_win_over_merged_ones_and_earlier_merges_over_later_ones():
    text = "one: &one {a: 1, b: 1}\ntwo: &two {b: 2, c: 2}\nboth: {c: 3, <<: [*one, *two]}"

    assert plain(parse(text).root)["both"] == {"a": "1", "b": "1", "c": "3"}


def test_every_node_and_key_knows_its_line():
    root = parse("a: 1\nb:\n  - c: 2\n    d: 3\n").root

    item = root.values["b"].items[0]
    assert (root.key_lines["b"], item.line, item.key_lines["d"], item.values["d"].line) == (2, 3, 4, 4)


def test_quotes_and_the_tag_str_tell_texts_from_nothing():
    root = parse("a: null\nb: 'null'\nc: !!str null\nd:\ne: ''").root

    assert {key: node.is_null for key, node in root.values.items()} == {
        "a": True, "b": False, "c": False, "d": True, "e": False,
    }  # fmt: skip


def test_a_second_document_is_not_read_but_noticed():
    parsed = parse("a: 1\n---\nb: [")

    assert plain(parsed.root) == {"a": "1"}
    assert parsed.second_document_line == 2


def test_a_text_with_nothing_in_it_has_no_root():
    assert parse("# only a comment\n").root is None


def test_a_file_larger_than_the_limit_is_refused(tmp_path: Path):
    file = tmp_path / "big.yml"
    file.write_text("a: 12345")

    with pytest.raises(ConfigError, match="got more than 7 bytes, want at most that"):
        read_text(file, YamlLimits(file_bytes=7))


def test_a_missing_file_is_named_without_a_line(tmp_path: Path):
    with pytest.raises(ConfigError, match=rf"^{tmp_path}/no.yml: cannot be read: No such file or directory$"):
        read_text(tmp_path / "no.yml", LIMITS)


def test_a_byte_order_mark_is_no_part_of_the_text(tmp_path: Path):
    file = tmp_path / "bom.yml"
    file.write_bytes(b"\xef\xbb\xbfa: 1")

    assert read_text(file, LIMITS) == "a: 1"


@given(st.text(alphabet=st.sampled_from("ab:-[]{}&*<'\"|>#!%,? \n\t~"), max_size=40))
def test_any_text_is_either_read_or_refused_with_a_config_error(text):
    try:
        root = parse(text).root
    except ConfigError as error:
        assert error.problems
    else:
        assert root is None or isinstance(root, ScalarNode | ListNode | MappingNode)
