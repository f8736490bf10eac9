"""The most memory under load, by /proc and by a service's scrapes."""

from __future__ import annotations

from monitor.loadtest.figures import Between, Cause, Part
from monitor.loadtest.memory_under_load import MemoryLook, ScrapedMemory, memory_under_load

LOOKS = [MemoryLook(at_ms, Between(low, low + 1e5)) for at_ms, low in ((0, 5e6), (100, 9e6), (200, 7e6), (300, 6e6))]


def test_what_was_more_between_two_scrapes_is_a_part() -> None:
    figure = memory_under_load(LOOKS, [ScrapedMemory(210, 220, 6.9e6), ScrapedMemory(280, 290, 6.5e6)])

    assert (figure.proc, figure.plimsoll) == (9.1e6, 6.9e6)
    assert figure.parts == (Part(Cause.BETWEEN_SCRAPES, 9.1e6 - 6.9e6),)
    assert (figure.rest, figure.agrees) == (0, True)


def test_a_scrape_that_is_not_what_the_kernel_had_then_differs() -> None:
    figure = memory_under_load(LOOKS, [ScrapedMemory(210, 220, 12e6)])

    assert (figure.rest, figure.allowed, figure.agrees) == (7.1e6 - 12e6, 4e6, False)


def test_memory_that_hardly_moves_is_held_to_256_kb() -> None:
    looks = [MemoryLook(at_ms, Between(5e6, 5e6)) for at_ms in (0, 100)]

    assert memory_under_load(looks, [ScrapedMemory(40, 60, 5e6 + (256 << 10))]).agrees
    assert memory_under_load(looks, [ScrapedMemory(40, 60, 5e6 + (257 << 10))]).agrees is False


def test_a_long_scrape_may_have_found_anything_in_its_time() -> None:
    assert memory_under_load(LOOKS, [ScrapedMemory(10, 220, 8.9e6)]).agrees


def test_scrapes_outside_of_the_load_are_not_under_it() -> None:
    figure = memory_under_load(LOOKS, [ScrapedMemory(290, 400, 6e6)])

    assert (figure.plimsoll, figure.proc, figure.agrees) == (None, 9.1e6, None)
    assert figure.reason == "no service has scraped it under load"
