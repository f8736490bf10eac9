"""Files of target groups: what stands in one, and which of many have changed."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from prometheus_client import Counter

from monitor.config.file_globs import expand_globs
from monitor.config.scrape_config import FileDiscovery, StaticGroup
from monitor.config.sections.read_scrape import read_target_group
from monitor.config.yaml.yaml_nodes import read_text
from monitor.config.yaml.yaml_reader import DEFAULT_YAML_LIMITS, YamlDocument
from monitor.errors import ConfigError, Problem
from monitor.model.labels import Labels

FILE_PATH_LABEL = "__meta_filepath"
logger = logging.getLogger(__name__)

_Groups = tuple[StaticGroup, ...]
_Signature = tuple[int, int, int]


def read_target_groups(path: Path) -> _Groups:
    """The groups in a `.json`, `.yml` or `.yaml` file, each with the label `__meta_filepath`.

    Raises ConfigError. As upstream does, JSON may hold keys that nobody knows, YAML may not.
    """
    groups = _read_json(path) if path.suffix.lower() == ".json" else _read_yaml(path)
    return tuple(replace(group, labels=group.labels.merged({FILE_PATH_LABEL: str(path)})) for group in groups)


def _read_yaml(path: Path) -> _Groups:
    document = YamlDocument(path)
    sections = document.sections()
    groups = tuple(read_target_group(section, f"{path}:{index}") for index, section in enumerate(sections))
    document.finish()
    return groups


def _read_json(path: Path) -> _Groups:
    text = read_text(path, DEFAULT_YAML_LIMITS)
    try:
        items = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError([Problem(str(path), error.lineno, "", f"not JSON: {error.msg}")]) from None
    except RecursionError:
        raise ConfigError([Problem(str(path), 1, "", "not JSON that can be read: nested too deeply")]) from None
    if not isinstance(items, list):
        raise ConfigError([Problem(str(path), 1, "", "got something else, want a list of target groups")])
    return tuple(_to_group(path, index, item) for index, item in enumerate(items))


def _to_group(path: Path, index: int, item: Any) -> StaticGroup:
    targets = item.get("targets") or [] if isinstance(item, dict) else None
    labels = item.get("labels") or {} if isinstance(item, dict) else None
    if not (isinstance(targets, list) and all(isinstance(target, str) for target in targets)):
        raise ConfigError([Problem(str(path), 1, f"[{index}].targets", "got something else, want a list of texts")])
    if not (isinstance(labels, dict) and all(name and isinstance(text, str) for name, text in labels.items())):
        raise ConfigError([Problem(str(path), 1, f"[{index}].labels", "got something else, want names and texts")])
    return StaticGroup(tuple(targets), Labels(labels), f"{path}:{index}")


@dataclass(frozen=True, slots=True)
class _FileState:
    """What a file looked like when it was last read, and its last good groups."""

    signature: _Signature
    groups: _Groups


class TargetFiles:
    """The groups of all files that match some patterns.

    A file that cannot be read keeps its last good groups, is logged and counted once for each try, and is tried again
    when it changes and at each refresh. One that is gone takes its groups with it.
    """

    def __init__(self, config: FileDiscovery, read_errors: Counter) -> None:
        self._config = config
        self._read_errors = read_errors
        self._state_by_file: dict[str, _FileState] = {}
        self._refresh_at_seconds: float | None = None

    @property
    def groups(self) -> _Groups:
        return tuple(group for state in self._state_by_file.values() for group in state.groups)

    def poll(self, monotonic_seconds: float) -> bool:
        """Reads what has changed, or everything if a refresh is due. Returns whether the groups are other ones now."""
        before = self.groups
        is_refresh = self._refresh_at_seconds is None or monotonic_seconds >= self._refresh_at_seconds
        if is_refresh:
            self._refresh_at_seconds = monotonic_seconds + self._config.refresh_interval_ms / 1000
        states = ((file, self._look(file, is_refresh)) for file in expand_globs(self._config.files))
        self._state_by_file = {file: state for file, state in states if state is not None}
        return self.groups != before

    def _look(self, file: str, is_refresh: bool) -> _FileState | None:
        known = self._state_by_file.get(file)
        signature = _signature(file)
        if signature is None or (known is not None and known.signature == signature and not is_refresh):
            return known
        return _FileState(signature, self._read(file, known.groups if known is not None else ()))

    def _read(self, file: str, last_good: _Groups) -> _Groups:
        try:
            return read_target_groups(Path(file))
        except ConfigError as error:
            self._read_errors.inc()
            logger.error("The targets of a file stay as they were, it cannot be read: %s", error.problems[0])
            return last_good


def _signature(file: str) -> _Signature | None:
    """Changes when the file is written or replaced; None if it cannot be looked at."""
    try:
        status = Path(file).stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino
