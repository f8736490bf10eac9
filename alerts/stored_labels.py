"""Labels in SQL text columns, and the fingerprint that Alertmanager gives them."""

from __future__ import annotations

import json
from collections.abc import Mapping

from monitor.model.labels import Labels

_FNV_OFFSET = 14695981039346656037
_FNV_PRIME = 1099511628211
_UINT64 = 2**64 - 1


def to_text(labels: Mapping[str, str]) -> str:
    """JSON in ASCII, so that a label that is not UTF-8 (a lone surrogate in Python) can be stored as well."""
    return json.dumps(dict(labels), separators=(",", ":"), sort_keys=True)


def labels_of(text: str) -> Labels:
    return Labels(json.loads(text))


def texts_of(text: str) -> dict[str, str]:
    """Like `labels_of` for annotations, where an empty value counts."""
    texts: dict[str, str] = json.loads(text)
    return texts


def alertmanager_fingerprint(labels: Labels) -> str:
    """16 hexadecimal digits: FNV-1a of names and values, as in Alertmanager's API and webhooks (model.LabelSet)."""
    fingerprint = _FNV_OFFSET
    content = b"".join(
        name.encode(errors="surrogateescape") + b"\xff" + value.encode(errors="surrogateescape") + b"\xff"
        for name, value in labels.items()
    )
    for byte in content:
        fingerprint = ((fingerprint ^ byte) * _FNV_PRIME) & _UINT64
    return f"{fingerprint:016x}"
