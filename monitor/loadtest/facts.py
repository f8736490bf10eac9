"""All that is known of a load test that has run, before it is compared. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from exporters.load_test.runs import Tool
from monitor.loadtest.generator_command import LoadPlan
from monitor.loadtest.memory_under_load import ScrapedMemory
from monitor.loadtest.observe_run import Observation
from monitor.loadtest.run_generator import GeneratorRun
from monitor.loadtest.window import Window
from monitor.loadtest.wire_parts import GeneratorClock, generator_clock

_BROKEN = {Tool.WRK: ("read", "write"), Tool.AB: ("receive", "exceptions")}


@dataclass(frozen=True, slots=True)
class Facts:
    """All that is known of a run. `window` is what ours is made of. `scraped_memory` is empty without a service, whose
    scraper has opened at most `scraper_connections_most` connections in the window."""

    plan: LoadPlan
    generated: GeneratorRun
    window: Window
    seen: Observation
    scraped_memory: tuple[ScrapedMemory, ...] = ()
    scraper_connections_most: int = 0

    @property
    def requests(self) -> int:
        """Those of the generator, as the server has counted them."""
        return self.window.requests - self.seen.requests_sent

    @property
    def in_flight(self) -> int:
        """Requests that the server has counted and whose answers the generator did not wait for.

        What is beyond `in_flight_most` is not explained by it.
        """
        return min(max(self.requests - self.generated.run.requests, 0), self.in_flight_most)

    @property
    def in_flight_most(self) -> int:
        """One for each connection; no more than were sent and not counted, if packets tell of all that were sent."""
        if self.sent is None:
            return self.plan.connections
        return min(self.plan.connections, max(self.sent - self.generated.run.requests, 0))

    @property
    def is_in_flight_measured(self) -> bool:
        """Whether the server has counted all that were sent, so that packets tell what was in flight."""
        return self.sent == self.requests

    @property
    def sent(self) -> int | None:
        """The generator's requests as packets tell; None if not all connections were captured."""
        wire = self.seen.wire
        return None if wire is None or wire.sent is None else wire.sent - self.seen.requests_sent

    @property
    def sent_bytes(self) -> int | None:
        if self.window.sent_bytes is None:
            return None
        return self.window.sent_bytes - sum(request.answer_bytes for request in self.seen.requests)

    @property
    def accepted(self) -> int | None:
        """Connections of the generator, and those that the service's scraper has opened again."""
        if self.window.accepted is None:
            return None
        return self.window.accepted - self.seen.connections - self.window.reader_connections

    @property
    def late_answers(self) -> int:
        """Answers that wrk calls timeouts: they came on their connection, and are in its requests as well."""
        return self.generated.run.errors.get("timeout", 0) if self.plan.tool is Tool.WRK else 0

    @property
    def broken_connections(self) -> int:
        """Those that stood, broke, and were opened anew."""
        return self._errors(_BROKEN[self.plan.tool])

    @property
    def failed_requests(self) -> int:
        """Those without an answer."""
        return self.broken_connections + self._errors(("connect",))

    @property
    def by_packets(self) -> GeneratorClock | None:
        """None if packets were not captured, or too few."""
        return generator_clock(self.seen.wire, self.plan)

    def answered_with(self, *, errors_only: bool) -> int:
        """The generator's requests that were answered with 400 and above, or with anything outside of 200 to 299."""
        own: dict[str, int] = {}
        for request in self.seen.requests:
            own[request.status] = own.get(request.status, 0) + 1
        counted = {status: count - own.get(status, 0) for status, count in self.window.by_status.items()}
        return sum(count for status, count in counted.items() if _is_bad(status, errors_only))

    def _errors(self, kinds: tuple[str, ...]) -> int:
        return sum(self.generated.run.errors.get(kind, 0) for kind in kinds)


def _is_bad(status: str, errors_only: bool) -> bool:
    return status >= "400" if errors_only else not status.startswith("2")
