"""What promtool 3.5 cannot be asked: newer functions, our limits, and that nothing but a text ever comes out."""

from __future__ import annotations

import pytest
from alert_templates import error_of, expand
from hypothesis import given
from hypothesis import strategies as st

from alerts.templates.evaluate import TemplateLimits
from alerts.templates.expand import RuleTemplate
from monitor.errors import TemplateError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{{ now }}", "60"),
        ("{{ now | humanizeTimestamp }}", "1970-01-01 00:01:00 +0000 UTC"),
        ("{{ toDuration 3725.5 }}", "1h2m5.5s"),
        ("{{ toDuration 0.0015 }} {{ toDuration 0 }} {{ toDuration -90 }}", "1.5ms 0s -1m30s"),
        ("{{ (toDuration 90).Minutes }} {{ (toDuration 5400).Hours }}", "1.5 1.5"),
        ("{{ (toDuration 1.5).Milliseconds }} {{ (toDuration 90).String }}", "1500 1m30s"),
        ("{{ toDuration 90 | humanizeDuration }}", "1m 30s"),
        ('{{ printf "%v %s %d" (toDuration 1) (toDuration 1) (toDuration 1) }}', "1s 1s 1000000000"),
        ("{{ (toTime 60).Add (toDuration 30) }}", "1970-01-01 00:01:30 +0000 UTC"),
        ("{{ toTime now }}", "1970-01-01 00:01:00 +0000 UTC"),
        ('{{ urlQueryEscape "a b&c=d/ü" }}', "a+b%26c%3Dd%2F%C3%BC"),
        ('{{ define "T" }}<{{ . }}>{{ end }}{{ tmpl "T" $value }}', "<1234.5678>"),
        ('{{ define "T" }}<{{ . }}>{{ end }}{{ tmpl "T" 1 | toUpper | len }}', "3"),
        ("{{ externalURL }} {{ pathPrefix }}", "http://ex.com/base /base"),
        ("{{ $externalURL }} {{ $externalLabels.x }}", "http://ex.com/base ext"),
        ("{{ .Value }} {{ .Labels.job }}", "1234.5678 a"),
        ('{{ query "m" }}', "[&{map[__name__:m __value__:sv instance:host-1.example.com:9100 job:b] 3} "
                            "&{map[__name__:m instance:x job:a le:0.5] -1.5}]"),
    ],
)  # fmt: skip
def test_a_template_expands(text, expected):
    assert expand(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ('{{ query "broken" }}', "error calling query: it is broken"),
        ('{{ toDuration "NaN" }}', "error calling toDuration: value is NaN or Inf"),
        ("{{ (toTime 60).Add 5 }}", "can't handle 5 for arg of type time.Duration"),
        ("{{ (toTime 60).Add nil }}", "cannot assign nil to time.Duration"),
        ("{{ (toTime 60).Add $value }}", "wrong type for value; expected time.Duration; got float64"),
        ('{{ tmpl "T" 1 }}', 'template "T" not defined'),
        ("{{ match `(` `a` }}", "error calling match: error parsing regexp: missing ): ("),
    ],
)
def test_an_error_becomes_the_text(text, reason):
    assert error_of(text) == reason


def test_a_label_that_is_not_a_string_of_utf8_survives():
    assert expand("{{ print `\udcff` }}") == "\udcff"


@pytest.mark.parametrize(
    ("text", "limits", "reason"),
    [
        ("{{ range 1000 }}{{ . }}{{ end }}", TemplateLimits(steps=100), "exceeded the limit of 100 steps"),
        ("{{ range 100 }}text{{ end }}", TemplateLimits(output_characters=99),
         "exceeded the limit of 99 characters of output"),
        ('{{ reReplaceAll "." "xxxxxxxxxx" "0123456789" }}', TemplateLimits(output_characters=99),
         "exceeded the limit of 99 characters of output"),
        ('{{ define "R" }}{{ template "R" . }}{{ end }}{{ template "R" . }}', TemplateLimits(depth=5),
         "exceeded maximum template depth (5)"),
        ('{{ printf "%999999999d" 1 | len }}', TemplateLimits(output_characters=99),
         "exceeded the limit of 99 characters of output"),
    ],
)  # fmt: skip
def test_an_expansion_has_limits(text, limits, reason):
    assert error_of(text, limits=limits) == reason


@pytest.mark.parametrize("text", ["{{ if true }}" * 200, "{{" + "(" * 200])
def test_nesting_has_a_limit(text):
    with pytest.raises(TemplateError, match="nested too deeply"):
        RuleTemplate.of(text, "A")


def test_a_text_without_actions_is_left_alone():
    assert RuleTemplate.of("50 % }} of all", "A").parsed is None


def test_a_lenient_template_says_in_each_alert_what_is_wrong():
    template = RuleTemplate.lenient("{{ nope }}", "A")

    reason = 'template: __alert_A:1: function "nope" not defined'
    assert template.text == f"<error expanding template: error parsing template __alert_A: {reason}>"


WORDS = """{{ }} {{- -}} | ( ) . $ $x := = , if else end range with define template block break nil true 1 0x 'a' `r`
    /* */ .Labels.job $value $labels query first printf index slice len eq lt and humanize toTime .Format args label
    value reReplaceAll title é "T" "m" "%v%*d" """
ACTIONS = st.sampled_from([*WORDS.split(), " ", "\n"])


@given(st.lists(ACTIONS, max_size=30).map("".join))
def test_any_text_parses_and_expands_or_says_why_not(text):
    try:
        expanded = expand(text)
    except TemplateError as error:
        expanded = str(error)

    assert isinstance(expanded, str)


@given(st.lists(ACTIONS, max_size=12).map(" ".join).map("{{{{ {} }}}}".format))
def test_any_action_expands_or_says_why_not(text):
    try:
        expanded = expand(text, limits=TemplateLimits(output_characters=10_000, steps=2_000, depth=10))
    except TemplateError as error:
        expanded = str(error)

    assert isinstance(expanded, str)
