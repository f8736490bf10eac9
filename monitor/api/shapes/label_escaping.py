"""Label names in a URL path: `U__a_2e_b` stands for `a.b` (escaping scheme "values" of prometheus/common)."""

from __future__ import annotations

import re

_PREFIX = "U__"
_PART = re.compile(r"__|_(?P<code>[0-9a-fA-F]{1,6})_|_|[^_]+")
_SURROGATES = range(0xD800, 0xE000)
_CODE_POINT_MAX = 0x10FFFF


def unescape_name(name: str) -> str:
    """What `name` stands for; `name` itself if it is not escaped, or not validly."""
    if not name.startswith(_PREFIX):
        return name
    parts = []
    for match in _PART.finditer(name, len(_PREFIX)):
        text = match[0]
        if match["code"]:
            code = int(match["code"], 16)
            if code > _CODE_POINT_MAX or code in _SURROGATES:
                return name
            parts.append(chr(code))
        elif text == "_":
            return name
        else:
            parts.append("_" if text == "__" else text)
    return "".join(parts)
