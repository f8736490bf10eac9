"""The page at / in a real browser, over a real service whose labels are not friendly."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from browser import chromium
from little_server import response
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.remote.webelement import WebElement
from service_process import ServiceProcess, running_service, wait_until
from threaded_server import threaded_server

EVIL = "<script>window.isHacked = true</script><img src=x onerror='window.isHacked = true'>"

RULES = f"""
groups:
- name: web
  rules:
  - record: web:requests:sum
    expr: sum(requests_total)
  - alert: AlwaysOn
    expr: requests_total > 0
    labels: {{evil: "{EVIL}"}}
    annotations: {{summary: "{EVIL} at {{{{ $value }}}}"}}
  - alert: NeverOn
    expr: requests_total < 0
"""

CONFIG = f"""
global: {{scrape_interval: 500ms, scrape_timeout: 500ms, evaluation_interval: 500ms}}
rule_files: [rules.yml]
scrape_configs:
- job_name: web
  static_configs: [{{targets: ["127.0.0.1:PORT"], labels: {{evil: "{EVIL}"}}}}]
- job_name: gone
  static_configs: [{{targets: ["127.0.0.1:1"]}}]
scaling_policies:
- name: web
  expr: sum(requests_total)
  target_value: 2
  max_replicas: 3
  interval: 1s
  scale_down: {{stabilization_window: 0s}}
  actuator: {{webhook: {{url: "http://127.0.0.1:1/scale"}}}}
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServiceProcess]:
    directory = tmp_path_factory.mktemp("service")
    (directory / "rules.yml").write_text(RULES)
    with (
        threaded_server(metrics=response(b"requests_total 7\n")) as server,
        running_service(directory, CONFIG.replace("PORT", str(server.port))) as running,
    ):
        wait_until(lambda: (running.value("count_over_time(web:requests:sum[1m])") or 0) > 4)
        yield running


@pytest.fixture(scope="module")
def window(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Chrome]:
    with chromium(tmp_path_factory.mktemp("profile")) as driver:
        yield driver


@pytest.fixture
def page(window: Chrome, service: ServiceProcess) -> Chrome:
    """The page, just opened, with everything in it."""
    window.get("about:blank")
    window.get(service.client.url)
    for name in ("#targets tr", "#alerts .item", "#policies .decisions tr", ".legend li"):
        wait_until(lambda name=name: text(window, name) != "")
    return window


def texts(page: Chrome, selector: str) -> list[str]:
    """Read at one moment: the page replaces what has changed."""
    found: list[str] = page.execute_script(
        "return Array.from(document.querySelectorAll(arguments[0]), (each) => each.innerText)", selector
    )
    return found


def text(page: Chrome, selector: str) -> str:
    """Of the first; empty without any."""
    return next(iter(texts(page, selector)), "")


def plot(page: Chrome) -> WebElement:
    return page.find_element(By.CSS_SELECTOR, ".chart canvas")


def ask(page: Chrome, expression: str) -> None:
    box = page.find_element(By.CSS_SELECTOR, ".chart input")
    box.clear()
    box.send_keys(expression, Keys.ENTER)


def test_targets_are_shown_with_state_and_last_error(page):
    rows = {row.split()[1]: row for row in texts(page, "#targets tr")}

    assert rows["web"].startswith("up")
    assert rows["gone"].startswith("down")
    assert "Connection refused" in rows["gone"]
    assert text(page, "#targets-count") == "1 up, 1 down"


def test_alerts_are_shown_with_state_time_labels_and_annotations(page):
    first, *others = texts(page, "#alerts .item")

    assert first.startswith("firing")
    assert "AlwaysOn" in first
    assert "since " in first
    assert "job=web" in first
    assert "at 7" in first
    assert [other.split()[:2] for other in others] == [["inactive", "NeverOn"]]


def test_policies_are_shown_with_the_reasons_of_their_decisions(page):
    shown = text(page, "#policies .item")

    assert "dry run" in shown
    assert "ceil(7 / 2) = 4; maximum makes it 3" in shown
    assert "ceil(7 / 2) = 4" in text(page, "#policies .decisions")


def test_the_status_is_shown(page):
    wait_until(lambda: "/s" in text(page, "#status"), seconds=10)

    assert {"version", "up for", "series", "samples"} <= set(text(page, "#status").split("\n"))


def test_a_chart_of_what_the_rules_record_is_drawn(page):
    wait_until(lambda: int(plot(page).get_attribute("data-points")) >= 2)

    assert text(page, ".legend") == "web:requests:sum\n7"
    assert has_line(page)


def has_line(page: Chrome) -> bool:
    """Whether the colour of the first series is somewhere on the canvas."""
    return page.execute_script("""
      const canvas = document.querySelector(".chart canvas");
      const color = getComputedStyle(document.querySelector(".legend .swatch")).backgroundColor;
      const wanted = color.match(/\\d+/g).map(Number);
      const {data} = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      for (let at = 0; at < data.length; at += 4)
        if (data[at + 3] > 200 && wanted.every((value, part) => Math.abs(data[at + part] - value) < 8)) return true;
      return false;
    """)


def test_the_value_under_the_pointer_is_shown(page):
    wait_until(lambda: int(plot(page).get_attribute("data-points")) >= 2)

    ActionChains(page).move_to_element(plot(page)).perform()

    assert texts(page, ".tip p")[1].split() == ["web:requests:sum", "7"]


def test_another_expression_is_asked_for_and_kept_in_the_address(page):
    ask(page, "sum(up) / 4")

    wait_until(lambda: "sum(up) / 4" in text(page, ".legend"))
    assert "sum%28up%29" in page.current_url
    page.refresh()
    wait_until(lambda: "sum(up) / 4" in text(page, "#charts .legend"))


def test_the_error_of_a_query_is_shown_with_its_place(page):
    ask(page, "sum(")

    wait_until(lambda: "1:5: parse error" in text(page, ".query-error"))


def test_units_are_read_from_the_names_in_an_expression(page):
    expected = {
        "up": "none",
        "process_start_time_seconds": "none",
        "process_resident_memory_bytes": "bytes",
        "shop:request_duration_seconds:p99": "seconds",
        "histogram_quantile(0.99, sum by (le) (rate(request_duration_seconds_bucket[5m])))": "seconds",
        "rate(x_seconds_sum[1m]) / rate(x_seconds_count[1m])": "seconds",
        "rate(process_cpu_seconds_total[1m])": "none",
        "sum(rate(requests_total[5m]))": "per_second",
        "rate(receive_bytes_total[1m])": "bytes_per_second",
        "disk_used_ratio": "percent",
    }

    found = format_module(page, "names.map((name) => module.unitOf(name))", list(expected))

    assert dict(zip(expected, found, strict=True)) == expected


def test_values_are_written_with_units_as_people_read_them(page):
    rows = [
        [0.139, "seconds"],
        [2.1111, "seconds"],
        [7200, "seconds"],
        [2**21, "bytes"],
        [1234, "per_second"],
        [0, "none"],
    ]

    found = format_module(page, "names.map(([value, unit]) => module.UNITS[unit].write(value))", rows)

    assert found == ["139 ms", "2.11 s", "2 h", "2 MiB", "1.23 k/s", "0"]


def format_module(page: Chrome, expression: str, names: list[object]) -> list[str]:
    """What `expression` makes of `names` with the page's own `module` of formats."""
    script = f"""
      const [names, done] = arguments;
      import("/web/format.js").then((module) => done({expression}), (error) => done([String(error)]));
    """
    found: list[str] = page.execute_async_script(script, names)
    return found


def test_an_expression_without_data_says_so(page):
    ask(page, "nobody_has_this")

    wait_until(lambda: "No data" in text(page, ".chart"))


def test_labels_are_text_and_never_run(page):
    ask(page, f'requests_total{{evil="{EVIL}"}}')
    wait_until(lambda: EVIL in text(page, ".legend"))
    ActionChains(page).move_to_element(plot(page)).perform()

    for place in ("#targets", "#alerts", ".tip"):
        assert EVIL in text(page, place), place
    assert page.execute_script("return window.isHacked") is None
    assert page.find_elements(By.CSS_SELECTOR, "main script, main img") == []


def test_the_page_is_usable_on_a_phone(page):
    page.execute_cdp_cmd(
        "Emulation.setDeviceMetricsOverride", {"width": 360, "height": 740, "deviceScaleFactor": 2, "mobile": True}
    )

    try:
        assert page.execute_script("return document.documentElement.scrollWidth") == 360
    finally:
        page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_browser_has_nothing_to_complain_about(page):
    complaints = [entry["message"] for entry in page.get_log("browser") if "query_range" not in entry["message"]]

    assert complaints == []


def test_a_service_that_is_gone_is_said_plainly(page, service):
    service.stop()

    try:
        wait_until(lambda: "does not answer" in text(page, "#trouble"))
        assert "AlwaysOn" in text(page, "#alerts"), "what was known is gone"
    finally:
        service.start()
