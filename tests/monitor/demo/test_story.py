from __future__ import annotations

import pytest

from monitor.demo.story import SECONDS_MIN, Phase, Story, rate_of


@pytest.mark.parametrize(
    ("at_seconds", "phase"),
    [
        (0, Phase.QUIET),
        (17.9, Phase.QUIET),
        (18, Phase.SPIKE),
        (71.9, Phase.SPIKE),
        (72, Phase.TAIL),
        (1e6, Phase.TAIL),
    ],
)
def test_a_story_of_two_minutes_has_three_phases_and_a_tail_without_end(at_seconds, phase):
    assert Story.lasting(120).phase(at_seconds) is phase


def test_the_shortest_story_leaves_time_for_the_whole_loop():
    story = Story.lasting(SECONDS_MIN)

    assert story.spike_from_seconds >= 5, "the quiet time is shorter than the window of the latency"
    assert story.spike_to_seconds - story.spike_from_seconds >= 25
    assert story.seconds - story.spike_to_seconds >= 20


def test_a_shorter_story_is_a_bug_of_the_caller():
    with pytest.raises(AssertionError, match="want at least 60"):
        Story.lasting(59)


def test_only_the_sale_is_more_than_one_process_carries():
    assert rate_of(Phase.QUIET) == rate_of(Phase.TAIL) < 100 < rate_of(Phase.SPIKE)
