from __future__ import annotations

import pytest
from config_problems import load_text, problems_of, warnings_of

JOB = "scrape_configs: [{job_name: a, "


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("remote_write: [{url: http://x}]", "remote_write"),
        ("remote_read: [{url: http://x}]", "remote_read"),
        ("alerting: {alertmanagers: [{static_configs: [{targets: [a]}]}]}", "alerting"),
        ("otlp: {promote_scope_metadata: true}", "otlp"),
        ("tracing: {endpoint: x}", "tracing"),
        ("runtime: {gogc: 50}", "runtime"),
        ("storage: {exemplars: {max_exemplars: 5}}", "storage.exemplars"),
        ("storage: {tsdb: {stale_series_compaction_threshold: 0.5}}", "storage.tsdb.stale_series_compaction_threshold"),
        ("global: {convert_classic_histograms_to_nhcb: true}", "global.convert_classic_histograms_to_nhcb"),
        (JOB + "kubernetes_sd_configs: [{role: pod}]}]", "scrape_configs[0].kubernetes_sd_configs"),
        (JOB + "oauth2: {client_id: x, token_url: y}}]", "scrape_configs[0].oauth2"),
        (JOB + "enable_http2: true}]", "scrape_configs[0].enable_http2"),
        (JOB + "basic_auth: {username: a, password_ref: b}}]", "scrape_configs[0].basic_auth.password_ref"),
        ("inhibit_rules: [{equal: [a]}]", "inhibit_rules"),
        ("receivers: [{name: r, slack_configs: [{}]}]\nroute: {receiver: r}", "receivers[0].slack_configs"),
        ("receivers: [{name: r}]\nroute:\n  receiver: r\n  group_by: [a]", "route.group_by"),
    ],
)
def test_a_key_that_upstream_knows_gives_one_warning_with_its_place(text, path):
    warnings = warnings_of(text)

    assert len(warnings) == 1
    assert warnings[0].split(" ", 1)[1].startswith(f"{path}: ignored: ")


@pytest.mark.parametrize(
    "text",
    [
        "global: {scrape_native_histograms: false, convert_classic_histograms_to_nhcb: false}",
        JOB + "enable_http2: false, proxy_from_environment: false, kubernetes_sd_configs: }]",
    ],
)
def test_what_asks_for_nothing_else_gives_no_warning(text):
    assert warnings_of(text) == []


def test_a_misspelt_key_is_a_mistake_even_among_unsupported_ones():
    assert problems_of("remote_writes: []") == ["1 remote_writes: unknown key, did you mean remote_write?"]
    assert problems_of(JOB + "kubernets_sd_configs: []}]") == [
        "1 scrape_configs[0].kubernets_sd_configs: unknown key, did you mean kubernetes_sd_configs?"
    ]


def test_what_is_ignored_does_not_change_the_rest():
    with_it = load_text(JOB + "kubernetes_sd_configs: [{role: pod}]}]")

    assert with_it.scrape_configs == load_text(JOB + "}]").scrape_configs
