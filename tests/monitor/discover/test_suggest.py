from __future__ import annotations

from pathlib import Path

from config_problems import load_text

from monitor.discover.evidence import Address
from monitor.discover.recognise import Finding, Kind
from monitor.discover.suggest import Places, suggest

PLACES = Places(Path("/rules"), Path("/dashboards"), Path("/preload.cjs"))
DURATION = "http_server_request_duration_seconds"


def server(
    port: int = 8080, runtime: str = "go", framework: str = "gin", pid: int | None = 1, **settings: object
) -> Finding:
    fields = {
        "address": Address("127.0.0.1", port),
        "kind": Kind.SERVER,
        "name": "shop",
        "runtime": runtime,
        "tells_runtime": False,
        "framework": framework,
        "scheme": "http",
        "metrics_path": "/metrics",
        "metrics": frozenset(),
        "canonical": frozenset([DURATION]),
        "has_variables": False,
        "pid": pid,
        "reasons": ("seen # 1",),
    }
    return Finding(**{**fields, **settings})  # type: ignore[arg-type]


def test_the_configuration_loads_and_has_a_job_for_each_server() -> None:
    suggestion = suggest(
        [server(1, metrics_path="/actuator/prometheus"), server(2), server(3, name="till")], PLACES, "1s"
    )
    jobs = load_text(suggestion.config).scrape_configs
    assert [job.job_name for job in jobs] == ["shop-1", "shop-2", "till"]
    assert jobs[0].metrics_path == "/actuator/prometheus"
    assert all(job.vocabulary and job.scrape_interval_ms == 1000 for job in jobs)
    assert dict(jobs[1].static_configs[0].labels) == {"framework": "gin", "runtime": "go"}


def test_a_server_that_was_asked_over_tls_is_scraped_over_tls() -> None:
    (job,) = load_text(suggest([server(scheme="https")], PLACES, "5s").config).scrape_configs
    assert job.scheme == "https"
    assert job.http.tls is not None
    assert job.http.tls.insecure_skip_verify


def test_the_rules_that_fit_are_named() -> None:
    gc = server(canonical=frozenset([DURATION, "runtime_gc_pause_seconds"]))
    assert suggest([gc], PLACES, "5s").rules == ("/rules/http.yml", "/rules/runtime.yml", "/rules/target.yml")


def test_an_access_log_without_durations_gets_the_rules_and_the_dashboard_of_servers() -> None:
    log = server(canonical=frozenset(), metrics=frozenset(["http_server_requests_total"]))
    suggestion = suggest([log], PLACES, "5s")
    assert suggestion.rules == ("/rules/http.yml", "/rules/target.yml")
    assert suggestion.dashboards == ("/dashboards/fleet.json",)


def test_an_exporter_is_scraped_as_it_is_and_a_monitor_is_not() -> None:
    exporter = server(
        9256,
        kind=Kind.EXPORTER,
        name="process",
        metrics=frozenset(["process_cpu_seconds_total"]),
        canonical=frozenset(),
    )
    suggestion = suggest([exporter, server(9090, kind=Kind.MONITOR)], PLACES, "5s")
    (job,) = load_text(suggestion.config).scrape_configs
    assert not job.vocabulary
    assert suggestion.rules == ("/rules/process.yml", "/rules/target.yml")


def test_a_server_without_metrics_gets_what_helps_its_runtime() -> None:
    def hints(runtime: str, **settings: object) -> str:
        bare = server(runtime=runtime, metrics_path="", canonical=frozenset(), **settings)
        suggestion = suggest([bare], PLACES, "5s")
        assert suggestion.config == ""
        ((_, lines),) = suggestion.instrument
        return "\n".join(lines)

    assert "/preload.cjs" in hints("node")
    assert "MetricsMiddleware" in hints("cpython")
    assert "plimsoll exporter expvar --url http://127.0.0.1:8080" in hints("go", has_variables=True)
    over_tls = hints("go", has_variables=True, scheme="https")
    assert "plimsoll exporter expvar --url https://NAME:8080    (NAME as in its certificate" in over_tls
    assert "gc_logs --runtime jvm" in hints("jvm")
    assert "plimsoll exporter process --port 8080" in hints("")


def test_metrics_on_another_port_of_the_same_process_are_enough() -> None:
    assert suggest([server(1, metrics_path="", canonical=frozenset()), server(2)], PLACES, "5s").instrument == ()


def test_dashboards_fit_what_is_exposed() -> None:
    go = suggest([server(metrics=frozenset(["go_goroutines"]))], PLACES, "5s")
    rust = suggest([server(metrics=frozenset(["process_cpu_seconds_total"]))], PLACES, "5s")

    assert go.dashboards == ("/dashboards/fleet.json", "/dashboards/go.json")
    assert rust.dashboards == ("/dashboards/fleet.json", "/dashboards/process.json")
    assert suggest([], PLACES, "5s").dashboards == ()
