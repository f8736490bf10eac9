"""Rules, dispatch and delivery as one small service that dies where a test wants it.

Run as a program it imports everything once and then forks a process for each line of its input, a JSON object of the
fields of Scenario. It answers each line with the process's id, and when that has ended with its exit status (negative:
the signal that killed it).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np
from prometheus_client import CollectorRegistry
from sqlalchemy import Engine

from alerts.alert_store import AlertStore
from alerts.database import open_database
from alerts.evaluate_group import EvaluationSettings, GroupEvaluator
from alerts.notify.deliver import DeliveryLoop, DeliverySettings, Target
from alerts.notify.dispatch import DispatchSettings, GroupDispatcher
from alerts.notify.integration import integrations_of, url_digests
from alerts.notify.notify_metrics import NotifyMetrics
from alerts.notify.outbox import Outbox
from alerts.notify.route import SingleRoute
from alerts.notify.webhook import WebhookSender
from alerts.restore import RestorePolicy, restored_group
from alerts.rule_metrics import RuleMetrics
from alerts.rules import AlertingRule, RuleGroup
from monitor.clock import SystemClock
from monitor.config.alerting_config import Receiver, WebhookConfig
from monitor.config.scrape_config import Secret
from monitor.model.frame import Frame
from monitor.model.label_frame import LabelFrame
from monitor.model.samples import Timestamps, Values

GROUP = RuleGroup("g", "rules.yml", 30_000, (AlertingRule("A", "condition"),))


@dataclass(frozen=True, slots=True)
class Scenario:
    """Evaluations at these times, each followed by the delivery of what it caused; the condition holds until a time.

    The process kills itself at the `kill_count`th time that it comes to the checkpoint `kill_at`.
    """

    database: str
    url: str
    evaluations_ms: tuple[int, ...]
    true_until_ms: int
    kill_at: str = ""
    kill_count: int = 1


class _KillAtCheckpoint:
    """The checkpoint of a process that is to die there, by a signal that nothing can be done about."""

    def __init__(self, scenario: Scenario) -> None:
        self._scenario = scenario
        self._seen: Counter[str] = Counter()

    def __call__(self, name: str) -> None:
        self._seen[name] += 1
        if name == self._scenario.kill_at and self._seen[name] == self._scenario.kill_count:
            os.kill(os.getpid(), signal.SIGKILL)


@dataclass(frozen=True, slots=True)
class _Condition:
    true_until_ms: int

    def instant(self, expression: str, at_ms: int) -> Frame:
        del expression
        return Frame(LabelFrame.of([{"job": "a"}]), np.array([[1.0]])) if at_ms < self.true_until_ms else Frame.empty(1)


class _NowhereAppender:
    def append(self, source: str, labels: LabelFrame, timestamps_ms: Timestamps, values: Values) -> None:
        pass


async def _run(scenario: Scenario) -> None:
    checkpoint, clock = _KillAtCheckpoint(scenario), SystemClock()
    engine = open_database(scenario.database)
    outbox = Outbox(engine)
    integrations = integrations_of((Receiver("team", (WebhookConfig(Secret(scenario.url)),)),))
    loop = DeliveryLoop(
        outbox,
        clock,
        NotifyMetrics.register(CollectorRegistry()),
        owner="me",
        settings=DeliverySettings(),
        random=random.random,
        checkpoint=checkpoint,
    )
    dispatcher = GroupDispatcher(
        engine,
        outbox,
        SingleRoute("team"),
        integrations,
        settings=DispatchSettings(),
        new_id=lambda: f"msg_{uuid.uuid4().hex}",
    )
    senders = {each.key: WebhookSender(each, clock) for members in integrations.values() for each in members}
    digests = url_digests(integrations)
    await loop.set_targets({key: Target(sender, digests[key]) for key, sender in senders.items()})
    delivery = asyncio.create_task(loop.run())
    evaluate = _evaluator(scenario, engine, dispatcher, loop.wake, checkpoint)
    for at_ms in scenario.evaluations_ms:
        await asyncio.to_thread(evaluate, at_ms)
        await _delivered(outbox)
    delivery.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await delivery
    for sender in senders.values():
        await sender.close()


async def _delivered(outbox: Outbox) -> None:
    for _ in range(2_000):
        if outbox.pending()[0] == 0:
            return
        await asyncio.sleep(0.005)
    raise AssertionError("nothing was delivered within 10 seconds")


def _evaluator(
    scenario: Scenario,
    engine: Engine,
    dispatcher: GroupDispatcher,
    wake: Callable[[], None],
    checkpoint: Callable[[str], None],
) -> Callable[[int], None]:
    store = AlertStore(engine)
    evaluator = GroupEvaluator(
        _Condition(scenario.true_until_ms),
        engine,
        store,
        dispatcher,
        SystemClock(),
        RuleMetrics.register(CollectorRegistry()),
        settings=EvaluationSettings(),
        wake=wake,
        checkpoint=checkpoint,
    )
    first_ms = scenario.evaluations_ms[0]
    state = restored_group(GROUP, store.load(GROUP.key), _NowhereAppender(), first_ms, RestorePolicy())
    return lambda at_ms: evaluator.evaluate(state, at_ms)


class ServiceLab:
    """The side of the test."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self.running_pid = 0

    def run(self, scenario: Scenario) -> int:
        """The exit status of a process that lived through `scenario`."""
        assert self._process.stdin is not None, "BUG: got no pipe to the service"
        assert self._process.stdout is not None, "BUG: got no pipe from the service"
        self._process.stdin.write(json.dumps(asdict(scenario)) + "\n")
        self._process.stdin.flush()
        self.running_pid = int(self._process.stdout.readline())
        return int(self._process.stdout.readline())


@contextmanager
def service_lab() -> Iterator[ServiceLab]:
    support = Path(__file__).resolve().parent
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join((str(support.parent.parent), str(support)))}
    with subprocess.Popen(
        [sys.executable, __file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as process:
        yield ServiceLab(process)
        assert process.stdin is not None, "BUG: got no pipe to the service"
        process.stdin.close()


def main() -> None:
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _live(Scenario(**json.loads(line)))
        print(pid, flush=True)
        _, status = os.waitpid(pid, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


def _live(scenario: Scenario) -> NoReturn:
    """Ends the forked process in any case: it must not go on reading its parent's input."""
    try:
        asyncio.run(_run(scenario))
    except BaseException:
        logging.exception("the service failed")
        os._exit(1)
    os._exit(0)


if __name__ == "__main__":
    main()
