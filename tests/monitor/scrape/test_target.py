from __future__ import annotations

import pytest

from monitor.model.labels import Labels
from monitor.scrape.target import public_labels, target_key, target_url

BASE = {"__scheme__": "http", "__address__": "h:80", "__metrics_path__": "/metrics"}


@pytest.mark.parametrize(
    ("labels", "params", "url"),
    [
        ({}, {}, "http://h:80/metrics"),
        ({"__scheme__": "https", "__address__": "[::1]:443"}, {}, "https://[::1]:443/metrics"),
        ({"__address__": "h"}, {}, "http://h/metrics"),
        ({"__metrics_path__": "x"}, {}, "http://h:80/x"),
        ({"__metrics_path__": ""}, {}, "http://h:80"),
        ({"__metrics_path__": "/a b?c%2F"}, {}, "http://h:80/a%20b%3Fc%252F"),
        ({}, {"b": ("1", "2"), "a": ("x y&z",)}, "http://h:80/metrics?a=x+y%26z&b=1&b=2"),
        ({"__param_b": "9"}, {"b": ("1", "2")}, "http://h:80/metrics?b=9&b=2"),
        ({"__param_c": "http://x/?y"}, {}, "http://h:80/metrics?c=http%3A%2F%2Fx%2F%3Fy"),
        ({}, {"a": ()}, "http://h:80/metrics"),
    ],
)
def test_a_url_is_made_of_labels_and_parameters(labels, params, url):
    assert target_url({**BASE, **labels}, params) == url


def test_labels_with_two_underscores_stay_inside():
    assert public_labels({**BASE, "job": "a", "_x": "b"}) == Labels({"job": "a", "_x": "b"})


def test_a_key_depends_on_labels_and_url_only():
    key = target_key(Labels({"a": "1"}), "http://h")

    assert key == target_key(Labels({"a": "1"}), "http://h")
    assert len({key, target_key(Labels({"a": "2"}), "http://h"), target_key(Labels({"a": "1"}), "http://i")}) == 3
