"""Relabelling: rules that keep, drop and rewrite label sets. Semantics of upstream's model/relabel/relabel.go."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import md5

from monitor.config.scrape_config import RelabelAction, RelabelRule
from monitor.model.labels import Labels

# Go's regexp.Expand: a name is as long as it can be, `$$` is a dollar sign, any other `$` stands for itself.
_REFERENCE = re.compile(r"\$(?:(?P<dollar>\$)|\{(?P<braced>\w+)\}|(?P<bare>\w+))")
_TEMPLATE_CACHE_SIZE = 1024

_Dict = dict[str, str]


@dataclass(frozen=True, slots=True)
class RelabelStep:
    """What one rule made of a label set; `labels` is what came in if the rule dropped it."""

    rule: RelabelRule
    labels: Labels
    kept: bool


def relabel(labels: Mapping[str, str], rules: Sequence[RelabelRule]) -> dict[str, str] | None:
    """A new label set, in no particular order, or None if a rule drops it. Empty values are no labels."""
    current = {name: value for name, value in labels.items() if value}
    for rule in rules:
        if not _ACTIONS[rule.action](rule, current):
            return None
    return current


def relabel_steps(labels: Mapping[str, str], rules: Sequence[RelabelRule]) -> tuple[RelabelStep, ...]:
    """What each rule made of the label set, up to the one that drops it."""
    current = {name: value for name, value in labels.items() if value}
    steps = []
    for rule in rules:
        kept = _ACTIONS[rule.action](rule, current)
        steps.append(RelabelStep(rule, Labels(current), kept))
        if not kept:
            break
    return tuple(steps)


def _source(rule: RelabelRule, labels: _Dict) -> str:
    names = rule.source_labels
    if len(names) == 1:
        return labels.get(names[0], "")
    return rule.separator.join([labels.get(name, "") for name in names])


def _set(labels: _Dict, name: str, value: str) -> None:
    if value:
        labels[name] = value
    else:
        labels.pop(name, None)


# Actions change `labels` in place and return whether the label set is kept.


def _replace(rule: RelabelRule, labels: _Dict) -> bool:
    groups = rule.pattern.groups(_source(rule, labels))
    if groups is None:
        return True
    target = _expand(rule, rule.target_label, groups)
    if rule.name_validation.is_label_name(target):
        _set(labels, target, _expand(rule, rule.replacement, groups))
    return True


def _keep(rule: RelabelRule, labels: _Dict) -> bool:
    return rule.pattern.matches(_source(rule, labels))


def _drop(rule: RelabelRule, labels: _Dict) -> bool:
    return not rule.pattern.matches(_source(rule, labels))


def _keep_equal(rule: RelabelRule, labels: _Dict) -> bool:
    return labels.get(rule.target_label, "") == _source(rule, labels)


def _drop_equal(rule: RelabelRule, labels: _Dict) -> bool:
    return labels.get(rule.target_label, "") != _source(rule, labels)


def _hashmod(rule: RelabelRule, labels: _Dict) -> bool:
    digest = md5(_source(rule, labels).encode(), usedforsecurity=False).digest()
    labels[rule.target_label] = str(int.from_bytes(digest[8:], "big") % rule.modulus)
    return True


def _labelmap(rule: RelabelRule, labels: _Dict) -> bool:
    for name, value in list(labels.items()):
        groups = rule.pattern.groups(name)
        target = "" if groups is None else _expand(rule, rule.replacement, groups)
        if target:
            labels[target] = value
    return True


def _labeldrop(rule: RelabelRule, labels: _Dict) -> bool:
    for name in [name for name in labels if rule.pattern.matches(name)]:
        del labels[name]
    return True


def _labelkeep(rule: RelabelRule, labels: _Dict) -> bool:
    for name in [name for name in labels if not rule.pattern.matches(name)]:
        del labels[name]
    return True


def _lowercase(rule: RelabelRule, labels: _Dict) -> bool:
    _set(labels, rule.target_label, _lower(_source(rule, labels)))
    return True


def _uppercase(rule: RelabelRule, labels: _Dict) -> bool:
    _set(labels, rule.target_label, _upper(_source(rule, labels)))
    return True


_ACTIONS: dict[RelabelAction, Callable[[RelabelRule, _Dict], bool]] = {
    RelabelAction.REPLACE: _replace,
    RelabelAction.KEEP: _keep,
    RelabelAction.DROP: _drop,
    RelabelAction.KEEPEQUAL: _keep_equal,
    RelabelAction.DROPEQUAL: _drop_equal,
    RelabelAction.HASHMOD: _hashmod,
    RelabelAction.LABELMAP: _labelmap,
    RelabelAction.LABELDROP: _labeldrop,
    RelabelAction.LABELKEEP: _labelkeep,
    RelabelAction.LOWERCASE: _lowercase,
    RelabelAction.UPPERCASE: _uppercase,
}


def _expand(rule: RelabelRule, template: str, groups: tuple[str, ...]) -> str:
    """`template` with `$1`, `${1}` and `${name}` replaced; a group that does not exist is empty."""
    if "$" not in template:
        return template
    parts = []
    for text, reference in _parse_template(template):
        index = _group_index(rule, reference)
        parts.append(text)
        parts.append(groups[index] if 0 <= index < len(groups) else "")
    return "".join(parts)


def _group_index(rule: RelabelRule, reference: str) -> int:
    """The group that a reference names, -1 if there is none. Go takes no number with a leading zero."""
    if reference.isascii() and reference.isdigit() and (reference == "0" or reference[0] != "0"):
        return int(reference[:9])
    return rule.pattern.group_by_name.get(reference, -1)


@lru_cache(maxsize=_TEMPLATE_CACHE_SIZE)
def _parse_template(template: str) -> tuple[tuple[str, str], ...]:
    """Pairs of a text and the reference after it; a reference of "" stands for nothing."""
    parts = []
    text = ""
    end = 0
    for match in _REFERENCE.finditer(template):
        text += template[end : match.start()]
        end = match.end()
        if match["dollar"]:
            text += "$"
        else:
            parts.append((text, match["braced"] or match["bare"]))
            text = ""
    return (*parts, (text + template[end:], ""))


# Go maps character by character, without the special cases that grow a text (ß, ŉ) or look around it (final sigma).


def _lower(text: str) -> str:
    return text.lower() if text.isascii() else "".join(char.lower()[0] for char in text)


def _upper(text: str) -> str:
    return text.upper() if text.isascii() else "".join(map(_upper_char, text))


def _upper_char(char: str) -> str:
    """The simple mapping: where the full one grows, that is the title case (ᾳ to ᾼ) or the character itself."""
    return next(form for form in (char.upper(), char.title(), char) if len(form) == 1)
