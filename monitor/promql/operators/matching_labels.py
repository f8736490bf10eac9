"""Which series of the two sides of a vector operation belong together: the part that needs labels only."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from monitor.model.label_frame import Grouping, LabelFrame, Rows, group_codes, shared_codes
from monitor.model.labels import METRIC_NAME
from monitor.model.samples import Mask
from monitor.promql.aggregation.groups import Groups
from monitor.promql.syntax.nodes import VectorMatching

NONE = -1


@dataclass(frozen=True, slots=True, eq=False)
class Side:
    """One side: its series by match group, and the match group on this side for each series of the other (or NONE)."""

    groups: Groups
    group_of_other: Rows

    def any_for_other(self, cells: Mask) -> Mask:
        """For each series of the other side and each step, whether a matching one has a True in `cells` (S, T)."""
        if not cells.size:
            return np.zeros((len(self.group_of_other), cells.shape[1]), np.bool_)
        per_group = self.groups.any(cells)
        found = per_group[np.maximum(self.group_of_other, 0)]
        return found if (self.group_of_other >= 0).all() else found & (self.group_of_other >= 0)[:, None]


@dataclass(frozen=True, slots=True, eq=False)
class Pairing:
    left: Side
    right: Side

    def swapped(self) -> Pairing:
        return Pairing(self.right, self.left)


def pair(left: LabelFrame, right: LabelFrame, matching: VectorMatching) -> Pairing:
    names = matching.labels
    if not matching.on:
        excluded = {METRIC_NAME, *matching.labels}
        names = tuple(sorted((left.columns.keys() | right.columns.keys()) - excluded))
    codes_left, codes_right = shared_codes([left, right], names)
    codes = [np.concatenate(both) for both in zip(codes_left, codes_right, strict=True)]
    group = group_codes(left.size + right.size, codes).group
    group_left, group_right = group[: left.size], group[left.size :]
    grouping_left, grouping_right = (group_codes(len(side), [side]) for side in (group_left, group_right))
    return Pairing(
        Side(Groups(grouping_left), _lookup(group_left, grouping_left, group_right)),
        Side(Groups(grouping_right), _lookup(group_right, grouping_right, group_left)),
    )


def _lookup(group_here: Rows, grouping_here: Grouping, group_there: Rows) -> Rows:
    """For each series there its match group here, by the grouping's own numbers, or NONE."""
    numbers = np.full(max(group_here.max(initial=0), group_there.max(initial=0)) + 1, NONE, np.intp)
    numbers[group_here[grouping_here.first]] = np.arange(grouping_here.size)
    return numbers[group_there]


def match_labels(labels: LabelFrame, matching: VectorMatching) -> LabelFrame:
    """The labels that decide on a match."""
    return labels.keep(matching.labels) if matching.on else labels.drop({METRIC_NAME, *matching.labels})
