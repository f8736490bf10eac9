"""Names that fit what somebody typed."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.api.search.rank_names import rank_names

NAMES = [
    "http_requests_total",
    "http_request_duration_seconds_bucket",
    "node_http_requests",
    "go_gc_duration_seconds",
    "up",
    "process_cpu_seconds_total",
    "prometheus_http_requests_total",
    "startup_seconds",
    "HTTP_Errors",
]


@pytest.mark.parametrize(
    ("typed", "first"),
    [
        ("up", ["up", "startup_seconds"]),
        ("http_requests_total", ["http_requests_total", "prometheus_http_requests_total"]),
        ("http_req", ["http_requests_total", "http_request_duration_seconds_bucket", "node_http_requests"]),
        ("hrt", ["http_requests_total"]),
        ("pcst", ["process_cpu_seconds_total"]),
        ("gcdur", ["go_gc_duration_seconds"]),
        ("cpu total", ["process_cpu_seconds_total"]),
        ("total cpu", ["process_cpu_seconds_total"]),
        ("http err", ["HTTP_Errors"]),
        ("HTTPERR", ["HTTP_Errors"]),
        ("htpreq", ["http_requests_total"]),
        ("zzz", []),
    ],
)
def test_the_best_names_come_first(typed, first):
    assert rank_names(NAMES, typed, 100)[: len(first) or 1] == first


def test_without_letters_names_come_in_order():
    assert rank_names(NAMES, " ", 2) == ["HTTP_Errors", "go_gc_duration_seconds"]


def test_no_more_come_than_are_wanted():
    assert len(rank_names(NAMES, "s", 3)) == 3


@given(st.lists(st.text(max_size=12), unique=True, max_size=12), st.text(max_size=6))
def test_what_comes_holds_the_letters_in_order(names, typed):
    for name in rank_names(names, typed, 100):
        for word in typed.lower().split():
            letters = iter(name.lower())
            assert all(letter in letters for letter in word)


@pytest.mark.parametrize("typed", ["a", "hrt", "request_dur", "e e e", "ttttttttttt", "h_r_d_s_b_"])
def test_ten_thousand_names_are_ranked_quickly(typed):
    names = [f"service_{number % 97}_http_request_{number}_duration_seconds_bucket" for number in range(10_000)]
    began = time.process_time()
    rank_names(names, typed, 50)

    # 10 to 60 ms.
    assert time.process_time() - began < 1
