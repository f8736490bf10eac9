"""`promtool check config` and this service say yes and no to the same configurations."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from config_problems import problems_of
from peers import find_peer

JOB = "scrape_configs:\n- job_name: a\n  "
RULE = JOB + "relabel_configs:\n  - "
METRIC_RULE = JOB + "metric_relabel_configs:\n  - "
HTTP = JOB + "basic_auth: {username: u, password: p}\n  "

SNIPPETS = [
    "",
    "global:",
    "global: {}",
    "global: 5",
    "[]",
    "text",
    "scrape_configs:",
    "scrape_configs: {}",
    "scrape_configs:\n-",
    "globl: {}",
    "a: 1\na: 2",
    "global: {scrape_interval: 5s}\nglobal: {}",
    "global: {scrape_interval: 5s",
    # Durations, sizes, numbers, flags, texts
    *(
        f"{JOB}scrape_interval: {text}"
        for text in ("5s", "5", "0", "''", "", "500ms", "1h30m", "30m1h", "1.5s", "-5s", "1d")
    ),
    *(
        f"{JOB}body_size_limit: {text}"
        for text in ("0", "10", "10B", "10KB", "10kB", "1.5GB", "1GiB512MiB", "1GB512MiB", "''")
    ),
    *(f"{JOB}sample_limit: {text}" for text in ("0", "10", "'10'", "-1", "1e3", "1_000", "x", "true", "")),
    *(f"{JOB}honor_labels: {text}" for text in ("true", "yes", "y", "on", "'true'", "1", "False", "[]", "")),
    *(f"{JOB}metrics_path: {text}" for text in ("/x", "5", "true", "''", "", "[]", "{}")),
    # Timing
    "global: {scrape_interval: 5s, scrape_timeout: 10s}",
    "global: {scrape_timeout: 2m}",
    JOB + "scrape_timeout: 2m",
    "global: {scrape_interval: 5s}\n" + JOB,
    "global: {scrape_timeout: 5s}\n" + JOB + "scrape_interval: 1s",
    JOB + "scrape_interval: 1s\n  scrape_timeout: 2s",
    JOB + "scrape_interval: 200ms\n  scrape_timeout: 100ms",
    # Names
    "scrape_configs:\n- job_name: ''",
    "scrape_configs:\n- metrics_path: /x",
    JOB + "\n- job_name: a",
    JOB + "\n- job_name: b",
    "global: {external_labels: {'': x}}",
    "global: {external_labels: {a: 1, b: , c: true}}",
    "global: {external_labels: [a]}",
    "global: {external_labels: {'ä b': x}}",
    JOB + "params: {a: b}",
    JOB + "params: {a: [b, 1]}",
    JOB + "params: [a]",
    JOB + "metric_name_escaping_scheme: bad",
    JOB + "metric_name_validation_scheme: legacy\n  metric_name_escaping_scheme: allow-utf-8",
    JOB + "metric_name_validation_scheme: legacy\n  metric_name_escaping_scheme: dots",
    # Discovery
    *(
        f"{JOB}static_configs: {text}"
        for text in (
            "[{targets: [b]}]",
            "[{targets: }]",
            "[{targets: b}]",
            "[{targets: [1, b]}]",
            "[{targets: [{}]}]",
            "[]",
            "{}",
            "[{}]",
            "[{targets: ['http://b']}]",
            "[{targets: ['b/c']}]",
            "[{labels: {a: 1, b: }}]",
            "[{labels: {'': x}}]",
            "[~]",
            "[{x: 1}]",
        )
    ),
    JOB + "static_configs: [{targets: ['http://b/']}]\n  relabel_configs: [{action: keep}]",
    *(
        f"{JOB}file_sd_configs: [{{files: {text}}}]"
        for text in (
            "[a.json]",
            "[a.yml, b.yaml]",
            "['*.JSON']",
            "[]",
            "",
            "[a.txt]",
            "['a/*/b.json']",
            "['a*b.json']",
            "a.json",
        )
    ),
    JOB + "file_sd_configs: [{files: [a.json], refresh_interval: 10s}]",
    JOB + "file_sd_configs: [{file: [a.json]}]",
    JOB + "kubernetes_sd_configs: [{role: pod}]",
    JOB + "kubernets_sd_configs: [{role: pod}]",
    # Protocols
    *(
        f"{JOB}scrape_protocols: {text}"
        for text in (
            "[]",
            "[PrometheusProto]",
            "[PrometheusText1.0.0, PrometheusText0.0.4]",
            "[Text]",
            "",
            "PrometheusProto",
            "[PrometheusText1.0.0, PrometheusText1.0.0]",
        )
    ),
    "global: {scrape_protocols: []}",
    JOB + "fallback_scrape_protocol: PrometheusText0.0.4",
    JOB + "fallback_scrape_protocol: x",
    # Authentication
    HTTP,
    HTTP + "authorization: {credentials: c}",
    HTTP + "bearer_token: c",
    HTTP + "oauth2: {client_id: a, token_url: b}",
    JOB + "basic_auth: {username: u, password: p, password_file: f}",
    JOB + "bearer_token: a\n  bearer_token_file: b",
    JOB + "authorization: {type: Basic, credentials: c}",
    JOB + "authorization: {type: Token, credentials: c}",
    JOB + "authorization: {credentials: a, credentials_file: b}",
    JOB + "basic_auth: {user: u}",
    JOB + "basic_auth: ",
    JOB + "http_headers: {X-A: {values: [a], secrets: [b]}}",
    JOB + "http_headers: {Host: {values: [a]}}",
    JOB + "http_headers: {user-agent: {values: [a]}}",
    JOB + "proxy_url: http://proxy:1",
    JOB + "tls_config: {min_version: TLS12}",
    JOB + "tls_config: {min_version: SSL3}",
    JOB + "tls_config: {cert: c}",
    JOB + "tls_config: {insecure_skip_verify: true}",
    JOB + "follow_redirects: false",
    # Relabelling
    *(
        RULE + text
        for text in (
            "{target_label: b}",
            "{}",
            "{action: keep}",
            "{action: REPLACE, target_label: b}",
            "{action: }",
            "{action: x}",
            "{action: keepequal, target_label: b, source_labels: [a]}",
            "{action: keepequal, target_label: b, regex: a}",
            "{action: keepequal, target_label: b, regex: (.*)}",
            "{action: keepequal, target_label: b, separator: ;}",
            "{action: keepequal, target_label: b, separator: }",
            "{action: dropequal, target_label: b, replacement: x}",
            "{action: dropequal, source_labels: [a]}",
            "{action: hashmod, target_label: b, modulus: 5}",
            "{action: hashmod, target_label: b}",
            "{action: hashmod, modulus: 5}",
            "{action: labeldrop, regex: a}",
            "{action: labeldrop, regex: a, source_labels: [b]}",
            "{action: labelkeep, regex: a, target_label: b}",
            "{action: labelkeep, regex: a, separator: x}",
            "{action: labeldrop, regex: a, replacement: x}",
            "{action: labelmap, regex: a}",
            "{action: labelmap, regex: a, replacement: ''}",
            "{action: lowercase, target_label: b, replacement: x}",
            "{action: uppercase, target_label: b, source_labels: [a]}",
            "{target_label: b, regex: '('}",
            "{target_label: b, regex: 'a(?=b)'}",
            "{target_label: 'a b'}",
            "{target_label: '${1}-x'}",
            "{target_label: b, source_labels: a}",
            "{target_label: b, modulus: x}",
        )
    ),
    *(METRIC_RULE + text for text in ("{action: drop, regex: a}", "{action: drop, regexp: a}", "~")),
    # Files and other sections
    "rule_files: ['a/*.yml']",
    "rule_files: ['a/*/b.yml']",
    "rule_files: a",
    "scrape_config_files: ['*.none']",
    "scrape_config_files: ['a/*/*.yml']",
    "storage: {tsdb: {out_of_order_time_window: 5m}}",
    "storage: {tsdb: {out_of_order: 5m}}",
    "remote_write: [{url: 'http://x'}]",
    "remote_wirte: []",
    "storage: {exemplars: {max_exemplars: 5}}",
    "runtime: {gogc: 5}",
    "scrape_configs:\n- &x {job_name: a, metrics_path: /x}\n- {<<: *x, job_name: b}",
    "scrape_configs: *x",
]

STRICTER = {
    "an octal number": JOB + "sample_limit: 010",
    "a broken number": JOB + "sample_limit: 1.5",
    "a scheme that cannot be scraped": JOB + "scheme: ftp",
    "a proxy without a scheme": JOB + "proxy_url: proxy",
    "an unknown validation scheme": "global: {metric_name_validation_scheme: utf9}",
    "an unknown escaping scheme nobody uses": "global: {metric_name_escaping_scheme: x}",
    "a negative size": JOB + "body_size_limit: -1GiB",
}


def accepted_by_promtool(texts: list[str], directory: Path) -> list[bool]:
    files = [directory / f"{index}.yml" for index in range(len(texts))]
    for file, text in zip(files, texts, strict=True):
        file.write_text(text)
    command = [find_peer("PROMTOOL"), "check", "config", *map(str, files)]
    output = subprocess.run(command, capture_output=True, text=True, check=False)
    verdicts = re.findall(r"(SUCCESS|FAILED): ", output.stdout + output.stderr)
    assert len(verdicts) == len(texts)
    refused = set(re.findall(r"FAILED: parsing YAML file (\S+):", output.stdout + output.stderr))
    return [str(file) not in refused for file in files]


def test_promtool_and_we_accept_and_refuse_the_same(tmp_path):
    verdicts = accepted_by_promtool(SNIPPETS, tmp_path)

    different = [text for text, accepted in zip(SNIPPETS, verdicts, strict=True) if accepted == bool(problems_of(text))]
    assert different == []
    assert 60 < sum(verdicts) < len(verdicts) - 60


def test_we_refuse_more_only_where_it_could_never_work(tmp_path):
    assert all(accepted_by_promtool(list(STRICTER.values()), tmp_path))
    assert [name for name, text in STRICTER.items() if not problems_of(text)] == []
