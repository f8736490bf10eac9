"""The generator's requests as the kernel sees them pass, if it lets us look."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace

from exporters.load_test.runs import Tool
from monitor.loadtest.generator_command import LoadPlan
from monitor.loadtest.packet_ring import PacketRing, Packets
from monitor.loadtest.read_trace import ReadTrace
from monitor.loadtest.wire_requests import WireRequests, wire_requests

logger = logging.getLogger(__name__)

# Of many connections whose reads are traced one in so many is captured: it costs the load less, and the trace's text is
# long.
_TRACED_SHARE = 4
_SHARED_CONNECTIONS_MIN = 16


@dataclass(frozen=True, slots=True)
class CaptureLimits:
    """`ring_frames_max`: 32 MB, two seconds of the fastest server, should nobody take packets for so long.
    `packets_max`: 11 bytes each, half a minute of it."""

    ring_frames_max: int = 1 << 18
    packets_max: int = 1 << 21


class Capture:
    """From its construction to its end, or to as many packets as are kept."""

    def __init__(self, plan: LoadPlan, limits: CaptureLimits = CaptureLimits()) -> None:
        """Raises OSError or AttributeError where it is not allowed, or where there is no such thing."""
        # On a kept connection wrk reads other answers before it acts on this one. When, only the kernel knows.
        is_read_apart = plan.tool is Tool.WRK and plan.scenario.keep_alive
        share = _TRACED_SHARE if is_read_apart and plan.connections >= _SHARED_CONNECTIONS_MIN else 1
        self._is_of_all = share == 1
        self._plan = plan
        self._pieces: list[Packets] = []
        self._packets_left = limits.packets_max
        # Of those that are kept: after them the ring overflows, since nobody empties it.
        self._has_holes = False
        self._ring = PacketRing(plan.target.port, share, limits.ring_frames_max)
        try:
            self._reads = ReadTrace(plan.target.port, share) if is_read_apart else None
        except BaseException:
            self._ring.close()
            raise

    def take(self) -> None:
        """To be called again and again, before the ring is full."""
        if self._packets_left > 0:
            self._pieces.append(self._ring.take())
            self._packets_left -= len(self._pieces[-1].kinds)
            self._has_holes = self._ring.dropped() > 0

    def end(self, own_ports: frozenset[int]) -> WireRequests | None:
        """Requests but for those from `own_ports`. None if a packet is missing: it would make one of two requests.

        None, too, if the kernel does not give the trace of reads any more.
        """
        try:
            self.take()
            reads = self._reads.end() if self._reads is not None else None
        except OSError as error:
            logger.warning("what was captured of the load is lost: %s", error)
            return None
        finally:
            self._ring.close()
        if self._has_holes:
            return None
        packets = Packets.joined(self._pieces)
        found = wire_requests(packets, reads, own_ports, keep_alive=self._plan.scenario.keep_alive)
        return found if self._is_of_all and self._packets_left > 0 else replace(found, sent=None)


def capture_if_allowed(plan: LoadPlan) -> Capture | None:
    """A capture that has begun."""
    try:
        return Capture(plan)
    except (OSError, AttributeError) as error:
        logger.debug("packets cannot be captured here: %s", error)
        return None
