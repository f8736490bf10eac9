"""Rules over the real store and the real engine: what they write is what the next query finds."""

from __future__ import annotations

from alert_timeline import START_MS, RecordingDispatcher
from manual_clock import ManualClock
from prometheus_client import CollectorRegistry

from alerts.alert_store import AlertStore, StoredGroup
from alerts.database import open_database
from alerts.engine_querier import EngineQuerier
from alerts.evaluate_group import EvaluationSettings, GroupEvaluator
from alerts.load_rules import read_rules
from alerts.restore import RestorePolicy, restored_group
from alerts.rule_metrics import RuleMetrics
from monitor.promql.engine import Engine
from monitor.promql.features import Features
from monitor.promql.limits import QueryLimits
from monitor.storage.store import Store, StoreSettings

RULES = """
groups:
- name: g
  interval: 30s
  rules:
  - {record: t, expr: 'time() % 90', labels: {a: b}}
  - {record: low, expr: t < 60}
  - {alert: Low, expr: low < 60, for: 30s}
  - {alert: Told, expr: 'ALERTS{alertname="Low", alertstate="firing"}'}
"""


def test_rules_write_what_later_rules_and_queries_read(tmp_path):
    clock = ManualClock(START_MS)
    database = open_database(f"sqlite:///{tmp_path / 'alerts.db'}")
    store = Store(tmp_path / "data", StoreSettings(), clock)
    querier = EngineQuerier(Engine(QueryLimits(), Features(), clock), store)
    (group,) = read_rules(RULES).groups
    state = restored_group(group, StoredGroup(None, {}), store, START_MS, RestorePolicy())
    evaluator = GroupEvaluator(
        querier,
        database,
        AlertStore(database),
        RecordingDispatcher(),
        clock,
        RuleMetrics.register(CollectorRegistry()),
        settings=EvaluationSettings(),
        wake=lambda: None,
    )

    found = []
    # A multiple of 90 s: t is 0, 30, 60, 0 …
    first_ms = START_MS // 90_000 * 90_000
    for at_ms in range(first_ms, first_ms + 120_000, 30_000):
        evaluator.evaluate(state, at_ms)
        frame = querier.instant('{__name__=~"t|low|ALERTS"}', at_ms)
        found.append(
            sorted(
                f"{labels} {value:g}"
                for labels, value in zip(frame.labels.all_labels(), frame.values[:, 0], strict=True)
            )
        )
    store.close()

    pending = 'ALERTS{a="b", alertname="Low", alertstate="pending"} 1'
    firing = 'ALERTS{a="b", alertname="Low", alertstate="firing"} 1'
    told = 'ALERTS{a="b", alertname="Told", alertstate="firing"} 1'
    assert [rule.status.last_error for rule in state.rules] == [""] * 4
    assert found == [
        [pending, 'low{a="b"} 0', 't{a="b"} 0'],
        [firing, told, 'low{a="b"} 30', 't{a="b"} 30'],
        ['t{a="b"} 60'],
        [pending, 'low{a="b"} 0', 't{a="b"} 0'],
    ]
