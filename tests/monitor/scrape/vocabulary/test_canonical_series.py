from __future__ import annotations

import numpy as np
from vocabularies import SHIPPED, canonical, map_body, stored

from monitor.config.scrape_config import RelabelAction, RelabelRule, ScrapeLimits
from monitor.model.label_frame import LabelColumn
from monitor.model.labels import Labels
from monitor.scrape.vocabulary.canonical_series import converted

GO = b"go_goroutines 5\n"
REQUESTS = b'http_requests_total{code="200",method="get",route="/"} 3\n'


def test_names_and_labels_become_the_canonical_ones_beside_the_originals() -> None:
    row = stored(map_body(GO + REQUESTS))
    assert row == {
        "go_goroutines": 5.0,
        'http_requests_total{code="200", method="get", route="/"}': 3.0,
        'http_server_requests_total{http_request_method="GET", http_response_status_code="200", http_route="/", '
        'runtime="go"}': 3.0,
    }


def test_milliseconds_become_seconds_in_sums_and_bounds_and_counts_stay() -> None:
    body = b"""\
# TYPE http_request_duration_ms histogram
http_request_duration_ms_bucket{le="35"} 2
http_request_duration_ms_bucket{le="+Inf"} 3
http_request_duration_ms_sum 135
http_request_duration_ms_count 3
"""
    assert canonical(body) == {
        'http_server_request_duration_seconds_bucket{le="0.035", runtime="other"}': 2.0,
        'http_server_request_duration_seconds_bucket{le="+Inf", runtime="other"}': 3.0,
        'http_server_request_duration_seconds_sum{runtime="other"}': 0.135,
        'http_server_request_duration_seconds_count{runtime="other"}': 3.0,
    }


def methods(*exposed: str) -> list[str]:
    body = b"".join(REQUESTS.replace(b"get", method.encode()) for method in exposed)
    return [name.partition('http_request_method="')[2].partition('"')[0] for name in canonical(body)]


def test_an_unknown_method_is_other_unless_two_would_become_one() -> None:
    assert methods("BREW", "get") == ["_OTHER", "GET"]
    assert methods("BREW", "get", "STIR", "post") == ["BREW", "GET", "STIR", "POST"]
    assert methods("get", "GET", "put", "BREW") == ["get", "GET", "PUT", "_OTHER"]


def test_a_text_that_another_one_becomes_stays_apart_from_it() -> None:
    column = LabelColumn.of(["a", "b", "c"])
    becomes = {"a": "x", "b": "x", "c": "a"}

    assert converted(column, becomes.__getitem__).texts() == ["a", "b", "c"]


def test_a_status_class_is_no_status_code() -> None:
    (name,) = canonical(REQUESTS.replace(b"200", b"2xx"))
    assert 'status_class="2xx"' in name
    assert "http_response_status_code" not in name


def test_of_two_labels_for_one_name_the_other_keeps_its_own() -> None:
    (name,) = canonical(b'http_requests_total{route="/product/{id}",path="/product/7"} 1\n')
    assert name == 'http_server_requests_total{http_route="/product/{id}", path="/product/7", runtime="other"}'


def test_labels_of_the_target_win_over_what_the_names_show() -> None:
    (name,) = canonical(GO + REQUESTS, labels=Labels({"runtime": "tinygo", "framework": "gin"}))
    assert 'framework="gin"' in name
    assert 'runtime="tinygo"' in name
    assert "exported" not in name


def test_what_has_a_timestamp_of_its_own_is_not_renamed() -> None:
    assert canonical(b"http_requests_total 3 1700000000000\n") == {}


def test_metric_relabelling_sees_the_canonical_series_as_if_they_were_exposed() -> None:
    drop = RelabelRule(RelabelAction.DROP, ("__name__",), regex="http_requests_total")
    series_map = map_body(GO + REQUESTS, metric_relabel_configs=(drop,))
    assert [name.partition("{")[0] for name in stored(series_map)] == ["go_goroutines", "http_server_requests_total"]
    drop = RelabelRule(RelabelAction.DROP, ("__name__",), regex="http_server_.*")
    assert len(stored(map_body(GO + REQUESTS, metric_relabel_configs=(drop,)))) == 2


def test_a_label_limit_is_about_what_the_target_exposes() -> None:
    limits = ScrapeLimits(labels=4)
    assert len(stored(map_body(REQUESTS, limits=limits))) == 2


def test_what_is_over_the_series_limit_has_no_canonical_series_either() -> None:
    series_map = map_body(GO + REQUESTS, series_max=1)
    assert list(stored(series_map)) == ["go_goroutines"]
    assert series_map.dropped_by_limit == 1


def test_canonical_series_count_neither_as_scraped_nor_as_kept() -> None:
    series_map = map_body(GO + REQUESTS)
    assert (series_map.layout.size, series_map.samples_kept, series_map.duplicates) == (2, 2, 0)
    assert len(series_map.stored_keys()) == 2


def test_targets_with_one_layout_share_the_labels_of_its_canonical_series() -> None:
    series_map = map_body(GO + REQUESTS)
    key = next(iter(series_map.layout._canonical))
    assert key.vocabulary == SHIPPED
    assert series_map.layout.canonical(key) is series_map.layout.canonical(key)
    first = series_map.labels.column("http_route").codes
    assert np.shares_memory(
        first, series_map.layout.labels_with(series_map.layout.canonical(key).extra).column("http_route").codes
    )
