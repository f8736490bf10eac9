"""A prometheus.yml as people have it, some of whose sections are not done here."""

from __future__ import annotations

_CONFIG = """\
global:
  scrape_interval: 15s
  evaluation_interval: 15s
  external_labels: {cluster: blue, replica: a}
  query_log_file: /var/log/prometheus/queries.log
alerting:
  alertmanagers:
  - static_configs: [{targets: ['alertmanager.example.org:9093']}]
remote_write:
- url: https://metrics.example.org/api/v1/push
  basic_auth: {username: blue, password: not-a-real-password}
remote_read:
- url: https://metrics.example.org/api/v1/read
rule_files: [rules/*.yml]
scrape_configs:
- job_name: web
  scrape_interval: 200ms
  scrape_timeout: 200ms
  static_configs: [{targets: ['127.0.0.1:PORT'], labels: {env: test}}]
  metric_relabel_configs:
  - {source_labels: [__name__], regex: 'go_.*', action: drop}
- job_name: kubernetes-pods
  kubernetes_sd_configs: [{role: pod}]
  relabel_configs:
  - {source_labels: [__meta_kubernetes_pod_annotation_prometheus_io_scrape], action: keep, regex: true}
"""

NOT_DONE = {
    "alerting": 6,
    "remote_write": 9,
    "remote_read": 12,
    "scrape_configs[1].kubernetes_sd_configs": 23,
}
"""What it asks for in vain, and in which lines."""


def ordinary_config(port: int) -> str:
    """Its one target listens at `port` on loopback."""
    return _CONFIG.replace("PORT", str(port))
