"""The label that tells the components of a native histogram apart is the store's own: readers of labels see none."""

from __future__ import annotations

from monitor.model.label_frame import LabelFrame
from monitor.model.native_histograms import COMPONENT_LABEL


def without_components(labels: LabelFrame) -> LabelFrame:
    """Each histogram once, under the labels that it has."""
    if COMPONENT_LABEL not in labels.columns:
        return labels
    shown = labels.drop([COMPONENT_LABEL])
    grouping = shown.group()
    return shown if grouping.size == shown.size else shown.take(grouping.first)
