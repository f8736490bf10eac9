"""Named moments between steps that a crash may separate, so that a test can end the process exactly there."""

from __future__ import annotations

from collections.abc import Callable

Checkpoint = Callable[[str], None]


def no_checkpoint(_name: str) -> None:
    """Outside of tests nothing happens at a checkpoint."""
