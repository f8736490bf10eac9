"""What the service says of its own scraping."""

from __future__ import annotations

from dataclasses import dataclass

from prometheus_client import CollectorRegistry, Counter, Gauge

from monitor.errors import ScrapeFailure


@dataclass(frozen=True, slots=True)
class ScrapeMetrics:
    """Counters of all targets together; none has a label whose values grow with the fleet."""

    scrapes: Counter
    samples: Counter
    layout_changes: Counter
    skipped_ticks: Counter
    duplicate_samples: Counter
    samples_too_far_ahead: Counter
    series_dropped_by_limit: Counter
    append_failures: Counter
    loop_errors: Counter
    targets: Gauge
    sync_failures: Counter
    discovery_errors: Counter
    failures: dict[ScrapeFailure, Counter]


def new_scrape_metrics(registry: CollectorRegistry) -> ScrapeMetrics:
    """Registers them; once for each registry."""

    def counter(name: str, text: str) -> Counter:
        return Counter(f"plimsoll_{name}", text, registry=registry)

    failures = Counter(
        "plimsoll_scrape_failures", "Scrapes that gave nothing, by reason.", ["reason"], registry=registry
    )
    return ScrapeMetrics(
        scrapes=counter("scrapes", "Scrapes begun."),
        samples=counter("scrape_samples", "Samples in scraped bodies."),
        layout_changes=counter("scrape_layout_changes", "Scrapes that exposed other series than the one before."),
        skipped_ticks=counter("scrape_skipped_ticks", "Scrapes left out because the one before took too long."),
        duplicate_samples=counter("scrape_duplicate_samples", "Samples of a series that its body had already."),
        samples_too_far_ahead=counter("scrape_samples_too_far_ahead", "Samples with a timestamp far in the future."),
        series_dropped_by_limit=counter("scrape_series_dropped", "New series left out because of a series limit."),
        append_failures=counter("scrape_append_failures", "Scrapes whose samples the store did not take."),
        loop_errors=counter("scrape_loop_errors", "Scrapes that ended with an error of ours."),
        targets=Gauge("plimsoll_scrape_targets", "Targets that are scraped.", registry=registry),
        sync_failures=counter("scrape_target_failures", "Discovered targets that make no sense."),
        discovery_errors=counter("scrape_discovery_errors", "Discoveries that ended with an error of ours."),
        failures={failure: failures.labels(failure.value) for failure in ScrapeFailure},
    )
