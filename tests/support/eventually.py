"""Waiting for what another process does in its own time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def eventually(look: Callable[[], T], wanted: T, timeout_seconds: float = 30) -> None:
    """Returns once `look()` gives `wanted`; fails with what it gave last."""
    deadline = time.monotonic() + timeout_seconds
    while (seen := look()) != wanted:
        assert time.monotonic() < deadline, f"got {seen}, want {wanted}"
        time.sleep(0.02)
