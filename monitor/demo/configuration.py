"""The configuration and the rules that the demo writes for the service: files as anyone would write them."""

from __future__ import annotations

import json
import sys

from monitor.demo.settings import ALERT, ALERT_LINE_SECONDS, JOB, POLICY, REPLICAS_MAX, TARGET_RATE, Addresses, Places

RECEIVER_PATH = "/alerts"

REQUEST_RATE = f'sum(rate(http_server_request_duration_seconds_count{{job="{JOB}"}}[5s]))'


def quantile_of(ratio: float) -> str:
    """The PromQL of a quantile of the shop's latency over the last five scrapes."""
    buckets = f'http_server_request_duration_seconds_bucket{{job="{JOB}"}}'
    return f"histogram_quantile({ratio:g}, sum by (le) (rate({buckets}[5s])))"


def write_configuration(places: Places, addresses: Addresses, signing_secret: str) -> None:
    """Writes plimsoll.yml, which holds a secret and is readable for its owner only, and rules.yml."""
    places.directory.mkdir(parents=True, exist_ok=True)
    places.rules.write_text(rules_text())
    places.config.touch(mode=0o600)
    places.config.write_text(config_text(places, addresses, signing_secret))


def config_text(places: Places, addresses: Addresses, signing_secret: str) -> str:
    """What stands in plimsoll.yml. JSON strings and lists are YAML, too."""
    command = [sys.executable, "-m", "monitor.demo.shop", "--port", "{port}"]
    return f"""\
# Written by `plimsoll demo`.
global:
  scrape_interval: 1s
  scrape_timeout: 1s
  evaluation_interval: 1s

rule_files: [{json.dumps(str(places.rules))}]

scrape_configs:
  # The shop's processes: the process actuator below lists those that run.
  - job_name: {JOB}
    file_sd_configs:
      - files: [{json.dumps(str(places.fleet / "targets.json"))}]
        refresh_interval: 1s
  # The service itself.
  - job_name: plimsoll
    static_configs:
      - targets: [{json.dumps(addresses.service)}]

route:
  receiver: terminal
receivers:
  - name: terminal
    webhook_configs:
      - url: http://127.0.0.1:{addresses.receiver_port}{RECEIVER_PATH}
        signing_secret: {signing_secret}

scaling_policies:
  - name: {POLICY}
    # Requests a second of the whole shop; each process is to carry {TARGET_RATE} of them.
    expr: {json.dumps(REQUEST_RATE)}
    target_value: {TARGET_RATE}
    min_replicas: 1
    max_replicas: {REPLICAS_MAX}
    interval: 1s
    metric_max_age: 10s
    scale_down:
      stabilization_window: 8s
    dry_run: false
    actuator:
      process:
        command: {json.dumps(command)}
        listen: 127.0.0.1:{addresses.shop_port}
        ports: {json.dumps(list(addresses.replica_ports))}
        graceful_stop: 5s
"""


def rules_text() -> str:
    """What stands in rules.yml."""
    return f"""\
# Written by `plimsoll demo`.
groups:
  - name: shop
    rules:
      - record: shop:request_duration_seconds:p99
        expr: {quantile_of(0.99)}
      - alert: {ALERT}
        expr: shop:request_duration_seconds:p99 > {ALERT_LINE_SECONDS:g}
        for: 2s
        keep_firing_for: 3s
        labels:
          severity: page
        annotations:
          summary: "1 of 100 buyers waits {{{{ $value | humanizeDuration }}}} or longer"
          description: "p99 of the shop is above {ALERT_LINE_SECONDS:g} s: more buyers than database connections."
"""
