from __future__ import annotations

import enum
from pathlib import Path

import pytest
from config_problems import read_problems

from monitor.config.scrape_config import Secret
from monitor.config.yaml.yaml_reader import YamlDocument, read_yaml
from monitor.config.yaml.yaml_values import to_member


class Colour(enum.Enum):
    RED = "red"
    BLUE = "blue"


def test_each_kind_of_value_is_read_as_its_type():
    section = read_yaml(
        "{t: 5, f: yes, i: 1_000, e: 1e6, n: 2.5, d: 1h30m, s: 1.5KB, c: red, r: 'a.*', l: [a, 1], m: {k: v, e: }}"
    )

    assert section.text("t") == "5"
    assert section.flag("f") is True
    assert (section.integer("i"), section.integer("e"), section.number("n")) == (1000, 1_000_000, 2.5)
    assert (section.duration_ms("d"), section.size_bytes("s")) == (5_400_000, 1536)
    assert section.parsed("c", to_member(Colour), Colour.BLUE) is Colour.RED
    assert (section.regex("r"), section.texts("l")) == ("a.*", ("a", "1"))
    assert section.text_mapping("m") == {"k": "v", "e": ""}
    section.finish()


@pytest.mark.parametrize("text", ["{}", "a:", "a: null", "a: ~"])
def test_nothing_at_all_gives_the_default(text):
    section = read_yaml(text)

    assert section.text("a", "x") == "x"
    assert section.flag("a", True) is True
    assert section.integer("a", 7) == 7
    assert section.texts("a", ("x",)) == ("x",)
    assert (section.section("a"), section.sections("a"), section.text_lists("a")) == (None, (), {})
    section.finish()


@pytest.mark.parametrize(
    ("text", "read", "problem"),
    [
        ("a: [1]", lambda s: s.text("a"), "1 a: got a list, want a single value"),
        ("a: {b: 1}", lambda s: s.flag("a"), "1 a: got a mapping, want a single value"),
        ("a: 'true'", lambda s: s.flag("a"), "1 a: got 'true', want true or false without quotes"),
        ("a: 1", lambda s: s.flag("a"), "1 a: got '1', want true or false"),
        ("a: '1'", lambda s: s.integer("a"), "1 a: got '1', want a whole number without quotes"),
        ("a: 1.5", lambda s: s.integer("a"), "1 a: got '1.5', want a whole number"),
        ("a: 010", lambda s: s.integer("a"), "1 a: got '010', want a whole number"),
        ("a: -1", lambda s: s.integer("a"), "1 a: got -1, want at least 0"),
        ("a: 9", lambda s: s.integer("a", maximum=8), "1 a: got 9, want at most 8"),
        ("a: .inf", lambda s: s.number("a"), "1 a: got '.inf', want a number"),
        ("a: 5", lambda s: s.duration_ms("a"), "1 a: got '5', want a duration such as 30s, 1h30m or 200ms"),
        ("a: 5s", lambda s: s.duration_ms("a", minimum_ms=6000), "1 a: got '5s', want at least 6s"),
        ("a: 5", lambda s: s.size_bytes("a"), "1 a: got '5', want a size with a unit such as 512KB, 64MB or 1GB"),
        ("a: x", lambda s: s.choice("a", {"y": 1, "z": 2}, 0), "1 a: got 'x', want y or z"),
        ("a: (", lambda s: s.regex("a"), "1 a: got '(', want a regular expression: error parsing regexp: missing ): ("),
        ("a: x", lambda s: s.texts("a"), "1 a: got a single value, want a list"),
        ("a:\n- x\n-", lambda s: s.texts("a"), "3 a[1]: got nothing, want a single value"),
        ("a: {b: x}", lambda s: s.text_lists("a"), "1 a.b: got a single value, want a list"),
        ("a: x", lambda s: s.section("a"), "1 a: got a single value, want a mapping"),
        ("a: x", lambda s: s.sections("a"), "1 a: got a single value, want a list of mappings"),
        ("a:\n-", lambda s: s.sections("a"), "2 a[0]: got nothing, want a mapping"),
        ("a: {b: 1}", lambda s: s.section_mapping("a"), "1 a.b: got a single value, want a mapping"),
        ("b: 1", lambda s: (s.text("b"), s.require("a")), "1 a: missing, want it to be set"),
        ("a: ''", lambda s: s.require("a"), "1 a: got nothing, want a value"),
        ("a: 1\nb: 1", lambda s: s.at_most_one("a", "b"), "2 b: got a and b, want at most one of a or b"),
        ("c: 1", lambda s: (s.text("c"), s.exactly_one("a", "b")), "1: got none of a or b, want exactly one of them"),
    ],
)
def test_a_wrong_value_is_a_problem_with_line_path_got_and_wanted(text, read, problem):
    assert [found.replace(" : ", ": ") for found in read_problems(text, read)] == [problem.replace(" : ", ": ")]


def test_all_problems_are_reported_at_once_in_file_order():
    text = """
        a: x
        list:
          - b: y
            c: 1
          - b: 2
    """

    def read(section):
        for item in section.sections("list"):
            item.integer("b")
        section.integer("a")

    assert read_problems(text, read) == [
        "2 a: got 'x', want a whole number",
        "4 list[0].b: got 'y', want a whole number",
        "5 list[0].c: unknown key",
    ]


def test_an_unknown_key_is_reported_with_the_nearest_known_one():
    def read(section):
        section.duration_ms("scrape_interval")
        section.text("scheme")

    assert read_problems("scrape_intervall: 5s", read) == [
        "1 scrape_intervall: unknown key, did you mean scrape_interval?"
    ]


def test_one_mistake_read_twice_is_one_problem():
    assert len(read_problems("a: [1]", lambda section: (section.text("a"), section.text("a")))) == 1


def test_a_long_value_is_cut_in_the_message():
    problem = read_problems(f"a: {'x' * 500}", lambda section: section.flag("a"))[0]

    assert len(problem) < 120


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("password: hunter2", Secret("hunter2")),
        ("password_file: pw", Secret(file="/etc/app/pw")),
        ("password_file: /run/pw", Secret(file="/run/pw")),
        ("{}", None),
    ],
)
def test_a_secret_is_a_text_or_a_file_beside_the_configuration(text, secret):
    section = read_yaml(text, directory=Path("/etc/app"))

    assert section.secret("password") == secret
    section.finish()


def test_a_refused_secret_is_not_repeated():
    def refuse(text):
        raise ValueError("got a weak one, want a strong one")

    problems = read_problems("password: hunter2", lambda section: section.secret("password", refuse))

    assert problems == ["1 password: got a weak one, want a strong one"]


def test_a_secret_given_twice_is_a_problem():
    problems = read_problems("password: x\npassword_file: y", lambda section: section.secret("password"))

    assert problems == [
        "2 password_file: got password and password_file, want at most one of password or password_file"
    ]


def test_an_ignored_key_gives_a_warning_unless_it_asks_for_nothing_else():
    section = read_yaml("a: 1\nb: false\nc:")
    for key in ("a", "b", "c", "d"):
        section.ignore(key, "no such thing", unless=frozenset({"false"}))

    assert [(warning.line, warning.path, warning.message) for warning in section.document.warnings] == [
        (1, "a", "ignored: no such thing")
    ]
    section.finish()


def test_problems_of_a_caller_get_the_line_and_path_of_their_key():
    def read(section):
        item = section.sections("items")[0]
        item.text("name")
        item.problem("got a bad one", "name")
        item.problem("got a bad whole")

    assert read_problems("items:\n- name: x", read) == ["2 items[0].name: got a bad one", "2 items[0]: got a bad whole"]


def test_a_path_is_read_as_a_file_whose_directory_is_the_start_of_relative_names(tmp_path: Path):
    file = tmp_path / "a.yml"
    file.write_text("ca_file: ca.pem")

    section = read_yaml(file)

    assert section.file_path("ca_file") == str(tmp_path / "ca.pem")
    assert section.document.file == str(file)


def test_a_document_can_be_a_list_of_mappings():
    document = YamlDocument("- a: 1\n- a: 2\n- 3", file="x.yml")

    assert [section.integer("a") for section in document.sections()] == [1, 2]
    assert [str(problem) for problem in document.check()] == ["x.yml:3: [2]: got a single value, want a mapping"]


def test_a_second_document_is_a_warning():
    section = read_yaml("a: 1\n---\nb: 2")
    section.text("a")
    section.finish()

    assert [warning.line for warning in section.document.warnings] == [2]
