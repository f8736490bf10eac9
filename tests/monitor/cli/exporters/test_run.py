from __future__ import annotations

import json
import math

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge

from monitor.cli.exporters.run import reading_as_json


def test_a_reading_has_names_labels_and_values() -> None:
    registry = CollectorRegistry()
    Counter("boats", "Boats seen.", ["port"], registry=registry).labels("3000").inc(2)
    [metric] = json.loads(reading_as_json(registry))["metrics"]

    assert (metric["name"], metric["type"], metric["help"]) == ("boats", "counter", "Boats seen.")
    assert {"name": "boats_total", "labels": {"port": "3000"}, "value": 2.0} in metric["samples"]


@pytest.mark.parametrize(("value", "text"), [(math.inf, "+Inf"), (-math.inf, "-Inf"), (math.nan, "NaN")])
def test_numbers_that_json_does_not_have_are_text(value: float, text: str) -> None:
    registry = CollectorRegistry()
    Gauge("depth", "Depth.", registry=registry).set(value)

    [metric] = json.loads(reading_as_json(registry))["metrics"]

    assert metric["samples"][0]["value"] == text
