"""`$name` and `${name}` in texts, replaced as Go's os.Expand does (Prometheus: external_labels)."""

from __future__ import annotations

import re
from collections.abc import Mapping

_SPECIAL = r"[*#$@!?\-0-9]"
# An unfinished `${` and an empty `${}` vanish, a `$` before anything else stays.
_REFERENCE = re.compile(rf"\$(?:\{{(?P<braced>[^}}]*)\}}|(?P<unfinished>\{{)|(?P<bare>{_SPECIAL}|[a-zA-Z0-9_]+))")


def expand_environment(text: str, environment: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """`text` with variables replaced by their values, and the names of those that are not set or empty.

    `$$` stands for `$`. A variable that is not set becomes the empty text.
    """
    missing: list[str] = []

    def replace(match: re.Match[str]) -> str:
        if match["unfinished"] or match["braced"] == "":
            return ""
        name = match["braced"] or match["bare"]
        if name == "$":
            return "$"
        value = environment.get(name, "")
        if not value:
            missing.append(name)
        return value

    return _REFERENCE.sub(replace, text), tuple(missing)
