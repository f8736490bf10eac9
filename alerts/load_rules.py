"""Rule files: Prometheus's format, read strictly, with every mistake of every file reported at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from alerts.rules import AlertingRule, RecordingRule, Rule, RuleGroup
from alerts.templates.expand import RuleTemplate
from monitor.config.file_globs import expand_globs
from monitor.config.scrape_config import NameValidation
from monitor.config.yaml.yaml_reader import Section, YamlDocument
from monitor.errors import ConfigError, ParseError, Problem, TemplateError
from monitor.model.labels import METRIC_NAME, is_legacy_metric_name
from monitor.promql.features import Features
from monitor.promql.syntax.parse import parse_expression
from monitor.promql.syntax.printing import format_expression


@dataclass(frozen=True, slots=True)
class RuleDefaults:
    """What holds where a rule file says nothing else, and which names and expressions are valid."""

    interval_ms: int = 60_000
    query_offset_ms: int = 0
    name_validation: NameValidation = NameValidation.UTF8
    features: Features = field(default_factory=Features)


DEFAULTS = RuleDefaults()


@dataclass(frozen=True, slots=True)
class RuleFiles:
    """What rule files hold: the groups without mistakes, and the mistakes."""

    groups: tuple[RuleGroup, ...]
    problems: tuple[Problem, ...]

    @property
    def rules(self) -> int:
        return sum(len(group.rules) for group in self.groups)


def load_rule_files(patterns: tuple[str, ...], defaults: RuleDefaults = DEFAULTS) -> tuple[RuleGroup, ...]:
    """The groups of all files that match, file by file in order. Raises ConfigError with every Problem of all files."""
    found = check_rule_files(expand_globs(patterns), defaults)
    if found.problems:
        raise ConfigError(list(found.problems))
    return found.groups


def check_rule_files(paths: Iterable[str], defaults: RuleDefaults = DEFAULTS) -> RuleFiles:
    """What `promtool check rules` does: everything in the files, and everything wrong with them, in order."""
    groups: list[RuleGroup] = []
    problems: list[Problem] = []
    for path in paths:
        read = read_rules(Path(path), defaults)
        groups += read.groups
        problems += read.problems
    return RuleFiles(tuple(groups), tuple(problems))


def read_rules(source: Path | str, defaults: RuleDefaults = DEFAULTS, *, file: str = "<text>") -> RuleFiles:
    """The rules in one file (a Path) or text (a str, with `file` as its name)."""
    try:
        document = YamlDocument(source, file=file)
    except ConfigError as error:
        return RuleFiles((), error.problems)
    groups = _FileReader(document, defaults).groups()
    # A mapping of texts is read twice, once for its names and once for their lines, and complains twice.
    return RuleFiles(tuple(groups), tuple(dict.fromkeys(document.check())))


class _FileReader:
    def __init__(self, document: YamlDocument, defaults: RuleDefaults) -> None:
        self._document = document
        self._defaults = defaults
        self._line_by_name: dict[str, int] = {}

    def groups(self) -> list[RuleGroup]:
        return [self._group(section) for section in self._document.mapping().sections("groups")]

    def _group(self, section: Section) -> RuleGroup:
        name = self._group_name(section)
        labels = self._labels(section).texts
        interval_ms = section.duration_ms("interval") or self._defaults.interval_ms
        return RuleGroup(
            name=name,
            file=self._document.file,
            interval_ms=interval_ms,
            rules=tuple(self._rule(rule, labels) for rule in section.sections("rules")),
            limit=max(0, section.integer("limit", minimum=None)),
            query_offset_ms=section.duration_ms("query_offset", self._defaults.query_offset_ms),
        )

    def _group_name(self, section: Section) -> str:
        section.require("name")
        name = section.text("name")
        if name and name in self._line_by_name:
            first = self._line_by_name[name]
            section.problem(f"got the group {name!r} again, it is already on line {first}", "name")
        self._line_by_name.setdefault(name, section.line_of("name"))
        return name

    def _labels(self, section: Section) -> _Texts:
        labels = _Texts(section, "labels")
        for name in labels.texts:
            if not self._defaults.name_validation.is_label_name(name) or name == METRIC_NAME:
                labels.section.problem(f"got {name!r}, want a valid label name other than {METRIC_NAME}", name)
        return labels

    def _rule(self, section: Section, group_labels: Mapping[str, str]) -> Rule:
        record, alert = self._names(section)
        # All keys are read for both kinds of rules: one that nobody asked for would be an unknown key.
        labels, expression = self._labels(section), self._expression(section)
        for_ms, keep_firing_for_ms = section.duration_ms("for"), section.duration_ms("keep_firing_for")
        annotations = _Texts(section, "annotations")
        if record:
            self._check_record(section, record)
            alone = {"for": for_ms, "keep_firing_for": keep_firing_for_ms, "annotations": annotations.texts}
            for key in (key for key, value in alone.items() if value):
                section.problem("got it in a recording rule, want it in alerting rules only", key)
            return RecordingRule(record, expression, tuple(sorted({**group_labels, **labels.texts}.items())))
        inherited = [
            # As in Prometheus a label of the group that is no template is no mistake of the file: each alert says so.
            (name, RuleTemplate.lenient(text, alert))
            for name, text in group_labels.items()
            if name not in labels.texts
        ]
        return AlertingRule(
            name=alert,
            expression=expression,
            for_ms=for_ms,
            keep_firing_for_ms=keep_firing_for_ms,
            labels=tuple(sorted((*labels.templates(alert), *inherited), key=lambda label: label[0])),
            annotations=self._annotations(annotations, alert),
        )

    def _names(self, section: Section) -> tuple[str, str]:
        """What stands at `record` and `alert`, one of which should be empty."""
        record, alert = section.text("record"), section.text("alert")
        if record and alert:
            section.problem("got record and alert, want exactly one of them", "alert")
        if not record and not alert:
            section.problem("got neither record nor alert, want exactly one of them")
        return record, alert

    def _check_record(self, section: Section, name: str) -> None:
        if self._defaults.name_validation is NameValidation.LEGACY and not is_legacy_metric_name(name):
            section.problem(f"got {name!r}, want a valid metric name", "record")
        elif "{" in name or "}" in name:
            section.problem(f"got {name!r}, want a name without braces: labels belong under `labels`", "record")

    def _expression(self, section: Section) -> str:
        """The rule's expression as Prometheus prints it."""
        section.require("expr")
        text = section.text("expr")
        if not text:
            return ""
        try:
            return format_expression(parse_expression(text, self._defaults.features))
        except ParseError as error:
            section.problem(f"could not parse expression: {error}", "expr")
            return text

    def _annotations(self, annotations: _Texts, alert: str) -> tuple[tuple[str, RuleTemplate], ...]:
        for name in annotations.texts:
            if not self._defaults.name_validation.is_label_name(name):
                annotations.section.problem(f"got {name!r}, want a valid annotation name", name)
        return tuple(sorted(annotations.templates(alert), key=lambda annotation: annotation[0]))


class _Texts:
    """A mapping of any names to texts, where nothing counts as the empty text; its `section` knows their lines."""

    def __init__(self, parent: Section, key: str) -> None:
        names = parent.text_mapping(key)
        self.section = parent.section_or_empty(key)
        self.texts = {name: self.section.text(name) for name in names}

    def templates(self, alert: str) -> list[tuple[str, RuleTemplate]]:
        """The texts as templates, without those that are none, which are problems."""
        templates = []
        for name, text in self.texts.items():
            try:
                templates.append((name, RuleTemplate.of(text, alert)))
            except TemplateError as error:
                self.section.problem(str(error), name)
        return templates
