"""Vocabulary files: what libraries call things and what we call them (docs/vocabulary.md)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from monitor.config.file_globs import expand_globs
from monitor.config.vocabulary_config import JobVocabulary, MetricShape, Renaming, Scale, Sign, Vocabulary
from monitor.config.yaml.yaml_reader import Section, read_yaml
from monitor.config.yaml.yaml_values import join_choices, shown
from monitor.errors import ConfigError, Problem
from monitor.model.labels import is_legacy_label_name, is_legacy_metric_name

SHIPPED_FOLDER = Path(__file__).parent.parent / "vocabularies"
_SHIPPED_ORDER = ("opentelemetry", "http", "go", "node", "python", "rust", "jvm")
_SHAPES = {shape.value: shape for shape in MetricShape}
_SCALES = {
    "seconds": Scale(),
    "milliseconds": Scale(divisor=1e3),
    "microseconds": Scale(divisor=1e6),
    "nanoseconds": Scale(divisor=1e9),
    "minutes": Scale(multiplier=60.0),
    "bytes": Scale(),
    "kilobytes": Scale(multiplier=1e3),
    "kibibytes": Scale(multiplier=1024.0),
    "mebibytes": Scale(multiplier=1048576.0),
    "ratio": Scale(),
    "percent": Scale(divisor=100.0),
}
_YES = frozenset({"true", "True", "TRUE"})
_NO = frozenset({"false", "False", "FALSE"})


class VocabularyShelf:
    """The vocabularies that jobs can ask for: those of the user's files, then those that come with the package.

    A vocabulary of the user takes the place of a shipped one with its name. The shipped files are read when a job asks
    for the first time. `problems` and `files` are those of the user's files.
    """

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self.problems: list[Problem] = []
        self.files = expand_globs(patterns)
        self._own: dict[str, Vocabulary] = {}
        self._shipped: tuple[Vocabulary, ...] | None = None
        for file in self.files:
            self._read_own(file)

    def choose(self, section: Section) -> JobVocabulary:
        """What the key `vocabulary` of a job asks for: true for all, a name, a list of names."""
        wanted = section.one_or_more_texts("vocabulary")
        if not wanted or (len(wanted) == 1 and wanted[0] in _NO):
            return JobVocabulary()
        known = self._known()
        if len(wanted) == 1 and wanted[0] in _YES:
            return JobVocabulary.of(tuple(known.values()))
        for name in wanted:
            if name not in known:
                section.problem(f"got {shown(name)}, want true, {join_choices(list(known))}", "vocabulary")
        return JobVocabulary.of(tuple(known[name] for name in dict.fromkeys(wanted) if name in known))

    def _known(self) -> Mapping[str, Vocabulary]:
        if self._shipped is None:
            self._shipped = read_shipped_vocabularies()
        shipped = {vocabulary.name: vocabulary for vocabulary in self._shipped}
        return {**self._own, **{name: each for name, each in shipped.items() if name not in self._own}}

    def _read_own(self, file: str) -> None:
        try:
            root = read_yaml(Path(file))
        except ConfigError as error:
            self.problems += error.problems
            return
        self._own.update({vocabulary.name: vocabulary for vocabulary in _read_vocabularies(root)})
        self.problems += root.document.check()


def read_shipped_vocabularies() -> tuple[Vocabulary, ...]:
    """Those that come with the package, in order of precedence."""
    found: list[Vocabulary] = []
    for name in _SHIPPED_ORDER:
        root = read_yaml(SHIPPED_FOLDER / f"{name}.yml")
        found += _read_vocabularies(root)
        root.finish()
    return tuple(found)


def _read_vocabularies(root: Section) -> tuple[Vocabulary, ...]:
    root.require("vocabularies")
    return tuple(_read_vocabulary(section) for section in root.sections("vocabularies"))


def _read_vocabulary(section: Section) -> Vocabulary:
    section.require("name")
    return Vocabulary(
        name=section.text("name"),
        renamings=tuple(each for metric in section.sections("metrics") for each in _read_renamings(metric)),
        runtimes=_read_signs(section, "runtimes"),
        frameworks=_read_signs(section, "frameworks"),
    )


def _read_signs(section: Section, key: str) -> tuple[Sign, ...]:
    return tuple(Sign(name, metrics) for name, metrics in section.text_lists(key).items())


def _read_renamings(section: Section) -> tuple[Renaming, ...]:
    """One for each name in `from`, in order."""
    section.require("from", "to", "type")
    canonical = section.text("to")
    if section.has("to") and not is_legacy_metric_name(canonical):
        section.problem(f"got {shown(canonical)}, want a metric name", "to")
    labels = section.text_mapping("labels")
    constants = section.text_mapping("constants")
    for key, names in (("labels", labels.values()), ("constants", constants)):
        for name in names:
            if not is_legacy_label_name(name):
                section.problem(f"got {shown(name)}, want a label name", key)
    renaming = Renaming(
        name="",
        canonical=canonical,
        shape=section.choice("type", _SHAPES, MetricShape.GAUGE),
        scale=section.choice("unit", _SCALES, Scale()),
        labels=labels,
        values=section.text_mappings("values"),
        constants=constants,
        sum_name=section.text("sum_from"),
    )
    return tuple(replace(renaming, name=name) for name in section.one_or_more_texts("from"))
