from __future__ import annotations

import pytest
from config_problems import load_text, problems_of

from monitor.config.load import load_config
from monitor.config.scrape_config import (
    DEFAULT_SCRAPE_PROTOCOLS,
    Authorization,
    BasicAuth,
    FileDiscovery,
    HistogramScraping,
    NameEscaping,
    NameValidation,
    ScrapeConfig,
    ScrapeProtocol,
    Secret,
    StaticGroup,
)
from monitor.model.labels import Labels


def job_of(text: str, head: str = "") -> ScrapeConfig:
    """The job with the keys in `text`, under the sections in `head`."""
    return load_text(f"{head}\nscrape_configs:\n- job_name: a\n  {text}").scrape_configs[0]


def job_problems(text: str, head: str = "") -> list[str]:
    """Problems of a job with the keys in `text`, which starts on line 3 behind one line of `head`."""
    return [line.replace(" scrape_configs[0]", "") for line in problems_of(f"{head}\nscrape_configs:\n- {text}")]


def test_a_job_takes_what_it_does_not_set_from_the_global_section():
    job = job_of(
        "sample_limit: 5",
        "global: {scrape_interval: 5s, sample_limit: 9, label_limit: 3, keep_dropped_targets: 2, body_size_limit: 1KB}",
    )

    assert (job.scrape_interval_ms, job.scrape_timeout_ms, job.keep_dropped_targets) == (5_000, 5_000, 2)
    assert (job.limits.samples, job.limits.labels, job.limits.body_bytes) == (5, 3, 1024)


def test_a_job_has_the_defaults_of_prometheus():
    job = job_of("")

    assert (job.metrics_path, job.scheme, job.honor_labels, job.honor_timestamps) == ("/metrics", "http", False, True)
    assert (job.enable_compression, job.track_timestamps_staleness, job.extra_scrape_metrics) == (True, False, False)
    assert (job.scrape_protocols, job.fallback_scrape_protocol) == (DEFAULT_SCRAPE_PROTOCOLS, None)
    assert (job.http.follow_redirects, job.http.basic_auth, job.http.tls) == (True, None, None)


def test_body_and_series_of_a_target_are_limited_by_our_own_limits():
    job = job_of("", "limits: {scrape_body_size: 2MB, target_series: 7}")

    assert (job.limits.body_bytes, job.limits.series, job.limits.samples) == (2_097_152, 7, 0)
    assert job_of("series_limit: 9").limits.series == 9


@pytest.mark.parametrize(
    ("interval", "timeout", "expected_ms"),
    [
        ("", "", (60_000, 10_000)),
        ("5s", "", (5_000, 5_000)),
        ("200ms", "100ms", (200, 100)),
        ("0", "20s", (60_000, 20_000)),
    ],
)
def test_a_timeout_is_never_longer_than_its_interval(interval, timeout, expected_ms):
    job = job_of(f"scrape_interval: {interval}\n  scrape_timeout: {timeout}")

    assert (job.scrape_interval_ms, job.scrape_timeout_ms) == expected_ms


def test_static_groups_and_params_are_read():
    job = job_of("params: {a: [b, 1], c: }\n  static_configs: [{targets: ['h:1', 'h:2'], labels: {x: 1}}, {targets: }]")

    assert job.params == {"a": ("b", "1"), "c": ()}
    assert job.static_configs == (StaticGroup(("h:1", "h:2"), Labels({"x": "1"}), "0"), StaticGroup((), Labels(), "1"))


def test_file_discovery_has_a_refresh_interval_of_five_minutes():
    job = job_of("file_sd_configs: [{files: [/t/*.json, /u.YML]}, {files: [/v.yaml], refresh_interval: 10s}]")

    assert job.file_sd_configs == (FileDiscovery(("/t/*.json", "/u.YML"), 300_000), FileDiscovery(("/v.yaml",), 10_000))


def test_http_settings_are_read():
    http = job_of("""basic_auth: {username: u, password: p}
  tls_config: {ca_file: /ca, cert: c, key_file: /k, min_version: TLS12, insecure_skip_verify: true}
  follow_redirects: false
  proxy_url: http://proxy:3128
  http_headers: {X-A: {values: [1], secrets: [s], files: [/f]}}""").http

    assert http.basic_auth == BasicAuth("u", Secret("p"))
    assert http.tls is not None
    assert (http.tls.ca_file, http.tls.cert, http.tls.key) == ("/ca", "c", Secret(file="/k"))
    assert (http.tls.min_version, http.tls.insecure_skip_verify) == ("TLS12", True)
    assert (http.follow_redirects, http.proxy_url) == (False, "http://proxy:3128")
    assert http.http_headers == {"X-A": (Secret("1"), Secret("s"), Secret(file="/f"))}


@pytest.mark.parametrize(
    ("text", "authorization"),
    [
        ("authorization: {credentials: c}", Authorization("Bearer", Secret("c"))),
        ("authorization: {type: ' Token ', credentials_file: /f}", Authorization("Token", Secret(file="/f"))),
        ("bearer_token: c", Authorization("Bearer", Secret("c"))),
        ("bearer_token_file: /f", Authorization("Bearer", Secret(file="/f"))),
    ],
)
def test_authorization_may_be_written_in_the_old_way(text, authorization):
    assert job_of(text).http.authorization == authorization


@pytest.mark.parametrize(
    ("head", "text", "expected"),
    [
        ("", "", (NameValidation.UTF8, NameEscaping.ALLOW_UTF8)),
        ("", "metric_name_validation_scheme: legacy", (NameValidation.LEGACY, NameEscaping.UNDERSCORES)),
        ("", "metric_name_escaping_scheme: dots", (NameValidation.UTF8, NameEscaping.DOTS)),
        (
            "global: {metric_name_escaping_scheme: values}",
            "metric_name_validation_scheme: legacy",
            (NameValidation.LEGACY, NameEscaping.UNDERSCORES),
        ),
        ("global: {metric_name_escaping_scheme: values}", "", (NameValidation.UTF8, NameEscaping.VALUES)),
        ("global: {metric_name_validation_scheme: legacy}", "", (NameValidation.LEGACY, NameEscaping.UNDERSCORES)),
    ],
)
def test_escaping_follows_the_validation_that_is_nearest(head, text, expected):
    job = job_of(text, head)

    assert (job.name_validation, job.name_escaping) == expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("metrics_path: /x", "3.job_name: missing, want it to be set"),
        ("job_name: ''", "3.job_name: got nothing, want a value"),
        ("job_name: a\n  honor_lables: true", "4.honor_lables: unknown key, did you mean honor_labels?"),
        ("job_name: a\n  scheme: ftp", "4.scheme: got 'ftp', want http or https"),
        ("job_name: a\n  scrape_timeout: 2m", "4.scrape_timeout: got 2m, want at most the scrape interval of 1m"),
        ("job_name: a\n  sample_limit: -1", "4.sample_limit: got -1, want at least 0"),
        (
            "job_name: a\n  scrape_protocols: [Text]",
            "4.scrape_protocols[0]: got 'Text', want PrometheusProto, OpenMetricsText1.0.0, OpenMetricsText0.0.1, "
            "PrometheusText1.0.0 or PrometheusText0.0.4",
        ),
        (
            "job_name: a\n  scrape_protocols: [PrometheusText0.0.4, PrometheusText0.0.4]",
            "4.scrape_protocols: got one twice: PrometheusText0.0.4, PrometheusText0.0.4",
        ),
        (
            "job_name: a\n  static_configs:\n  - targets: [b, 'http://c/']",
            "5.static_configs[0].targets[1]: got 'http://c/', want host:port without a scheme or path",
        ),
        ("job_name: a\n  static_configs:\n  -", "5.static_configs[0]: got nothing, want a mapping"),
        (
            "job_name: a\n  static_configs:\n  - target: [b]",
            "5.static_configs[0].target: unknown key, did you mean targets?",
        ),
        (
            "job_name: a\n  static_configs: [{labels: {'': x}}]",
            "4.static_configs[0].labels: got an empty name, want a label name",
        ),
        (
            "job_name: a\n  file_sd_configs: [{files: []}]",
            "4.file_sd_configs[0].files: got no file name, want at least one",
        ),
        (
            "job_name: a\n  file_sd_configs: [{files: [a/*/b.json]}]",
            "4.file_sd_configs[0].files[0]: got 'a/*/b.json', want a name that ends in .json, .yml or .yaml, "
            "with * in its last part only",
        ),
        (
            "job_name: a\n  metric_name_validation_scheme: legacy\n  metric_name_escaping_scheme: allow-utf-8",
            "5.metric_name_escaping_scheme: got allow-utf-8, want another scheme where "
            "metric_name_validation_scheme is legacy",
        ),
        (
            "job_name: a\n  basic_auth: {username: u}\n  bearer_token: t",
            "5.bearer_token: got basic_auth and bearer_token, want at most one of basic_auth, authorization, oauth2, "
            "bearer_token or bearer_token_file",
        ),
        (
            "job_name: a\n  authorization: {type: Basic}",
            "4.authorization.type: got 'Basic', want another type: for this one there is basic_auth",
        ),
        (
            "job_name: a\n  tls_config: {cert_file: c}",
            "4.tls_config: got only one of a client certificate and its key, want both or none",
        ),
        (
            "job_name: a\n  tls_config: {min_version: SSL3}",
            "4.tls_config.min_version: got 'SSL3', want TLS10, TLS11, TLS12 or TLS13",
        ),
        (
            "job_name: a\n  http_headers: {Host: {values: [x]}}",
            "4.http_headers.Host: got 'Host', want a header that the client does not set itself",
        ),
        (
            "job_name: a\n  proxy_url: user:hunter2@proxy",
            "4.proxy_url: got something else, want a URL with a host that starts with http://, https:// or socks5://",
        ),
    ],
)
def test_a_mistake_in_a_job_is_named(text, problem):
    assert [line.replace(" ", "", 1) if line[1:3] == " ." else line for line in job_problems(text)] == [problem]


def test_targets_may_be_urls_where_relabelling_takes_them_apart():
    assert (
        job_problems("job_name: a\n  static_configs: [{targets: ['http://c/']}]\n  relabel_configs: [{action: keep}]")
        == []
    )


def test_two_jobs_of_one_name_are_a_mistake():
    assert problems_of("scrape_configs:\n- job_name: a\n- job_name: 'a'") == [
        "3 scrape_configs[1].job_name: got 'a', want a name that no other job has: it is taken at <text>:2"
    ]


def test_a_job_may_ask_for_protobuf_alone():
    job = job_of("scrape_protocols: [PrometheusProto]\n  fallback_scrape_protocol: PrometheusProto")

    assert (job.scrape_protocols, job.fallback_scrape_protocol) == (
        (ScrapeProtocol.PROTOBUF,),
        ScrapeProtocol.PROTOBUF,
    )


def test_native_histograms_are_asked_for_in_protobuf_unless_the_protocols_are_set():
    wanted = "scrape_native_histograms: true"

    assert job_of(wanted).scrape_protocols == (ScrapeProtocol.PROTOBUF, *DEFAULT_SCRAPE_PROTOCOLS)
    assert job_of(f"{wanted}\n  scrape_protocols: [PrometheusText0.0.4]").scrape_protocols == (
        ScrapeProtocol.PROMETHEUS_TEXT_0_0_4,
    )


def test_what_is_taken_of_histograms_comes_from_the_job_or_the_globals():
    config = load_text("""
        global: {scrape_native_histograms: true, always_scrape_classic_histograms: true}
        scrape_configs:
        - {job_name: a, native_histogram_bucket_limit: 50, native_histogram_min_bucket_factor: 1.5}
        - {job_name: b, scrape_native_histograms: false, always_scrape_classic_histograms: false}
        - {job_name: c, scrape_classic_histograms: false}
    """)

    assert [job.histograms for job in config.scrape_configs] == [
        HistogramScraping(native=True, always_classic=True, bucket_limit=50, min_bucket_factor=1.5),
        HistogramScraping(),
        HistogramScraping(native=True),
    ]
    assert config.warnings == ()


def test_a_feature_of_prometheus_asks_for_native_histograms():
    jobs = load_config("scrape_configs: [{job_name: a}]", features={"native-histograms"}).scrape_configs

    assert jobs[0].histograms.native


def test_anchors_share_settings_between_jobs():
    config = load_text("""
        scrape_configs:
        - &base {job_name: a, scrape_interval: 5s, relabel_configs: &rules [{action: keep}]}
        - {<<: *base, job_name: b}
        - {job_name: c, relabel_configs: *rules}
    """)

    a, b, c = config.scrape_configs
    assert (b.scrape_interval_ms, c.scrape_interval_ms) == (5_000, 60_000)
    assert a.relabel_configs == b.relabel_configs == c.relabel_configs
