"""What loading a configuration says, in a form that tests can write down."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from textwrap import dedent

from monitor.config.config import Config
from monitor.config.load import load_config
from monitor.config.yaml.yaml_reader import Section, read_yaml
from monitor.errors import ConfigError, Problem


def load_text(text: str, environment: dict[str, str] | None = None) -> Config:
    """The configuration in an indented text, with no environment unless one is given."""
    return load_config(dedent(text), environment=environment or {})


def problems_of(text: str) -> list[str]:
    """`line path: message` for each Problem of a configuration; empty if there is none."""
    try:
        load_text(text)
    except ConfigError as error:
        return lines(error.problems)
    return []


def warnings_of(text: str) -> list[str]:
    """`line path: message` for each warning of a configuration."""
    return lines(load_text(text).warnings)


def read_problems(text: str | bytes, read: Callable[[Section], object] = lambda section: None) -> list[str]:
    """What is wrong with a YAML text after `read` has asked for its keys."""
    try:
        section = read_yaml(dedent(text) if isinstance(text, str) else text)
        read(section)
        section.finish()
    except ConfigError as error:
        return lines(error.problems)
    return []


def lines(problems: Iterable[Problem]) -> list[str]:
    return [f"{problem.line} {problem.path}: {problem.message}".replace(" : ", ": ") for problem in problems]
