"""Reading figures out of a tool's text. Only whole lines count: a number at a cut may be the start of a longer one."""

from __future__ import annotations

import re

from exporters.errors import UnreadableRun


def whole_lines(text: str) -> str:
    """Without a last line that has no line break."""
    return text[: text.rfind("\n") + 1]


def find(pattern: str, text: str) -> re.Match[str] | None:
    """The first line, or run of lines, that is `pattern` from its start to its end."""
    return re.search(f"^{pattern}[ \t]*$", text, re.MULTILINE | re.ASCII)


def need(pattern: str, text: str, what: str) -> re.Match[str]:
    """Like `find`. Raises UnreadableRun."""
    found = find(pattern, text)
    if found is None:
        raise UnreadableRun(what, "it in the output of a finished run; this one is cut off or of another version")
    return found
