"""What autoscaling needs of a query engine: the value of an expression at one moment."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from alerts.autoscale.decision import Reading
from monitor.model.labels import Labels


@dataclass(frozen=True, slots=True)
class InstantElement:
    """One element of an instant vector (a scalar has no labels).

    `timestamp_ms` is that of the newest sample behind the value, not of the evaluation; None if it is not known.
    """

    labels: Labels
    value: float
    timestamp_ms: int | None = None


@dataclass(frozen=True, slots=True)
class InstantAnswer:
    """`warnings` say what is wrong or missing in it; notes that the answer is right but unusual are not among them."""

    elements: Sequence[InstantElement]
    warnings: Sequence[str] = ()


class InstantQuery(Protocol):
    """Where answers come from. Called in a worker thread."""

    def query(self, expression: str, at_ms: int) -> InstantAnswer:
        """Raises QueryError where there is no answer."""
        ...


def reading_of(answer: InstantAnswer) -> Reading:
    """The one value of `answer`; of several elements only their number."""
    warning = answer.warnings[0] if answer.warnings else ""
    if len(answer.elements) != 1:
        return Reading(elements=len(answer.elements), warning=warning)
    element = answer.elements[0]
    return Reading(float(element.value), element.timestamp_ms, 1, warning=warning)
