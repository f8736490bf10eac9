"""What can go wrong with the fleet."""

from __future__ import annotations


class FleetError(Exception):
    """The fleet cannot do what it was asked; the message says what the user can change."""
