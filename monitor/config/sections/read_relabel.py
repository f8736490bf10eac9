"""Relabelling rules, with the checks of upstream's model/relabel Config.Validate."""

from __future__ import annotations

import re

from monitor.config.scrape_config import NameValidation, RelabelAction, RelabelRule
from monitor.config.yaml.yaml_reader import Section
from monitor.config.yaml.yaml_values import to_member

_DEFAULT = RelabelRule(RelabelAction.REPLACE)
_MODULUS_MAX = 2**64 - 1
# A legacy label name in which `$name` and `${name}` may stand. One character after a bare `$` is enough: the rest of
# the variable is made of characters that may follow anyway, and so no text can be read in two ways.
_LEGACY_TEMPLATE = re.compile(r"(?:[a-zA-Z_]|\$(?:\{\w+\}|\w))(?:\w|\$(?:\{\w+\}|\w))*", re.ASCII)

_WRITES_TARGET = frozenset(
    {
        RelabelAction.REPLACE,
        RelabelAction.HASHMOD,
        RelabelAction.LOWERCASE,
        RelabelAction.UPPERCASE,
        RelabelAction.KEEPEQUAL,
        RelabelAction.DROPEQUAL,
    }
)
_COMPARES = frozenset({RelabelAction.KEEPEQUAL, RelabelAction.DROPEQUAL})
_CHANGES_CASE = frozenset({RelabelAction.LOWERCASE, RelabelAction.UPPERCASE})
_FILTERS_NAMES = frozenset({RelabelAction.LABELDROP, RelabelAction.LABELKEEP})


def read_relabel_rules(section: Section, key: str, name_validation: NameValidation) -> tuple[RelabelRule, ...]:
    """The list of rules that stands at `key`."""
    return tuple(_read_rule(rule, name_validation) for rule in section.sections(key))


def _read_rule(section: Section, name_validation: NameValidation) -> RelabelRule:
    if section.written("action") and not section.has("action"):
        section.problem("got nothing, want an action", "action")
    rule = RelabelRule(
        action=section.parsed("action", _to_action, _DEFAULT.action),
        source_labels=section.texts("source_labels"),
        separator=section.text("separator", _default(section, "separator", _DEFAULT.separator)),
        regex=section.regex("regex", _default(section, "regex", _DEFAULT.regex)),
        modulus=section.integer("modulus", maximum=_MODULUS_MAX),
        target_label=section.text("target_label"),
        replacement=section.text("replacement", _default(section, "replacement", _DEFAULT.replacement)),
        name_validation=name_validation,
    )
    _check_target(section, rule)
    _check_unused(section, rule)
    if rule.action is RelabelAction.HASHMOD and section.text("modulus", "0") == "0":
        section.problem("got 0, want a modulus above 0 for hashmod", "modulus")
    if rule.action is RelabelAction.LABELMAP and not _is_template(rule.replacement, name_validation):
        section.problem(f"got {rule.replacement!r}, want a {_kind(name_validation)} label name", "replacement")
    return rule


def _default(section: Section, key: str, default: str) -> str:
    """Upstream takes `regex:` and its like, written without a value, as the empty text."""
    return "" if section.written(key) else default


def _to_action(text: str) -> RelabelAction:
    return to_member(RelabelAction)(text.lower())


def _check_target(section: Section, rule: RelabelRule) -> None:
    if rule.action not in _WRITES_TARGET:
        return
    if not rule.target_label:
        section.problem(f"missing, want it to be set for {rule.action.value}", "target_label")
        return
    if rule.action is RelabelAction.REPLACE and "$" in rule.target_label:
        is_valid = _is_template(rule.target_label, rule.name_validation)
    else:
        is_valid = rule.name_validation.is_label_name(rule.target_label)
    if not is_valid:
        section.problem(f"got {rule.target_label!r}, want a {_kind(rule.name_validation)} label name", "target_label")


def _check_unused(section: Section, rule: RelabelRule) -> None:
    """A Problem for each key that the action does not read but that is set."""
    if rule.action in _FILTERS_NAMES:
        used = "regex"
        unused = ["source_labels"] if section.has("source_labels") else []
        unused += _changed(rule, "target_label", "modulus", "separator", "replacement")
    elif rule.action in _COMPARES:
        used = "source_labels and target_label"
        unused = ["regex"] if section.written("regex") else []
        unused += _changed(rule, "modulus", "separator", "replacement")
    elif rule.action in _CHANGES_CASE:
        used = "source_labels, separator and target_label"
        unused = _changed(rule, "replacement")
    else:
        return
    for key in unused:
        section.problem(f"want it left out: {rule.action.value} reads only {used}", key)


def _changed(rule: RelabelRule, *keys: str) -> list[str]:
    return [key for key in keys if getattr(rule, key) != getattr(_DEFAULT, key)]


def _is_template(text: str, validation: NameValidation) -> bool:
    if validation is NameValidation.UTF8:
        return bool(text)
    return _LEGACY_TEMPLATE.fullmatch(text) is not None


def _kind(validation: NameValidation) -> str:
    return "legacy" if validation is NameValidation.LEGACY else "non-empty"
