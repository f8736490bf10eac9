"""One URL that is scraped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import blake2b
from urllib.parse import quote, quote_plus

from monitor.config.scrape_config import ScrapeConfig
from monitor.model.labels import Labels

ADDRESS_LABEL = "__address__"
SCHEME_LABEL = "__scheme__"
METRICS_PATH_LABEL = "__metrics_path__"
SCRAPE_INTERVAL_LABEL = "__scrape_interval__"
SCRAPE_TIMEOUT_LABEL = "__scrape_timeout__"
PARAM_LABEL_PREFIX = "__param_"
META_LABEL_PREFIX = "__meta_"
RESERVED_LABEL_PREFIX = "__"
JOB_LABEL = "job"
INSTANCE_LABEL = "instance"

# What Go's url.URL leaves as it is in a path and in a query.
_PATH_SAFE = "/$&+,:;=@"


@dataclass(frozen=True, slots=True)
class Target:
    """What to fetch, how often, and which labels its samples get.

    `key` identifies it: a target with the same labels and URL has the same key after a reload and after a restart.
    `url` is already encoded. `labels` are those that samples get; `discovered_labels` those before relabelling.
    """

    key: str
    url: str
    labels: Labels
    discovered_labels: Labels
    scrape_interval_ms: int
    scrape_timeout_ms: int
    config: ScrapeConfig


@dataclass(frozen=True, slots=True)
class DroppedTarget:
    """What relabelling dropped, to be shown."""

    discovered_labels: Labels
    config: ScrapeConfig


def target_key(labels: Labels, url: str) -> str:
    """16 hexadecimal digits from all labels, reserved ones included, and the URL, as upstream's Target.hash."""
    return blake2b(f"{labels.fingerprint()}{url}".encode(), digest_size=8).hexdigest()


def public_labels(labels: Mapping[str, str]) -> Labels:
    """Without those that start with two underscores."""
    return Labels({name: value for name, value in labels.items() if not name.startswith(RESERVED_LABEL_PREFIX)})


def target_url(labels: Mapping[str, str], params: Mapping[str, tuple[str, ...]]) -> str:
    """The URL that labels and parameters describe, encoded. A `__param_x` label replaces the first value of `x`."""
    values = {name: list(texts) for name, texts in params.items()}
    for name, value in labels.items():
        if name.startswith(PARAM_LABEL_PREFIX):
            values.setdefault(name.removeprefix(PARAM_LABEL_PREFIX), [])[:1] = [value]
    query = "&".join(f"{quote_plus(name)}={quote_plus(text)}" for name in sorted(values) for text in values[name])
    path = quote(labels.get(METRICS_PATH_LABEL, ""), safe=_PATH_SAFE)
    separator = "" if path.startswith("/") or not path else "/"
    url = f"{labels[SCHEME_LABEL]}://{labels[ADDRESS_LABEL]}{separator}{path}"
    return f"{url}?{query}" if query else url
