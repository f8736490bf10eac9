from __future__ import annotations

import os
from pathlib import Path

import pytest
from config_problems import lines, load_text, problems_of, warnings_of

from monitor.config.config import Config
from monitor.config.load import load_config
from monitor.config.scrape_config import NameEscaping, NameValidation, ScrapeProtocol, Secret
from monitor.errors import ConfigError


def test_an_empty_configuration_has_the_defaults_of_prometheus():
    config = load_text("")

    found = config.global_config
    assert (found.scrape_interval_ms, found.scrape_timeout_ms, found.evaluation_interval_ms) == (60_000, 10_000, 60_000)
    assert (config.scrape_configs, config.rule_files, config.warnings) == ((), (), ())
    assert config.storage.retention.time_ms == 15 * 86_400_000
    assert config.global_config.limits.body_bytes == config.limits.scrape_body_bytes


@pytest.mark.parametrize("text", ["global:", "global: {}", "storage:", "storage: {tsdb: }", "scrape_configs: []"])
def test_empty_sections_are_the_same_as_none(text):
    config = load_text(text)

    assert (config.global_config, config.storage) == (load_text("").global_config, load_text("").storage)


def test_global_settings_are_read():
    config = load_text("""
        global:
          scrape_interval: 500ms
          evaluation_interval: 10s
          rule_query_offset: 5s
          sample_limit: 10
          keep_dropped_targets: 3
          scrape_protocols: [PrometheusText0.0.4]
          metric_name_validation_scheme: legacy
    """).global_config

    assert (config.scrape_interval_ms, config.scrape_timeout_ms) == (500, 500)
    assert (config.evaluation_interval_ms, config.rule_query_offset_ms) == (10_000, 5_000)
    assert (config.limits.samples, config.keep_dropped_targets) == (10, 3)
    assert config.scrape_protocols == (ScrapeProtocol.PROMETHEUS_TEXT_0_0_4,)
    assert (config.name_validation, config.name_escaping) == (NameValidation.LEGACY, NameEscaping.UNDERSCORES)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("globl: {}", "1 globl: unknown key, did you mean global?"),
        ("global: {scrape_intervl: 5s}", "1 global.scrape_intervl: unknown key, did you mean scrape_interval?"),
        ("global: 5", "1 global: got a single value, want a mapping"),
        (
            "global:\n  scrape_interval: 5s\n  scrape_timeout: 10s",
            "3 global.scrape_timeout: got 10s, want at most the scrape interval of 5s",
        ),
        ("global: {scrape_timeout: 2m}", "1 global.scrape_timeout: got 2m, want at most the scrape interval of 1m"),
        ("global: {external_labels: {'': x}}", "1 global.external_labels: got '', want a label name"),
        (
            "global: {metric_name_validation_scheme: legacy, external_labels: {a-b: x}}",
            "1 global.external_labels: got 'a-b', want a label name",
        ),
        (
            "global: {metric_name_validation_scheme: utf9}",
            "1 global.metric_name_validation_scheme: got 'utf9', want utf8 or legacy",
        ),
        ("rule_files: a.yml", "1 rule_files: got a single value, want a list"),
        (
            "rule_files:\n- a/*/b.yml",
            "2 rule_files[0]: got 'a/*/b.yml', want a file name with * in its last part only",
        ),
        (
            "storage: {tsdb: {retention: {size: 5}}}",
            "1 storage.tsdb.retention.size: got '5', want a size with a unit such as 512KB, 64MB or 1GB",
        ),
        (
            "storage: {tsdb: {retention: {percentage: 101}}}",
            "1 storage.tsdb.retention.percentage: got 101.0, want at most 100.0",
        ),
        ("storage: {commit_interval: 0}", "1 storage.commit_interval: got '0', want at least 1ms"),
        (
            "alerts_database: mysql://root:hunter2@db/x",
            "1 alerts_database: got something else, want a database URL that starts with sqlite:// or postgresql://",
        ),
    ],
)
def test_a_mistake_is_named_with_line_path_got_and_wanted(text, problem):
    assert problems_of(text) == [problem]


def test_external_labels_take_variables_from_the_environment():
    config = load_text("global: {external_labels: {zone: '${ZONE}', cost: $$5, none: $NONE}}", {"ZONE": "eu"})

    assert dict(config.global_config.external_labels) == {"zone": "eu", "cost": "$5"}
    assert lines(config.warnings) == ["1 global.external_labels.none: the environment variable NONE is not set"]


def test_external_labels_take_variables_of_the_process_by_default():
    config = load_config("global: {external_labels: {path: $PATH}}")

    assert config.global_config.external_labels["path"] == os.environ["PATH"]


def test_storage_settings_are_read():
    storage = load_text("""
        storage:
          tsdb: {out_of_order_time_window: 30m, retention: {time: 30d, size: 10GB}}
          commit_interval: 500ms
          block_span: 1h
    """).storage

    assert (storage.out_of_order_time_window_ms, storage.commit_interval_ms, storage.block_span_ms) == (
        1_800_000, 500, 3_600_000,
    )  # fmt: skip
    assert (storage.retention.time_ms, storage.retention.size_bytes) == (30 * 86_400_000, 10 * 2**30)


@pytest.mark.parametrize(
    ("retention", "time_ms"), [("{}", 15 * 86_400_000), ("{size: 1GB}", 0), ("{time: 1h}", 3_600_000)]
)
def test_time_limits_retention_only_where_nothing_else_does(retention, time_ms):
    assert load_text(f"storage: {{tsdb: {{retention: {retention}}}}}").storage.retention.time_ms == time_ms


def test_the_feature_of_extra_scrape_metrics_changes_their_default():
    text = "scrape_configs: [{job_name: a}, {job_name: b, extra_scrape_metrics: false}]"

    jobs = load_config(text, features={"extra-scrape-metrics"}).scrape_configs

    assert [job.extra_scrape_metrics for job in jobs] == [True, False]


def test_the_alerts_database_is_a_secret():
    config = load_text("alerts_database: postgresql+psycopg://me:hunter2@db/alerts")

    assert config.alerts_database == Secret("postgresql+psycopg://me:hunter2@db/alerts")
    assert "hunter2" not in repr(config)


def write(directory: Path, name: str, text: str) -> Path:
    path = directory / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return path


def test_scrape_config_files_add_jobs_with_paths_of_their_own(tmp_path: Path):
    main = write(tmp_path, "p.yml", "scrape_config_files: ['jobs/*.yml']\nscrape_configs: [{job_name: a}]")
    write(tmp_path, "jobs/b.yml", "scrape_configs: [{job_name: b, file_sd_configs: [{files: [t.json]}]}]")

    config = load_config(main)

    assert [job.job_name for job in config.scrape_configs] == ["a", "b"]
    assert config.scrape_configs[1].file_sd_configs[0].files == (str(tmp_path / "jobs/t.json"),)
    assert config.files == (str(main), str(tmp_path / "jobs/b.yml"))


def test_problems_of_all_files_are_reported_with_their_names(tmp_path: Path):
    main = write(tmp_path, "p.yml", "scrape_config_files: ['*.yaml']\nscrape_configs: [{job_name: a}]\nx: 1")
    write(tmp_path, "1.yaml", "scrape_configs:\n- job_name: a\n")
    write(tmp_path, "2.yaml", "\tx")

    with pytest.raises(ConfigError) as caught:
        load_config(main)

    assert [str(problem).removeprefix(f"{tmp_path}/") for problem in caught.value.problems] == [
        "p.yml:3: x: unknown key",
        f"1.yaml:2: scrape_configs[0].job_name: got 'a', want a name that no other job has: it is taken at {main}:2",
        "2.yaml:1: got a tab, want spaces for indentation",
    ]


def test_rule_files_start_at_the_directory_of_the_configuration(tmp_path: Path):
    write(tmp_path, "there.yml", "")
    main = write(tmp_path, "p.yml", "rule_files: [there.yml, gone.yml, '*.rules', /abs.yml]")

    config = load_config(main)

    assert config.rule_files == (f"{tmp_path}/there.yml", f"{tmp_path}/gone.yml", f"{tmp_path}/*.rules", "/abs.yml")
    assert [warning.message for warning in config.warnings] == [
        f"there is no file {tmp_path}/gone.yml",
        "there is no file /abs.yml",
    ]


def test_a_configuration_is_frozen():
    config = Config()

    with pytest.raises(AttributeError):
        config.limits = None  # type: ignore[misc,assignment]


def test_nothing_is_warned_of_without_a_reason():
    assert warnings_of("scrape_configs: [{job_name: a, enable_http2: false}]") == []


def test_a_file_name_that_no_file_can_have_gives_a_warning():
    (warning,) = load_config(f"rule_files: [{'9' * 300}]").warnings

    assert warning.message.startswith("there is no file ")
