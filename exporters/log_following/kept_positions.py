"""Keeps the positions of followed logs in a state file, as of the last scrape."""

from __future__ import annotations

import logging
from collections.abc import Mapping

from prometheus_client.core import CounterMetricFamily, Metric

from exporters.log_following.followed_file import FollowedFile
from exporters.log_following.source import LogSource
from exporters.log_following.state_file import StateFile

logger = logging.getLogger(__name__)


class KeptPositions:
    """Saves where each followed file was read to. Without a state file, and for pipes, it does nothing.

    To be saved with the figures of each scrape: what was read and never scraped is then read again after a restart,
    and what was scraped is not. Seen from the one who scrapes, every line counts once.
    """

    def __init__(self, sources: Mapping[str, LogSource], state_file: StateFile | None) -> None:
        """The positions at the start are saved at once."""
        self._followed = {name: source for name, source in sources.items() if isinstance(source, FollowedFile)}
        self._state_file = state_file
        self._failures = 0
        self.save()

    def save(self) -> None:
        """A failure is logged and counted, and the figures go on."""
        if self._state_file is None:
            return
        try:
            self._state_file.save({name: source.positions for name, source in self._followed.items()})
        except OSError as error:
            self._failures += 1
            logger.warning("the positions could not be saved: %s", error)

    def family(self) -> Metric:
        return CounterMetricFamily(
            "plimsoll_exporter_state_write_failures", "Times the state file could not be written.", value=self._failures
        )
