"""When an actuator is left alone."""

from __future__ import annotations

from alerts.autoscale.breaker import Breaker, BreakerPosition, BreakerSettings

SETTINGS = BreakerSettings(failures_max=3, open_ms=60_000)


def broken(failures: int) -> Breaker:
    breaker = Breaker()
    for _ in range(failures):
        breaker = breaker.after_failure(SETTINGS, 1_000)
    return breaker


def test_it_opens_after_failures_in_a_row():
    assert broken(2).position(SETTINGS, 1_000) is BreakerPosition.CLOSED
    assert broken(3).position(SETTINGS, 1_000) is BreakerPosition.OPEN


def test_a_success_in_between_starts_the_count_again():
    breaker = broken(2).after_success().after_failure(SETTINGS, 1_000)
    assert breaker.position(SETTINGS, 1_000) is BreakerPosition.CLOSED


def test_after_its_time_one_attempt_decides():
    assert broken(3).position(SETTINGS, 60_999) is BreakerPosition.OPEN
    assert broken(3).position(SETTINGS, 61_000) is BreakerPosition.HALF_OPEN
    assert broken(3).after_failure(SETTINGS, 61_000).position(SETTINGS, 61_001) is BreakerPosition.OPEN
    assert broken(3).after_success().position(SETTINGS, 61_001) is BreakerPosition.CLOSED
