"""File name patterns as Prometheus reads them: `*` matches any part of a name, dots at its start included."""

from __future__ import annotations

from glob import glob, has_magic


def expand_globs(patterns: tuple[str, ...]) -> tuple[str, ...]:
    """What exists, pattern by pattern, each sorted, none twice. A folder that cannot be read holds nothing."""
    # Path.glob takes only relative patterns.
    found = (name for pattern in patterns for name in sorted(glob(pattern, include_hidden=True)))  # noqa: PTH207
    return tuple(dict.fromkeys(found))


def is_glob(pattern: str) -> bool:
    """Whether `pattern` can match more than one name."""
    return has_magic(pattern)
