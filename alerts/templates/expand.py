"""The templates of alerting rules: parsed once when a rule is loaded, expanded for each alert."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace

from alerts.templates.builtins import BUILTINS
from alerts.templates.evaluate import TemplateLimits
from alerts.templates.execute import execute
from alerts.templates.functions import FUNCTIONS
from alerts.templates.nodes import ListNode
from alerts.templates.parser import ParsedTemplate, parse_template
from alerts.templates.signatures import Context
from alerts.templates.values import AlertData
from monitor.errors import TemplateError

RULE_FUNCTIONS = {**BUILTINS, **FUNCTIONS}
logger = logging.getLogger(__name__)

# Prometheus puts these before each text; positions in error messages count from their start.
DEFINITIONS = (
    "{{$labels := .Labels}}",
    "{{$externalLabels := .ExternalLabels}}",
    "{{$externalURL := .ExternalURL}}",
    "{{$value := .Value}}",
)


@dataclass(frozen=True, slots=True)
class RuleTemplate:
    """The text of a label or an annotation; `parsed` None if there is nothing to expand in it."""

    text: str
    name: str
    parsed: ParsedTemplate | None = field(compare=False)

    @classmethod
    def of(cls, text: str, alert: str) -> RuleTemplate:
        """Raises TemplateError if `text` is no template."""
        name = f"__alert_{alert}"
        if "{{" not in text:
            return cls(text, name, None)
        parsed = parse_template(name, "".join(DEFINITIONS) + text, RULE_FUNCTIONS)
        # What the definitions do is done by `expand`, without running them: they are half of most templates.
        root = ListNode(parsed.root.nodes[len(DEFINITIONS) :])
        return cls(text, name, replace(parsed, root=root))

    @classmethod
    def lenient(cls, text: str, alert: str) -> RuleTemplate:
        """Like `of`, but a text that is no template gives one that always expands to the error."""
        try:
            return cls.of(text, alert)
        except TemplateError as error:
            name = f"__alert_{alert}"
            return cls(f"<error expanding template: error parsing template {name}: {error}>", name, None)

    def expand(self, data: AlertData, context: Context, limits: TemplateLimits) -> str:
        """The expanded text; an error is text as well, as in Prometheus, for the alert matters more."""
        if self.parsed is None:
            return self.text
        try:
            return execute(self.parsed, data, context, limits, _variables(data))
        except TemplateError as error:
            logger.warning("expanding the template of %s failed: %s", self.name, error)
            return f"<error expanding template: error executing template {self.name}: {error}>"


def _variables(data: AlertData) -> tuple[tuple[str, object], ...]:
    return (
        ("$labels", data.labels),
        ("$externalLabels", data.external_labels),
        ("$externalURL", data.external_url),
        ("$value", data.value),
    )
