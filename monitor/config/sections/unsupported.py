"""Keys that Prometheus or Alertmanager know and this service does not do: accepted with a warning each.

A key that stands in no table is a mistake. Upstream: Prometheus 3.14 config/config.go, prometheus/common
config/http_config.go, Alertmanager 0.34 config/config.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from monitor.config.yaml.yaml_reader import Section

_FALSE_TEXTS = frozenset({"false", "False", "FALSE", "no", "off"})


@dataclass(frozen=True, slots=True)
class Unsupported:
    """Why a key is ignored. Values in `harmless` ask for what happens anyway and give no warning."""

    reason: str
    harmless: frozenset[str] = frozenset()


def ignore_unsupported(section: Section, table: Mapping[str, Unsupported]) -> None:
    """Accepts the keys of `table` in `section`, with a warning for each that asks for something."""
    for key, unsupported in table.items():
        section.ignore(key, unsupported.reason, unless=unsupported.harmless)


_SCRAPED_ONLY = "samples are kept here and not sent on"
_CUSTOM_BUCKETS = Unsupported("classic histograms stay classic ones", _FALSE_TEXTS)
_SECRET_MANAGER = Unsupported("there is no secret manager")
_ONE_RECEIVER = "all alerts go to the receiver of the root route, one notification for each change"

TOP_LEVEL = {
    "runtime": Unsupported("it tunes the runtime of Go"),
    "alerting": Unsupported("alerts are routed here, see route and receivers"),
    "remote_write": Unsupported(_SCRAPED_ONLY),
    "remote_read": Unsupported("queries read only what is stored here"),
    "otlp": Unsupported("OTLP is not received"),
    "tracing": Unsupported("traces are not sent"),
    "inhibit_rules": Unsupported("alerts do not inhibit each other"),
    "mute_time_intervals": Unsupported(_ONE_RECEIVER),
    "time_intervals": Unsupported(_ONE_RECEIVER),
    "templates": Unsupported("notifications have a fixed form"),
}

STORAGE = {"exemplars": Unsupported("exemplars are not stored")}

TSDB = {
    "stale_series_compaction_threshold": Unsupported("memory does not depend on when stale series are compacted"),
    "chunk_encoding": Unsupported("samples are stored as matrices, not as chunks"),
}

GLOBAL = {
    "scrape_failure_log_file": Unsupported("failed scrapes are shown with their target and not logged to a file"),
    "convert_classic_histograms_to_nhcb": _CUSTOM_BUCKETS,
}

_DISCOVERIES = (
    "aws", "azure", "consul", "digitalocean", "dns", "docker", "dockerswarm", "ec2", "eureka", "gce", "hetzner",
    "http", "ionos", "kubernetes", "kuma", "lightsail", "linode", "marathon", "nerve", "nomad", "oci", "openstack",
    "outscale", "ovhcloud", "puppetdb", "scaleway", "serverset", "stackit", "triton", "uyuni", "vultr",
)  # fmt: skip

SCRAPE = {
    "scrape_failure_log_file": GLOBAL["scrape_failure_log_file"],
    "convert_classic_histograms_to_nhcb": _CUSTOM_BUCKETS,
    **{
        f"{name}_sd_configs": Unsupported("its targets are not found, use static_configs or file_sd_configs")
        for name in _DISCOVERIES
    },
}

HTTP_CLIENT = {
    "oauth2": Unsupported("requests are sent without an OAuth 2.0 token"),
    "enable_http2": Unsupported("requests are sent with HTTP/1.1", _FALSE_TEXTS),
    "no_proxy": Unsupported("proxy_url is used for every host"),
    "proxy_from_environment": Unsupported("only proxy_url names a proxy", _FALSE_TEXTS),
    "proxy_connect_header": Unsupported("proxies get no extra headers"),
}

BASIC_AUTH = {"username_ref": _SECRET_MANAGER, "password_ref": _SECRET_MANAGER}
AUTHORIZATION = {"credentials_ref": _SECRET_MANAGER}
TLS = {"ca_ref": _SECRET_MANAGER, "cert_ref": _SECRET_MANAGER, "key_ref": _SECRET_MANAGER}

ROUTE = {
    key: Unsupported(_ONE_RECEIVER)
    for key in (
        "group_by", "group_wait", "group_interval", "repeat_interval", "routes", "matchers", "match", "match_re",
        "continue", "mute_time_intervals", "active_time_intervals", "labels",
    )
}  # fmt: skip

RECEIVER = {
    f"{name}_configs": Unsupported("nothing is sent there, use webhook_configs")
    for name in (
        "discord", "email", "incidentio", "jira", "mattermost", "msteams", "msteamsv2", "opsgenie", "pagerduty",
        "pushover", "rocketchat", "slack", "sns", "telegram", "victorops", "webex", "wechat",
    )
}  # fmt: skip

WEBHOOK = {"payload": Unsupported("the body has the fixed form of version 4")}
