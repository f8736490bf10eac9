"""YAML text to nodes, each of which knows its line.

Built from libyaml's events (through PyYAML) rather than from PyYAML's own nodes, so that depth, size and aliases have
limits and every mistake has a line. The dialect is what Prometheus reads: YAML 1.1 with anchors and merge keys (`<<`).
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from monitor.errors import ConfigError, Problem

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_TAG_PREFIX = "tag:yaml.org,2002:"
_PLAIN_TAGS = ("int", "float", "bool", "null", "map", "seq")
_NULL_TEXTS = ("", "~", "null", "Null", "NULL")


@dataclass(frozen=True, slots=True)
class YamlLimits:
    """What a file may cost to read. `nodes` counts every alias as a copy of what it stands for."""

    file_bytes: int = 16 * 1024 * 1024
    nodes: int = 1_000_000
    depth: int = 100


@dataclass(frozen=True, slots=True)
class ScalarNode:
    """One text. `plain` texts were written without quotes and may stand for a number, a boolean or nothing."""

    line: int
    text: str
    plain: bool
    size: int = 1

    @property
    def is_null(self) -> bool:
        return self.plain and self.text in _NULL_TEXTS


@dataclass(frozen=True, slots=True)
class ListNode:
    """Values in order. `size` is the number of nodes in it, itself and copies made by aliases included."""

    line: int
    items: tuple[Node, ...]
    size: int


@dataclass(frozen=True, slots=True)
class MappingNode:
    """Values by key, merge keys resolved. `key_lines` says where each key stands."""

    line: int
    values: dict[str, Node]
    key_lines: dict[str, int]
    size: int


Node = ScalarNode | ListNode | MappingNode


def is_null(node: Node) -> bool:
    """Whether nothing stands there: `key:`, `key: ~` or `key: null`."""
    return isinstance(node, ScalarNode) and node.is_null


@dataclass(frozen=True, slots=True)
class ParsedYaml:
    """The first document of a text; `root` is None if it holds nothing.

    `problems` are mistakes that did not stop the parsing. `second_document_line` is where another document follows.
    """

    root: Node | None
    problems: tuple[Problem, ...]
    second_document_line: int | None


def read_text(path: Path, limits: YamlLimits) -> str:
    """The text of a file. Raises ConfigError if it cannot be read, is too large or is not UTF-8."""
    try:
        with path.open("rb") as file:
            content = file.read(limits.file_bytes + 1)
    except OSError as error:
        raise _error(str(path), 0, f"cannot be read: {error.strerror or error}") from None
    if len(content) > limits.file_bytes:
        raise _error(str(path), 0, f"got more than {limits.file_bytes} bytes, want at most that (limit of a YAML file)")
    return decode_text(content, str(path))


def decode_text(content: bytes, file: str) -> str:
    """`content` as text, without a byte order mark. Raises ConfigError naming the line that is not UTF-8."""
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _error(file, line, f"got the byte 0x{content[error.start]:02x}, want UTF-8 text") from None


def parse_yaml(text: str, file: str, limits: YamlLimits) -> ParsedYaml:
    """The nodes of the first document. Raises ConfigError where the text is not YAML or exceeds a limit."""
    composer = _Composer(file, limits)
    try:
        for event in yaml.parse(text, Loader=_Loader):
            composer.take(event)
            if composer.second_document_line is not None:
                break
    except yaml.MarkedYAMLError as error:
        raise _error(file, *_describe(error, text)) from None
    except UnicodeEncodeError as error:
        line = text.count("\n", 0, error.start) + 1
        raise _error(file, line, "got half of a surrogate pair, want UTF-8 text") from None
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        raise _error(file, line, f"got the character {chr(error.character)!a}, which YAML does not allow") from None
    return ParsedYaml(composer.root, tuple(composer.problems), composer.second_document_line)


def _error(file: str, line: int, message: str) -> ConfigError:
    return ConfigError([Problem(file, line, "", message)])


def _describe(error: yaml.MarkedYAMLError, text: str) -> tuple[int, str]:
    """Line and message of a syntax error; libyaml says of a tab only that it starts no token."""
    mark = error.problem_mark or error.context_mark
    line = mark.line + 1 if mark else 1
    lines = text.splitlines()
    at_mark = lines[mark.line][mark.column : mark.column + 1] if mark and mark.line < len(lines) else ""
    if at_mark == "\t":
        return line, "got a tab, want spaces for indentation"
    parts = [error.problem or "not YAML"]
    if error.context and error.context_mark:
        parts.append(f"{error.context} that starts on line {error.context_mark.line + 1}")
    return line, "not YAML: " + ", ".join(parts)


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet."""

    line: int
    anchor: str | None
    is_mapping: bool
    children: list[Node]
    size: int = 1


class _Composer:
    """Builds nodes from events without recursion."""

    def __init__(self, file: str, limits: YamlLimits) -> None:
        self.root: Node | None = None
        self.problems: list[Problem] = []
        self.second_document_line: int | None = None
        self._file = file
        self._limits = limits
        self._open: list[_Open] = []
        self._node_by_anchor: dict[str, Node] = {}
        self._documents = 0

    def take(self, event: yaml.Event) -> None:
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.ScalarEvent):
            self._take_scalar(event, line)
        elif isinstance(event, yaml.AliasEvent):
            self._add(self._resolve(str(event.anchor), line), line)
        elif isinstance(event, yaml.CollectionStartEvent):
            self._start(event, line)
        elif isinstance(event, yaml.CollectionEndEvent):
            self._end()
        elif isinstance(event, yaml.DocumentStartEvent):
            self._documents += 1
            if self._documents > 1:
                self.second_document_line = line

    def _take_scalar(self, event: yaml.ScalarEvent, line: int) -> None:
        tag = self._short_tag(event.tag, line)
        plain = event.style in (None, "") and tag != "str"
        node = ScalarNode(line, event.value, plain)
        self._remember(event.anchor, node)
        self._add(node, line)

    def _start(self, event: yaml.CollectionStartEvent, line: int) -> None:
        self._short_tag(event.tag, line)
        if len(self._open) >= self._limits.depth:
            raise _error(self._file, line, f"got more than {self._limits.depth} levels of nesting, want at most that")
        self._open.append(_Open(line, event.anchor, isinstance(event, yaml.MappingStartEvent), []))

    def _end(self) -> None:
        ended = self._open.pop()
        node = self._mapping(ended) if ended.is_mapping else ListNode(ended.line, tuple(ended.children), ended.size)
        self._remember(ended.anchor, node)
        self._add(node, ended.line)

    def _add(self, node: Node, line: int) -> None:
        if not self._open:
            self.root = node
            return
        parent = self._open[-1]
        parent.children.append(node)
        parent.size += node.size
        if parent.size > self._limits.nodes:
            message = f"got more than {self._limits.nodes} values with aliases written out, want at most that"
            raise _error(self._file, line, message)

    def _remember(self, anchor: str | None, node: Node) -> None:
        if anchor is not None:
            self._node_by_anchor[anchor] = node

    def _resolve(self, anchor: str, line: int) -> Node:
        """What an alias stands for. Messages do not repeat its name: an unquoted password may start with a star."""
        if any(ancestor.anchor == anchor for ancestor in self._open):
            raise _error(self._file, line, "got an alias inside its own anchor, want one that stands above")
        if anchor not in self._node_by_anchor:
            message = "got an alias without an anchor of its name above, want quotes around a text that starts with *"
            raise _error(self._file, line, message)
        return self._node_by_anchor[anchor]

    def _short_tag(self, tag: str | None, line: int) -> str:
        if tag is None or tag == "!":
            return "" if tag is None else "str"
        short = tag.removeprefix(_TAG_PREFIX)
        if short != "str" and short not in _PLAIN_TAGS:
            self._problem(line, "got a tag, want none, or quotes around a text that starts with !")
        return short

    def _mapping(self, ended: _Open) -> MappingNode:
        node = MappingNode(ended.line, {}, {}, ended.size)
        merged: list[Node] = []
        for key, value in zip(ended.children[::2], ended.children[1::2], strict=True):
            if not isinstance(key, ScalarNode):
                self._problem(key.line, "got a list or mapping as a key, want text")
            elif key.plain and key.text == "<<":
                merged.extend(value.items if isinstance(value, ListNode) else (value,))
            elif key.text in node.values:
                first = node.key_lines[key.text]
                self._problem(key.line, f"the key {key.text!r} stands here again, it is already on line {first}")
            else:
                node.values[key.text] = value
                node.key_lines[key.text] = key.line
        self._merge(node, merged)
        return node

    def _merge(self, node: MappingNode, sources: list[Node]) -> None:
        """Keys that stand in `node` win over merged ones, and earlier sources over later ones."""
        for source in sources:
            if not isinstance(source, MappingNode):
                self._problem(source.line, "got something else after <<, want a mapping or a list of mappings")
                continue
            for key, value in source.values.items():
                if key not in node.values:
                    node.values[key] = value
                    node.key_lines[key] = source.key_lines[key]

    def _problem(self, line: int, message: str) -> None:
        self.problems.append(Problem(self._file, line, "", message))
