"""Packets of a capture, written as what passed when."""

from __future__ import annotations

import numpy as np

from monitor.loadtest.packet_ring import PacketKind, Packets

KINDS = {"SYN": PacketKind.CONNECT, "GET": PacketKind.REQUEST, "200": PacketKind.ANSWER, "FIN": PacketKind.CLOSE}


def packets(*lines: str) -> Packets:
    """Of lines such as `5000 SYN 0, GET 10`: the client's port, then what passed at which microsecond."""
    rows = []
    for line in lines:
        port, _, rest = line.partition(" ")
        rows += [(int(at) * 1000, int(port), KINDS[kind]) for kind, at in map(str.split, rest.split(","))]
    rows.sort()
    times_ns, ports, kinds = zip(*rows, strict=True)
    return Packets(np.array(times_ns, np.int64), np.array(ports, np.uint16), np.array(kinds, np.uint8))
