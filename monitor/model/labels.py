"""One label set, and the rules its names follow."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from hashlib import blake2b

METRIC_NAME = "__name__"
_LEGACY_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*")
_LEGACY_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*")


def is_legacy_label_name(name: str) -> bool:
    """Whether `name` needs no quotes where a label name stands in PromQL or exposition text."""
    return _LEGACY_LABEL_NAME.fullmatch(name) is not None


def is_legacy_metric_name(name: str) -> bool:
    """Whether `name` needs no quotes where a metric name stands in PromQL or exposition text."""
    return _LEGACY_METRIC_NAME.fullmatch(name) is not None


class Labels(Mapping[str, str]):
    """An immutable label set, ordered by name. A label with an empty value is no label, as everywhere in Prometheus.

    For thousands of label sets at once there is LabelFrame.
    """

    __slots__ = ("_hash", "_values")

    def __init__(self, pairs: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        items = pairs.items() if isinstance(pairs, Mapping) else pairs
        self._values: dict[str, str] = {name: value for name, value in sorted(items) if value}
        self._hash: int | None = None

    def __getitem__(self, name: str) -> str:
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __hash__(self) -> int:
        if self._hash is None:
            self._hash = hash(tuple(self._values.items()))
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Labels) and self._values == other._values

    def __lt__(self, other: Labels) -> bool:
        """Prometheus's order: pair by pair, name before value, a prefix before what it begins."""
        return tuple(self._values.items()) < tuple(other._values.items())

    def __repr__(self) -> str:
        return f"Labels({self})"

    def __str__(self) -> str:
        """`name{label="value"}`, with quotes around names that need them."""
        name = self._values.get(METRIC_NAME, "")
        bare = name if is_legacy_metric_name(name) else ""
        pairs = [
            f"{label if is_legacy_label_name(label) else quote(label)}={quote(value)}"
            for label, value in self._values.items()
            if label != METRIC_NAME
        ]
        if name and not bare:
            pairs.insert(0, quote(name))
        return f"{bare}{{{', '.join(pairs)}}}" if pairs or not bare else bare

    def merged(self, other: Mapping[str, str]) -> Labels:
        """These labels overlaid with `other`; an empty value removes."""
        return Labels({**self._values, **other})

    def without(self, *names: str) -> Labels:
        return Labels({name: value for name, value in self._values.items() if name not in names})

    def fingerprint(self) -> str:
        """16 hexadecimal digits, the same in every process and version."""
        digest = blake2b(digest_size=8)
        for name, value in self._values.items():
            digest.update(name.encode() + b"\xff" + value.encode() + b"\xff")
        return digest.hexdigest()


def quote(text: str) -> str:
    """A double-quoted PromQL string for `text`, escaped as Go's strconv.Quote does."""
    return '"' + "".join(map(_escaped, text)) + '"'


_ESCAPES = {
    "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\v": "\\v",
    '"': '\\"', "\\": "\\\\",
}  # fmt: skip


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
