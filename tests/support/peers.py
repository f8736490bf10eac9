"""Upstream programs used as oracles, where they are installed."""

from __future__ import annotations

import os
import shutil

import pytest

_NAMES_BY_VARIABLE = {
    "PROMETHEUS": ("prometheus",),
    "PROMTOOL": ("promtool",),
    "ALERTMANAGER": ("alertmanager", "prometheus-alertmanager"),
    "AMTOOL": ("amtool",),
    "VICTORIAMETRICS": ("victoria-metrics", "victoria-metrics-prod"),
}


def installed_peer(variable: str) -> str | None:
    """The path of an upstream program: what the environment variable says, else the first of its names on the PATH."""
    names = _NAMES_BY_VARIABLE[variable]
    return os.environ.get(variable) or next((path for name in names if (path := shutil.which(name))), None)


def find_peer(variable: str) -> str:
    """As above. Without it the test is skipped, or fails where CI is set."""
    found = installed_peer(variable)
    if found:
        return found
    message = f"{_NAMES_BY_VARIABLE[variable][0]} is not installed: put it on the PATH or set {variable} to its path"
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
