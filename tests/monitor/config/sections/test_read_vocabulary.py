from __future__ import annotations

from pathlib import Path

from config_problems import lines, load_text, problems_of

from monitor.config.load import load_config
from monitor.config.render import render_yaml
from monitor.config.sections.read_vocabulary import SHIPPED_FOLDER, read_shipped_vocabularies
from monitor.config.vocabulary_config import MetricShape
from monitor.errors import ConfigError
from monitor.model.canonical_histograms import CANONICAL_HISTOGRAMS

MINE = """\
vocabularies:
  - name: mine
    frameworks: {actix: [shop_http_*]}
    metrics:
      - from: [shop_http_requests_duration_ms, shop_latency_ms]
        to: http_server_request_duration_seconds
        type: histogram
        unit: milliseconds
        labels: {endpoint: http_route}
"""


def test_every_shipped_file_is_read_and_every_histogram_is_known_as_canonical() -> None:
    shipped = read_shipped_vocabularies()
    assert {vocabulary.name for vocabulary in shipped} == {path.stem for path in SHIPPED_FOLDER.glob("*.yml")}
    histograms = {
        renaming.canonical
        for vocabulary in shipped
        for renaming in vocabulary.renamings
        if renaming.shape is MetricShape.HISTOGRAM
    }
    assert histograms == CANONICAL_HISTOGRAMS


def test_a_job_has_no_vocabulary_unless_it_asks_for_one() -> None:
    jobs = load_text("scrape_configs: [{job_name: a}, {job_name: b, vocabulary: false}]").scrape_configs
    assert [bool(job.vocabulary) for job in jobs] == [False, False]


def test_a_job_asks_for_all_one_or_several() -> None:
    text = "scrape_configs: [{job_name: a, vocabulary: true}, {job_name: b, vocabulary: go},\n"
    jobs = load_text(text + " {job_name: c, vocabulary: [rust, http]}]").scrape_configs
    assert [len(job.vocabulary.names) for job in jobs] == [7, 1, 2]
    assert jobs[2].vocabulary.names == ("rust", "http")


def test_an_unknown_vocabulary_is_a_problem() -> None:
    (problem,) = problems_of("scrape_configs:\n- job_name: a\n  vocabulary: [go, cobol]")
    assert problem.startswith("3 scrape_configs[0].vocabulary: got 'cobol', want true, opentelemetry, http, go")


def test_vocabularies_of_the_user_come_first(tmp_path: Path) -> None:
    (tmp_path / "mine.yml").write_text(MINE)
    main = tmp_path / "plimsoll.yml"
    main.write_text("vocabulary_files: [mine.yml]\nscrape_configs: [{job_name: a, vocabulary: true}]\n")
    config = load_config(main)
    (job,) = config.scrape_configs
    assert job.vocabulary.names[:2] == ("mine", "opentelemetry")
    assert [renaming.name for renaming in job.vocabulary.vocabularies[0].renamings][1] == "shop_latency_ms"
    assert config.files == (str(main), str(tmp_path / "mine.yml"))
    again = load_text(render_yaml(config))
    assert again.scrape_configs == config.scrape_configs


def test_a_reload_of_the_same_files_gives_equal_jobs() -> None:
    text = "scrape_configs: [{job_name: a, vocabulary: true}]"
    assert load_text(text).scrape_configs == load_text(text).scrape_configs


def test_every_mistake_in_a_vocabulary_file_is_told(tmp_path: Path) -> None:
    wrong = (
        "vocabularies:\n- name: a\n  metrics:\n  - {from: a, to: b c, type: summary, unit: miles, labels: {x: y-z}}\n"
    )
    (tmp_path / "wrong.yml").write_text(wrong)
    (tmp_path / "main.yml").write_text("vocabulary_files: [wrong.yml]")
    try:
        load_config(tmp_path / "main.yml")
    except ConfigError as error:
        found = [line.partition(": ")[0] for line in lines(error.problems)]
    path = "4 vocabularies[0].metrics[0]"
    assert sorted(found) == sorted([f"{path}.{key}" for key in ("labels", "to", "type", "unit")])
