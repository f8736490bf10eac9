"""What is known of damaged data: each place is logged once and counted every time somebody comes to it."""

from __future__ import annotations

import logging
import sqlite3
import threading

from monitor.errors import CorruptData

logger = logging.getLogger(__name__)

READING_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What reading a damaged database may raise: a message of SQLite quotes the schema, which need not be text any more."""
PLACES_MAX = 10_000
"""Places remembered; beyond them damage is counted, and not logged any more."""


class DamageLog:
    """Safe for several threads."""

    def __init__(self) -> None:
        self.encounters = 0
        """How often something was left out of an answer or of a new block."""
        self.quarantined = 0
        """Files moved aside since the start."""
        self._places: dict[str, None] = {}
        self._lock = threading.Lock()

    @property
    def places(self) -> tuple[str, ...]:
        """The damaged places met since the start, in the order in which they were found."""
        with self._lock:
            return tuple(self._places)

    def note(self, error: CorruptData) -> None:
        place = str(error)
        with self._lock:
            self.encounters += 1
            if place in self._places or len(self._places) >= PLACES_MAX:
                return
            self._places[place] = None
        logger.error("damaged data is left out: %s (plimsoll storage verify names all of it)", place)
