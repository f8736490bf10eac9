"""Expanding a template as the rule of one alert would, over a handful of series."""

from __future__ import annotations

from collections.abc import Sequence

from alerts.templates.evaluate import TemplateLimits
from alerts.templates.expand import RuleTemplate
from alerts.templates.signatures import Context
from alerts.templates.values import AlertData, Sample, StringMap
from monitor.errors import EvaluationError
from monitor.model.labels import Labels

ALERT = "A"
VALUE = 1234.5678
LABELS = {"__name__": "v", "job": "a"}
EXTERNAL_LABELS = {"x": "ext"}
EXTERNAL_URL = "http://ex.com/base"
SERIES: tuple[tuple[dict[str, str], float], ...] = (
    ({"__name__": "m", "job": "b", "instance": "host-1.example.com:9100", "__value__": "sv"}, 3.0),
    ({"__name__": "m", "job": "a", "instance": "x", "le": "0.5"}, -1.5),
    ({"__name__": "n", "job": "z"}, 1234567.0),
)


class NamedSeriesQuerier:
    """Knows metric names, alone or in `sort_desc()`, which SERIES is sorted by; `broken` cannot be answered."""

    def samples(self, expression: str, at_ms: int) -> Sequence[Sample]:
        del at_ms
        if expression == "broken":
            raise EvaluationError("it is broken")
        name = expression.removeprefix("sort_desc(").removesuffix(")")
        return [Sample(StringMap(labels), value) for labels, value in SERIES if labels["__name__"] == name]


def expand(text: str, *, value: float = VALUE, now_ms: int = 60_000, limits: TemplateLimits | None = None) -> str:
    """The text that an annotation `text` becomes. Raises TemplateError if it cannot be parsed."""
    data = AlertData.of(Labels(LABELS), value, EXTERNAL_LABELS, EXTERNAL_URL)
    context = Context(now_ms, NamedSeriesQuerier(), EXTERNAL_URL)
    return RuleTemplate.of(text, ALERT).expand(data, context, limits or TemplateLimits())


def error_of(text: str, *, limits: TemplateLimits | None = None) -> str:
    """What is wrong with `text`, without the place."""
    expanded = expand(text, limits=limits)
    assert expanded.startswith("<error expanding template: error executing template __alert_A: template: "), expanded
    return expanded.removesuffix(">").rpartition(">: ")[2]
