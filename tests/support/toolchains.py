"""Compilers, runtimes and load generators that some tests run for real."""

from __future__ import annotations

import os
import shutil

import pytest


def need_program(name: str) -> str:
    """The path of a program. Without it the test is skipped, or fails where CI is set."""
    found = shutil.which(name)
    if found:
        return found
    message = f"{name} is not installed: put it on the PATH"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
