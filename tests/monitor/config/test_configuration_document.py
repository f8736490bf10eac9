"""docs/configuration.md names every setting with its default, and no other."""

from __future__ import annotations

import re
from pathlib import Path

from monitor.config.config import StorageConfig
from monitor.config.render import render_setting
from monitor.config.settings import SETTINGS
from monitor.model.durations import format_duration

DOCUMENT = (Path(__file__).parents[3] / "docs" / "configuration.md").read_text()
ROW = re.compile(r"^\| `(\w+)` \| ([^|]*) \| (.*) \|$", re.MULTILINE)


def test_every_limit_is_in_the_table_with_its_default_and_meaning() -> None:
    rows = ROW.findall(DOCUMENT[DOCUMENT.index("## Limits") :])

    assert rows == [
        (setting.key, str(render_setting(setting, setting.default)) or "(none)", setting.help) for setting in SETTINGS
    ]


def test_the_defaults_of_storage_are_those_of_the_code() -> None:
    rows = {key: default for key, default, _ in ROW.findall(DOCUMENT)}
    storage = StorageConfig()

    assert rows["commit_interval"] == format_duration(storage.commit_interval_ms)
    assert rows["block_span"] == format_duration(storage.block_span_ms)
