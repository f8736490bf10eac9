from __future__ import annotations

import pytest

from alerts.notify.retry import RetryPolicy, Verdict, judge, retry_after_seconds

NOW_MS = 1_700_000_000_000


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        *((status, Verdict.DELIVERED) for status in (200, 202, 204, 299)),
        *((status, Verdict.RETRY) for status in (408, 425, 429, 500, 502, 503, 504)),
        *((status, Verdict.REFUSED) for status in (301, 302, 307, 400, 401, 403, 404, 413, 422)),
        (410, Verdict.DISABLED),
    ],
)
def test_a_status_is_judged(status, verdict):
    assert judge(status) is verdict


def test_delays_grow_and_the_last_one_repeats():
    delays = [RetryPolicy().delay_ms(failed, random=0.5) / 1000 for failed in range(1, 9)]

    assert delays == [1, 2, 5, 10, 30, 60, 60, 60]


@pytest.mark.parametrize(("random", "delay_ms"), [(0.0, 8_000), (0.5, 10_000), (0.999999, 11_999)])
def test_delays_are_spread_by_a_fifth(random, delay_ms):
    assert RetryPolicy().delay_ms(4, random) == delay_ms


@pytest.mark.parametrize(("asked", "delay_ms"), [(None, 1_000), (0.5, 1_000), (120, 120_000), (86_400, 600_000)])
def test_a_receiver_can_ask_for_more_time_up_to_a_limit(asked, delay_ms):
    assert RetryPolicy().delay_ms(1, 0.5, asked) == delay_ms


@pytest.mark.parametrize(("next_ms", "gives_up"), [(NOW_MS + 3_600_000, False), (NOW_MS + 3_600_001, True)])
def test_attempts_end_an_hour_after_the_first(next_ms, gives_up):
    assert RetryPolicy().gives_up(NOW_MS, next_ms) is gives_up


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        (None, None), ("", None), ("soon", None), ("-5", None), ("1.5", None), ("٣", None),
        ("0", 0), ("120", 120), (" 7 ", 7), ("9" * 40, 999_999_999),
        ("Tue, 14 Nov 2023 22:14:20 GMT", 60), ("Tue, 14 Nov 2023 22:00:00 GMT", 0),
        ("Tue, 14 Nov 2023 22:14:20 -0000", 60),
    ],
)  # fmt: skip
def test_retry_after_is_seconds_or_a_date(header, seconds):
    assert retry_after_seconds(header, NOW_MS) == seconds
