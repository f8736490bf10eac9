from __future__ import annotations

import random
import socket
from pathlib import Path

from monitor.demo.ports import free_port_at, free_ports, is_free


def test_free_ports_are_as_many_as_wanted_and_can_be_listened_at():
    ports = free_ports(8, random.Random())

    assert len(set(ports)) == 8
    assert all(is_free("127.0.0.1", port) for port in ports)


def test_they_are_not_among_those_that_outgoing_connections_get():
    low, high = map(int, Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split())

    if low > 11_240:  # otherwise there is no room below
        assert not [port for port in free_ports(8, random.Random()) if low <= port <= high]


def test_a_port_that_somebody_listens_at_is_not_free():
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert not is_free("127.0.0.1", server.getsockname()[1])


def test_a_free_port_of_a_host_is_free():
    assert is_free("127.0.0.1", free_port_at("127.0.0.1"))
