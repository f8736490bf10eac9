"""The query log: JSON lines with upstream's keys, in a file of bounded size."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from monitor.api.queries.asked_query import AskedQuery
from monitor.api.queries.query_log import QueryLog
from monitor.api.queries.query_record import QueryRecord
from monitor.errors import StorageError
from monitor.promql.results import QueryStatistics

ASKED = AskedQuery("up", 1_700_000_000_000, 1_700_000_060_500, 15_500, "10.0.0.1", "GET", "/api/v1/query_range")
STATISTICS = QueryStatistics(7, 2, {"preparation": 0.25, "evaluation": 1.0, "result_sort": 0.5})
RECORD = QueryRecord(ASKED, 1_700_000_100_007, 3.0, 1.25, statistics=STATISTICS, loaded_samples=7)


def lines(path: Path) -> list[dict]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


@pytest.fixture
def log():
    opened = QueryLog(10_000)
    yield opened
    opened.close()


def test_a_line_holds_what_upstream_logs(log, tmp_path):
    log.open(tmp_path / "q.log")

    log.write(RECORD)

    timings = {
        "evalTotalTime": 1.75, "resultSortTime": 0.5, "queryPreparationTime": 0.25, "innerEvalTime": 1.0,
        "execQueueTime": 1.25, "execTotalTime": 3.0,
    }  # fmt: skip
    assert lines(tmp_path / "q.log") == [
        {
            "time": "2023-11-14T22:15:00.007Z",
            "level": "INFO",
            "source": "plimsoll",
            "msg": "promql query logged",
            "params": {
                "end": "2023-11-14T22:14:20.500Z",
                "query": "up",
                "start": "2023-11-14T22:13:20.000Z",
                "step": 15,
            },
            "stats": {"timings": timings, "samples": {"totalQueryableSamples": 7, "peakSamples": 7}},
            "spanID": "0000000000000000",
            "httpRequest": {"clientIP": "10.0.0.1", "method": "GET", "path": "/api/v1/query_range"},
        }
    ]


def test_a_file_that_was_moved_away_is_made_again_when_it_is_opened_again(log, tmp_path):
    path = tmp_path / "q.log"
    log.open(path)
    log.write(RECORD)
    path.rename(tmp_path / "rotated.log")
    log.write(RECORD)
    log.open(path)
    log.write(RECORD)

    assert (len(lines(tmp_path / "rotated.log")), len(lines(path))) == (2, 1)


def test_the_log_is_begun_anew_at_its_size_and_the_one_before_is_kept(log, tmp_path):
    path = tmp_path / "q.log"
    log.open(path)
    for _ in range(100):
        log.write(RECORD)

    files = sorted(file.name for file in tmp_path.iterdir())
    assert files == ["q.log", "q.log.old"]
    assert all((tmp_path / name).stat().st_size <= 10_000 for name in files)
    assert len(lines(path)) > 0


def test_what_is_not_utf8_is_logged_all_the_same(log, tmp_path):
    log.open(tmp_path / "q.log")

    log.write(QueryRecord(AskedQuery("\udcff", 2**62, -(2**62), 0, "a", "GET", "/"), 0, 1.0, 0.0, error="\udcff"))

    assert lines(tmp_path / "q.log")[0]["error"] == "\ufffd"


def test_a_log_that_cannot_be_opened_leaves_the_old_one_in_force(log, tmp_path):
    log.open(tmp_path / "q.log")

    with pytest.raises(StorageError, match="cannot be opened"):
        log.open(tmp_path / "missing" / "q.log")

    log.write(RECORD)
    assert len(lines(tmp_path / "q.log")) == 1


def test_lines_that_cannot_be_written_are_counted_and_end_no_query(log):
    log.open(Path("/dev/full"))

    log.write(RECORD)
    log.write(RECORD)

    assert log.lost_lines == 2
