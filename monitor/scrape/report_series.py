"""The series that tell of a target's scrapes: `up` and its companions, columns of the same row as what it exposes."""

from __future__ import annotations

from dataclasses import dataclass

from monitor.model.label_frame import LabelFrame
from monitor.model.labels import METRIC_NAME

REPORT_NAMES = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)
EXTRA_REPORT_NAMES = ("scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes")


@dataclass(frozen=True, slots=True)
class ReportFrames:
    """The labels of the report series without those of a target. One object for the process, so that layouts shared
    by targets share them too."""

    usual: LabelFrame
    extra: LabelFrame

    def of(self, extra_scrape_metrics: bool) -> LabelFrame:
        return self.extra if extra_scrape_metrics else self.usual


def new_report_frames() -> ReportFrames:
    def frame(names: tuple[str, ...]) -> LabelFrame:
        return LabelFrame.of([{METRIC_NAME: name} for name in names])

    return ReportFrames(frame(REPORT_NAMES), frame(REPORT_NAMES + EXTRA_REPORT_NAMES))
