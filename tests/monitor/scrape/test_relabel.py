from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.config.scrape_config import NameValidation, RelabelAction, RelabelRule
from monitor.model.labels import Labels
from monitor.scrape.relabel import relabel, relabel_steps

BASE = {"a": "foo", "b": "bar", "c": "baz"}


def rule(action: str, *source: str, target: str = "", **others) -> RelabelRule:
    return RelabelRule(RelabelAction(action), source, target_label=target, **others)


@pytest.mark.parametrize(
    ("given_rule", "changed"),
    [
        (rule("replace", "a", target="d"), {"d": "foo"}),
        (rule("replace", "a", "b", target="d"), {"d": "foo;bar"}),
        (rule("replace", "a", "b", target="d", separator=""), {"d": "foobar"}),
        (rule("replace", "a", target="d", regex="f(.*)", replacement="x$1-${1}"), {"d": "xoo-oo"}),
        (rule("replace", "a", target="d", regex="(?P<rest>.*)", replacement="${rest}$rest"), {"d": "foofoo"}),
        (rule("replace", "a", target="d", regex="o"), {}),
        (rule("replace", "a", target="b", replacement=""), {"b": ""}),
        (rule("replace", target="d", replacement="static"), {"d": "static"}),
        (rule("replace", "a", target="d", replacement="$1x"), {}),
        (rule("replace", "a", target="d", replacement="$$1"), {"d": "$1"}),
        (rule("replace", "a", target="d", replacement="a$"), {"d": "a$"}),
        (rule("replace", "a", target="d", replacement="${1"), {"d": "${1"}),
        (rule("replace", "a", target="d", replacement="$-$1"), {"d": "$-foo"}),
        (rule("replace", "a", target="d", replacement="${9}x${01}"), {"d": "x"}),
        (rule("replace", "a", target="d", regex="(x)?foo", replacement="[$1]"), {"d": "[]"}),
        (rule("replace", "a", target="${1}_total"), {"foo_total": "foo"}),
        (rule("replace", "none", target="d", regex="", replacement="was empty"), {"d": "was empty"}),
        (rule("replace", "a", target="$1-x"), {"foo-x": "foo"}),
        (rule("replace", "none", target="$1"), {}),
        (rule("lowercase", "a", "b", target="d"), {"d": "foo;bar"}),
        (rule("uppercase", "a", target="a"), {"a": "FOO"}),
        (rule("uppercase", "none", target="a"), {"a": ""}),
        (rule("hashmod", "c", target="d", modulus=1000), {"d": "976"}),
        (rule("hashmod", "a", "b", target="d", modulus=2**64 - 1), {"d": "15973639978189266750"}),
        (rule("labelmap", regex="(b|c)", replacement="m_$1"), {"m_b": "bar", "m_c": "baz"}),
        (rule("labelmap", regex="(a)", replacement="b"), {"b": "foo"}),
        (rule("labeldrop", regex="a|b"), {"a": "", "b": ""}),
        (rule("labelkeep", regex="[ab]"), {"c": ""}),
        (rule("labeldrop", regex="aa"), {}),
    ],
)
def test_a_rule_changes_labels_as_upstream_does(given_rule, changed):
    expected = {name: value for name, value in {**BASE, **changed}.items() if value}

    assert relabel(BASE, [given_rule]) == expected


@pytest.mark.parametrize(
    ("given_rule", "is_kept"),
    [
        (rule("keep", "a", regex="f.*"), True),
        (rule("keep", "a", regex="f"), False),
        (rule("keep", "none", regex="x"), False),
        (rule("drop", "a", regex="f.*"), False),
        (rule("drop", "a", "b", regex="foo;bar"), False),
        (rule("drop", "none", regex=".+"), True),
        (rule("keepequal", "a", target="b"), False),
        (rule("keepequal", "none", target="nothing"), True),
        (rule("dropequal", "a", target="a"), False),
        (rule("dropequal", "a", target="b"), True),
        (rule("dropequal", "a", "b", target="c"), True),
    ],
)
def test_a_rule_keeps_or_drops_the_whole_set(given_rule, is_kept):
    assert relabel(BASE, [given_rule]) == (BASE if is_kept else None)


def test_rules_are_applied_one_after_the_other():
    rules = [rule("replace", "a", target="d"), rule("labeldrop", regex="a"), rule("keep", "d", regex="foo")]

    assert relabel(Labels(BASE), rules) == {"b": "bar", "c": "baz", "d": "foo"}


def test_the_labels_that_come_in_stay_as_they_are():
    labels = dict(BASE)

    relabel(labels, [rule("labeldrop", regex=".*")])

    assert labels == BASE


def test_a_label_without_a_value_is_none():
    assert relabel({"a": "", "b": "x"}, []) == {"b": "x"}


def test_a_dot_matches_a_line_break():
    assert relabel({"a": "x\ny"}, [rule("keep", "a", regex="x.y")]) is not None


@pytest.mark.parametrize(("validation", "kept"), [(NameValidation.UTF8, True), (NameValidation.LEGACY, False)])
def test_a_computed_target_must_be_a_valid_name(validation, kept):
    labels = relabel({"a": "x-y"}, [rule("replace", "a", target="$1", name_validation=validation)])

    assert (labels == {"a": "x-y", "x-y": "x-y"}) is kept


@pytest.mark.parametrize(
    ("text", "upper", "lower"),
    [("ß", "ß", "ß"), ("ᾳ", "ᾼ", "ᾳ"), ("İ", "İ", "i"), ("ΣΑΣ", "ΣΑΣ", "σασ"), ("é", "É", "é")],
)
def test_cases_change_character_by_character_as_in_go(text, upper, lower):
    rules = [rule("uppercase", "a", target="u"), rule("lowercase", "a", target="l")]

    assert relabel({"a": text}, rules) == {"a": text, "u": upper, "l": lower}


def test_steps_show_each_outcome_up_to_the_drop():
    rules = [rule("replace", "a", target="d"), rule("drop", "d", regex="foo"), rule("labeldrop", regex="a")]

    steps = relabel_steps(BASE, rules)

    assert [(step.rule, step.kept) for step in steps] == [(rules[0], True), (rules[1], False)]
    assert [step.labels for step in steps] == [Labels({**BASE, "d": "foo"})] * 2


texts = st.text(alphabet="ab;$1", max_size=3)


@given(
    st.dictionaries(st.sampled_from("abc"), texts),
    st.lists(
        st.builds(
            RelabelRule,
            st.sampled_from(RelabelAction),
            source_labels=st.lists(st.sampled_from("abcd"), max_size=2).map(tuple),
            regex=st.sampled_from(["(.*)", "a", "a|b", "(a).*", "[^;]+", ""]),
            modulus=st.integers(1, 10),
            target_label=st.sampled_from(["a", "d", "${1}"]),
            replacement=st.sampled_from(["$1", "x", "", "$1$1"]),
        ),
        max_size=4,
    ),
)
def test_the_last_step_is_the_result(labels, rules):
    steps = relabel_steps(labels, rules)

    result = relabel(labels, rules)

    assert (result is None) == (bool(steps) and not steps[-1].kept)
    if steps and result is not None:
        assert steps[-1].labels == Labels(result)
    assert result is None or all(result.values())
