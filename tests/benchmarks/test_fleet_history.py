"""The made-up fleet: always the same, and like a fleet."""

from __future__ import annotations

from pathlib import Path

import cramjam
import numpy as np
import pytest
from comparison.fleet_history import (
    DURATION,
    REQUESTS,
    FleetShape,
    InstanceHistory,
    instance_history,
    is_counter,
    narrow_fleet,
)
from comparison.fleet_server import render_bodies
from comparison.write_requests import RequestSize, encode_labels, encode_samples, write_history
from numpy.typing import NDArray
from prometheus_client.parser import text_string_to_metric_families
from remote_write import write_request

from monitor.api.remote_write.write_request import decode_write_request, decompress

STEP_SECONDS = 15
TIMES_MS = 1_700_000_000_000 + np.arange(200, dtype=np.int64) * STEP_SECONDS * 1000
WIDE, NARROW = FleetShape(3, 100), narrow_fleet(3)


def history(shape: FleetShape, instance: int) -> InstanceHistory:
    return instance_history(shape, instance, TIMES_MS, STEP_SECONDS)


def row(found: InstanceHistory, name: str, **labels: str) -> NDArray[np.float64]:
    wanted = {"__name__": name, **labels}.items()
    (number,) = [number for number, own in enumerate(found.labels) if wanted <= own.items()]
    selected: NDArray[np.float64] = found.values[number]
    return selected


@pytest.mark.parametrize("shape", [WIDE, NARROW], ids=["wide", "narrow"])
def test_the_same_shape_gives_the_same_series(shape: FleetShape) -> None:
    first, second = history(shape, 2), history(shape, 2)

    assert first.labels == second.labels
    np.testing.assert_array_equal(first.values, second.values)


def test_bodies_are_the_same_bytes_in_each_run(tmp_path: Path) -> None:
    first, second = (write_history(tmp_path / name, NARROW, 0.5, STEP_SECONDS, 1_700_000_000) for name in ("a", "b"))

    assert [path.read_bytes() for path in first.bodies] == [path.read_bytes() for path in second.bodies]
    assert first.samples == second.samples > 0.98 * 3 * 10 * 120


def test_an_agent_sends_a_sample_of_each_series_at_a_time(tmp_path: Path) -> None:
    written = write_history(tmp_path, NARROW, 0.1, STEP_SECONDS, 1_700_000_000, RequestSize(series=20, steps=1))

    requests = [decode_write_request(decompress(path.read_bytes(), 10**6)) for path in written.bodies]
    assert {tuple(request.counts) for request in requests} >= {(1,) * 20, (1,) * 10}
    assert len(requests) == 2 * 24
    assert sum(len(request.values) for request in requests) == written.samples


def test_instances_differ() -> None:
    assert history(WIDE, 0).values[1].tolist() != history(WIDE, 1).values[1].tolist()


@pytest.mark.parametrize(("shape", "series"), [(WIDE, 100), (NARROW, 10)], ids=["wide", "narrow"])
def test_an_instance_has_as_many_different_series_as_asked_for(shape: FleetShape, series: int) -> None:
    assert len({encode_labels(labels) for labels in history(shape, 0).labels}) == series


def test_counters_fall_at_a_restart_only() -> None:
    for instance in range(8):
        found = history(WIDE, instance)
        restarts = int((row(found, "up") == 0).any())
        for labels, values in zip(found.labels, found.values, strict=True):
            if is_counter(labels["__name__"]):
                assert (np.diff(values[~np.isnan(values)]) < 0).sum() <= restarts


def test_some_instances_restart() -> None:
    down = [(row(history(NARROW, instance), "up") == 0).sum() for instance in range(20)]

    assert 0 < sum(steps > 0 for steps in down) < 20


def test_buckets_are_cumulative_and_end_at_the_count() -> None:
    found = history(NARROW, 0)
    fast, slow, all_of_them = (row(found, f"{DURATION}_bucket", le=bound) for bound in ("0.01", "0.1", "+Inf"))
    increases = [np.diff(each[~np.isnan(each)]) for each in (fast, slow, all_of_them, row(found, f"{DURATION}_count"))]

    assert all(np.nansum(increase) >= 0 for increase in increases)
    np.testing.assert_array_equal(increases[2], increases[3])
    assert (increases[0] <= increases[1]).all()
    assert (increases[1] <= increases[2]).all()


def test_the_fast_encoder_agrees_with_the_plain_one() -> None:
    labels = {"job": "shop", "__name__": REQUESTS}
    values = np.array([0.0, 1.5, -3.0, 1e300])
    samples = dict(zip(TIMES_MS[:4].tolist(), values.tolist(), strict=True))

    content = encode_labels(labels) + encode_samples(TIMES_MS[:4], values)

    plain = bytes(cramjam.snappy.decompress_raw(write_request([(labels, samples)])))
    assert plain.endswith(content)
    assert len(plain) - len(content) <= 3


def test_targets_expose_their_series_in_families() -> None:
    first, second = render_bodies(50, 1.0, 2)

    families = list(text_string_to_metric_families(first.decode()))
    assert sum(len(family.samples) for family in families) == 50
    assert {family.type for family in families} == {"counter", "gauge", "histogram", "summary"}
    assert first != second
