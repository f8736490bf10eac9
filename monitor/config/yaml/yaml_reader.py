"""Reading a YAML file key by key, with every mistake reported at once.

A loader opens a file, asks its sections for the keys it knows, and finishes:

    root = read_yaml(Path("rules.yml"))            # a Path is a file, a str is the text itself
    for group in root.sections("groups"):
        group.require("name")
        name = group.text("name")
        interval_ms = group.duration_ms("interval", 60_000)
        if len(name) > 200:
            group.problem("got a name of more than 200 characters", "name")
    root.finish()                                  # raises ConfigError with all Problems, in file order

What a loader need not care about:
- A value of the wrong type becomes a Problem with file, line, path, got and wanted; the caller gets the default.
- A key that nobody asked for becomes a Problem, with the nearest key that was asked for as a suggestion. So ask for
  every key that is allowed, whether it is used or not; and for each section once, because a section keeps count.
- Nothing at all (`key:` or `key: null`) is the same as leaving the key out.
- A document with nothing in it is an empty mapping.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from math import inf
from pathlib import Path
from typing import TypeVar

from monitor.config.scrape_config import Secret
from monitor.config.sizes import parse_size_bytes
from monitor.config.yaml.yaml_nodes import (
    ListNode,
    MappingNode,
    Node,
    ScalarNode,
    YamlLimits,
    decode_text,
    is_null,
    parse_yaml,
    read_text,
)
from monitor.config.yaml.yaml_values import (
    describe,
    join_choices,
    to_choice,
    to_flag,
    to_integer,
    to_number,
    to_regex,
    within,
)
from monitor.errors import ConfigError, Problem
from monitor.model.durations import format_duration, parse_duration_ms

T = TypeVar("T")
DEFAULT_YAML_LIMITS = YamlLimits()


def read_yaml(source: Path | str | bytes, *, file: str = "<text>", directory: Path | None = None) -> Section:
    """The mapping that a YAML file (a Path) or text (str, bytes) holds.

    `file` names a text in messages and `directory` is where its relative file names start; both follow from a Path.
    Raises ConfigError if the file cannot be read or is not YAML; other mistakes wait for `Section.finish`.
    """
    return YamlDocument(source, file=file, directory=directory).mapping()


class YamlDocument:
    """One parsed file and what was found wrong with it so far."""

    def __init__(
        self,
        source: Path | str | bytes,
        *,
        file: str = "<text>",
        directory: Path | None = None,
        limits: YamlLimits = DEFAULT_YAML_LIMITS,
    ) -> None:
        if isinstance(source, Path):
            file, directory = str(source), source.parent
            text = read_text(source, limits)
        else:
            text = source if isinstance(source, str) else decode_text(source, file)
        parsed = parse_yaml(text, file, limits)
        self.file = file
        self.directory = directory
        self.problems = list(parsed.problems)
        self.warnings: list[Problem] = []
        self._root = parsed.root
        self._sections: list[Section] = []
        if parsed.second_document_line is not None:
            message = "ignored: this and what follows is a second document, only the first is read"
            self.warnings.append(Problem(self.file, parsed.second_document_line, "", message))

    def mapping(self) -> Section:
        """The root as a mapping."""
        if isinstance(self._root, MappingNode):
            return self.section(self._root, "")
        if self._root is not None and not is_null(self._root):
            self.add_problem(self._root.line, "", f"got {describe(self._root)}, want a mapping")
        return Section(self, MappingNode(1, {}, {}, 1), "")

    def sections(self) -> tuple[Section, ...]:
        """The root as a list of mappings."""
        return () if self._root is None else self.sections_of(self._root, "")

    def check(self) -> tuple[Problem, ...]:
        """Everything wrong so far, keys that nobody asked for included, in file order and none twice."""
        unknown = [problem for section in self._sections for problem in section.unknown_keys()]
        return tuple(sorted(dict.fromkeys(self.problems + unknown), key=lambda problem: problem.line))

    def finish(self) -> None:
        """Raises ConfigError if anything is wrong."""
        problems = self.check()
        if problems:
            raise ConfigError(list(problems))

    def section(self, node: MappingNode, path: str) -> Section:
        section = Section(self, node, path)
        self._sections.append(section)
        return section

    def sections_of(self, node: Node, path: str) -> tuple[Section, ...]:
        """The mappings of a list; what is not one becomes a Problem and is left out."""
        if not isinstance(node, ListNode):
            self.add_problem(node.line, path, f"got {describe(node)}, want a list of mappings")
            return ()
        found = []
        for index, item in enumerate(node.items):
            if isinstance(item, MappingNode):
                found.append(self.section(item, f"{path}[{index}]"))
            else:
                self.add_problem(item.line, f"{path}[{index}]", f"got {describe(item)}, want a mapping")
        return tuple(found)

    def add_problem(self, line: int, path: str, message: str) -> None:
        self.problems.append(Problem(self.file, line, path, message))


class Section:
    """One mapping, read key by key. A missing, empty or wrong value gives the default."""

    def __init__(self, document: YamlDocument, node: MappingNode, path: str) -> None:
        self.document = document
        self.path = path
        self.line = node.line
        self._node = node
        self._asked: set[str] = set()

    def written(self, key: str) -> bool:
        """Whether the key stands there, with or without a value."""
        self._asked.add(key)
        return key in self._node.values

    def has(self, key: str) -> bool:
        """Whether the key stands there with a value."""
        return self._find(key) is not None

    def line_of(self, key: str) -> int:
        """The line of the key, or of the section if it does not stand there."""
        return self._node.key_lines.get(key, self.line)

    def path_of(self, key: str) -> str:
        return f"{self.path}.{key}" if self.path else key

    def require(self, *keys: str) -> None:
        """A Problem for each of `keys` that is missing or empty."""
        for key in keys:
            node = self._find(key)
            if not self.written(key):
                self.problem("missing, want it to be set", key)
            elif node is None or (isinstance(node, ScalarNode) and not node.text):
                self.problem("got nothing, want a value", key)

    def at_most_one(self, *keys: str) -> None:
        """A Problem if more than one of `keys` has a value."""
        present = [key for key in keys if self.has(key)]
        if len(present) > 1:
            self.problem(f"got {' and '.join(present)}, want at most one of {join_choices(list(keys))}", present[1])

    def exactly_one(self, *keys: str) -> None:
        """A Problem unless one of `keys` has a value."""
        if not any(self.has(key) for key in keys):
            self.problem(f"got none of {join_choices(list(keys))}, want exactly one of them")
        self.at_most_one(*keys)

    # Scalars

    def text(self, key: str, default: str = "") -> str:
        return self._scalar(key, _text_of, default)

    def flag(self, key: str, default: bool = False) -> bool:
        return self._scalar(key, to_flag, default)

    def integer(self, key: str, default: int = 0, *, minimum: int | None = 0, maximum: int | None = None) -> int:
        """A whole number within bounds, both inclusive."""

        def parse(node: ScalarNode) -> int:
            value = to_integer(node)
            within(value, minimum, maximum)
            return value

        return self._scalar(key, parse, default)

    def number(self, key: str, default: float = 0.0, *, minimum: float = -inf, maximum: float = inf) -> float:
        """A finite number within bounds, both inclusive."""

        def parse(node: ScalarNode) -> float:
            value = to_number(node)
            within(value, minimum, maximum)
            return value

        return self._scalar(key, parse, default)

    def duration_ms(self, key: str, default: int = 0, *, minimum_ms: int = 0) -> int:
        """A Prometheus duration such as `90s` or `1h30m`; `0` needs no unit."""

        def parse(text: str) -> int:
            value = parse_duration_ms(text)
            if value < minimum_ms:
                raise ValueError(f"got {text!r}, want at least {format_duration(minimum_ms)}")
            return value

        return self.parsed(key, parse, default)

    def size_bytes(self, key: str, default: int = 0, *, minimum: int = 0) -> int:
        """A size such as `512KB` or `64MB`, in powers of 1024; `0` needs no unit."""

        def parse(text: str) -> int:
            value = parse_size_bytes(text)
            within(value, minimum, None)
            return value

        return self.parsed(key, parse, default)

    def choice(self, key: str, choices: Mapping[str, T], default: T) -> T:
        """What `choices` holds for the text that stands there."""
        return self.parsed(key, to_choice(choices), default)

    def regex(self, key: str, default: str = "") -> str:
        """The text of a regular expression that compiles as RE2."""
        return self.parsed(key, to_regex, default)

    def parsed(self, key: str, parse: Callable[[str], T], default: T) -> T:
        """What `parse` makes of the text; a ValueError of it becomes a Problem."""
        return self._scalar(key, lambda node: parse(node.text), default)

    def file_path(self, key: str, default: str = "") -> str:
        """A file name; a relative one starts at the directory of this YAML file."""
        return self.join_directory(self.text(key, default))

    def secret(self, key: str, check: Callable[[str], None] | None = None) -> Secret | None:
        """The text of `key`, or the file named by `<key>_file`; a Problem if both stand there.

        `check` may raise ValueError for a text, with a message that does not repeat it.
        """
        self.at_most_one(key, f"{key}_file")

        def parse(text: str) -> Secret:
            if check is not None:
                check(text)
            return Secret(text)

        file = self.file_path(f"{key}_file")
        return self.parsed(key, parse, None) or (Secret(file=file) if file else None)

    # Lists and mappings

    def texts(self, key: str, default: tuple[str, ...] = ()) -> tuple[str, ...]:
        """A list of texts."""
        return self.parsed_list(key, str, default)

    def one_or_more_texts(self, key: str) -> tuple[str, ...]:
        """A list of texts, or one text alone."""
        node = self._find(key)
        return (self.text(key),) if isinstance(node, ScalarNode) else self.texts(key)

    def parsed_list(self, key: str, parse: Callable[[str], T], default: tuple[T, ...] = ()) -> tuple[T, ...]:
        """A list of what `parse` makes of texts; what it refuses becomes a Problem and is left out."""
        node = self._find(key)
        return default if node is None else self._items(node, key, parse)

    def section(self, key: str) -> Section | None:
        """The mapping that stands there; None if there is none."""
        node = self._mapping(key)
        return None if node is None else self.document.section(node, self.path_of(key))

    def section_or_empty(self, key: str) -> Section:
        """The mapping that stands there, or one without keys."""
        return self.section(key) or Section(self.document, MappingNode(self.line, {}, {}, 1), self.path_of(key))

    def sections(self, key: str) -> tuple[Section, ...]:
        """A list of mappings."""
        node = self._find(key)
        return () if node is None else self.document.sections_of(node, self.path_of(key))

    def text_mapping(self, key: str) -> dict[str, str]:
        """A mapping of any keys to texts; nothing counts as the empty text."""
        return {
            name: "" if is_null(node) else self._convert(node, f"{key}.{name}", _text_of, "")
            for name, node in self._entries(key)
        }

    def text_mappings(self, key: str) -> dict[str, dict[str, str]]:
        """A mapping of any keys to mappings of any keys to texts."""
        section = self.section_or_empty(key)
        return {name: section.text_mapping(name) for name, _ in self._entries(key)}

    def text_lists(self, key: str) -> dict[str, tuple[str, ...]]:
        """A mapping of any keys to lists of texts."""
        return {
            name: () if is_null(node) else self._items(node, f"{key}.{name}", str) for name, node in self._entries(key)
        }

    def section_mapping(self, key: str) -> dict[str, Section]:
        """A mapping of any keys to mappings."""
        found = {}
        for name, node in self._entries(key):
            if isinstance(node, MappingNode):
                found[name] = self.document.section(node, self.path_of(f"{key}.{name}"))
            elif not is_null(node):
                self._problem_at(node, f"{key}.{name}", "a mapping")
        return found

    # Outcomes

    def problem(self, message: str, key: str = "") -> None:
        """Records that `key`, or the section itself, is wrong."""
        self.document.add_problem(self.line_of(key), self.path_of(key) if key else self.path, message)

    def warning(self, message: str, key: str = "") -> None:
        """Records something that does not stop anybody, about `key` or the section itself."""
        path = self.path_of(key) if key else self.path
        self.document.warnings.append(Problem(self.document.file, self.line_of(key), path, message))

    def ignore(self, key: str, reason: str, *, unless: frozenset[str] = frozenset()) -> None:
        """Accepts a key without reading it, with a warning if it has a value that is not one of `unless`."""
        node = self._find(key)
        if node is not None and not (isinstance(node, ScalarNode) and node.text in unless):
            self.warning(f"ignored: {reason}", key)

    def unknown_keys(self) -> tuple[Problem, ...]:
        """A Problem for each key that nobody asked for so far."""
        unknown = [key for key in self._node.values if key not in self._asked]
        return tuple(
            Problem(self.document.file, self.line_of(key), self.path_of(key), "unknown key" + self._suggestion(key))
            for key in unknown
        )

    def finish(self) -> None:
        """Raises ConfigError with everything wrong in the whole file."""
        self.document.finish()

    def join_directory(self, name: str) -> str:
        """A relative file name, joined to the directory of this YAML file; others unchanged."""
        directory = self.document.directory
        return str(directory / name) if name and directory is not None else name

    def _find(self, key: str) -> Node | None:
        self._asked.add(key)
        node = self._node.values.get(key)
        return None if node is None or is_null(node) else node

    def _scalar(self, key: str, parse: Callable[[ScalarNode], T], default: T) -> T:
        node = self._find(key)
        return default if node is None else self._convert(node, key, parse, default)

    def _convert(self, node: Node, key: str, parse: Callable[[ScalarNode], T], default: T) -> T:
        if not isinstance(node, ScalarNode) or is_null(node):
            self._problem_at(node, key, "a single value")
            return default
        try:
            return parse(node)
        except ValueError as error:
            self.document.add_problem(node.line, self.path_of(key), str(error))
            return default

    def _items(self, node: Node, key: str, parse: Callable[[str], T]) -> tuple[T, ...]:
        if not isinstance(node, ListNode):
            self._problem_at(node, key, "a list")
            return ()
        found: list[T | None] = [
            self._convert(item, f"{key}[{index}]", lambda scalar: parse(scalar.text), None)
            for index, item in enumerate(node.items)
        ]
        return tuple(item for item in found if item is not None)

    def _entries(self, key: str) -> list[tuple[str, Node]]:
        node = self._mapping(key)
        return [] if node is None else list(node.values.items())

    def _mapping(self, key: str) -> MappingNode | None:
        node = self._find(key)
        if node is None or isinstance(node, MappingNode):
            return node
        self._problem_at(node, key, "a mapping")
        return None

    def _problem_at(self, node: Node, key: str, wanted: str) -> None:
        self.document.add_problem(node.line, self.path_of(key), f"got {describe(node)}, want {wanted}")

    def _suggestion(self, key: str) -> str:
        nearest = get_close_matches(key, self._asked, n=1)
        return f", did you mean {nearest[0]}?" if nearest else ""


def _text_of(node: ScalarNode) -> str:
    return node.text
