"""Series that come with timestamps of their own. They are in no row, but go to the store as sources of their own."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from monitor.model.label_frame import LabelFrame
from monitor.model.samples import STALE, Indices, Timestamps, Values
from monitor.storage.interfaces import Appender

AHEAD_MAX_MS = 600_000
"""A sample this far in the future is not stored, as in Prometheus (maxAheadTime)."""
_NEVER_MS = -(2**63)


@dataclass(slots=True, eq=False)
class _Group:
    """Series that have always had the same timestamp as each other: one source."""

    source: str
    members: Indices
    labels: LabelFrame
    last_ms: int = _NEVER_MS


class StampedSeries:
    """The stamped series of one map, K of them.

    They are grouped by equal timestamps (those that one federated target exposes share them); a group whose members
    part once stays parted, so that its label sets are known to the store by identity from then on.
    """

    def __init__(self, labels: LabelFrame, source: str, appender: Appender) -> None:
        self._labels = labels
        self._source = source
        self._appender = appender
        self._groups = [
            _Group(f"{source}/{index}", members, labels.take(members)) for index, members in enumerate(_rounds(labels))
        ]

    def append(self, timestamps_ms: Timestamps, values: Values, now_ms: int) -> int:
        """Stores (K,) samples but for those that have been stored already; returns how many are too far ahead."""
        for group in tuple(self._groups):
            self._part(group, timestamps_ms)
        too_far = 0
        for group in self._groups:
            timestamp_ms = int(timestamps_ms[group.members[0]])
            if timestamp_ms > now_ms + AHEAD_MAX_MS:
                too_far += len(group.members)
            elif timestamp_ms != group.last_ms:
                group.last_ms = timestamp_ms
                self._append(group, timestamp_ms, values[group.members])
        return too_far

    def end(self, timestamp_ms: int) -> None:
        """Stores a stale marker for each series."""
        for group in self._groups:
            self._append(group, timestamp_ms, np.full(len(group.members), STALE))

    def _append(self, group: _Group, timestamp_ms: int, values: Values) -> None:
        self._appender.append(group.source, group.labels, np.array([timestamp_ms], np.int64), values[None, :])

    def _part(self, group: _Group, timestamps_ms: Timestamps) -> None:
        """Leaves those with the first one's timestamp in `group` and puts others into groups of their own."""
        stamps = timestamps_ms[group.members]
        if (stamps == stamps[0]).all():
            return
        parts = [group.members[stamps == stamp] for stamp in np.unique(stamps)]
        parts.sort(key=lambda members: int(members[0]))
        for index, members in enumerate(parts):
            source = group.source if index == 0 else f"{self._source}/{len(self._groups)}"
            part = _Group(source, members, self._labels.take(members), group.last_ms)
            if index == 0:
                self._groups[self._groups.index(group)] = part
            else:
                self._groups.append(part)


def _rounds(labels: LabelFrame) -> list[Indices]:
    """The first occurrence of each label set, then the second ones, and so on: a body may give a series several
    samples, but no source holds a series twice."""
    seen: Counter[int] = Counter()
    members_by_round: dict[int, list[int]] = {}
    for row, series in enumerate(labels.group().group.tolist()):
        members_by_round.setdefault(seen[series], []).append(row)
        seen[series] += 1
    return [np.array(members, np.intp) for members in members_by_round.values()]
