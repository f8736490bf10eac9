"""When packets of a server's connections pass the loopback, by the kernel's own clock.

The kernel writes the heads of chosen packets into a ring that is mapped here (packet(7), TPACKET_V2), so nothing runs
for a packet but a filter and a copy of 48 bytes: the load is measured, and hardly felt.

    frame   tpacket2_hdr (32 bytes): status, length, kept bytes, offsets, seconds, nanoseconds; sockaddr_ll (20);
            padding; then, from byte 80 on, the packet from its IPv4 header
    status  0 while the frame is the kernel's, bit 0 once it is ours; we give it back by writing 0

Sources: Documentation/networking/packet_mmap.rst, include/uapi/linux/{if_packet,filter}.h.
"""

from __future__ import annotations

import ctypes
import mmap
import socket
import struct
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
import numpy.typing as npt

_ETHERTYPE_IPV4 = 0x0800
_SOL_PACKET = 263
_PACKET_RX_RING = 5
_PACKET_STATISTICS = 6
_PACKET_VERSION = 10
_TPACKET_V2 = 1
_SO_ATTACH_FILTER = 26

_FRAME_BYTES = 128
_BLOCK_BYTES = 1 << 16
_PACKET_OFFSET = 80
_KEPT_BYTES = _FRAME_BYTES - _PACKET_OFFSET
_FRAMES_A_LOOK = 4096

_FRAME = np.dtype(
    {
        "names": ["status", "seconds", "nanoseconds", "packet"],
        "formats": ["<u4", "<u4", "<u4", f"({_KEPT_BYTES},)u1"],
        "offsets": [0, 16, 20, _PACKET_OFFSET],
        "itemsize": _FRAME_BYTES,
    }
)
_FIN, _SYN, _RESET = 1, 2, 4


class PacketKind(IntEnum):
    """What a packet is to a request. A server's SYN and FIN are not kept."""

    CONNECT = 0
    REQUEST = 1
    ANSWER = 2
    CLOSE = 3


@dataclass(frozen=True, slots=True)
class Packets:
    """(N,) in the order in which they passed. `client_ports` tell the connections apart."""

    times_ns: npt.NDArray[np.int64]
    client_ports: npt.NDArray[np.uint16]
    kinds: npt.NDArray[np.uint8]

    @classmethod
    def joined(cls, pieces: list[Packets]) -> Packets:
        """Those of all pieces, in order."""
        return cls(
            np.concatenate([piece.times_ns for piece in pieces] or [np.empty(0, np.int64)]),
            np.concatenate([piece.client_ports for piece in pieces] or [np.empty(0, np.uint16)]),
            np.concatenate([piece.kinds for piece in pieces] or [np.empty(0, np.uint8)]),
        )


class PacketRing:
    """Of one connection in `share`, a power of two, to an IPv4 server's port on this host."""

    def __init__(self, port: int, share: int, frames_max: int) -> None:
        """Raises OSError where capturing is not allowed (CAP_NET_RAW), AttributeError where there is none."""
        blocks = max(frames_max * _FRAME_BYTES // _BLOCK_BYTES, 1)
        frames = blocks * _BLOCK_BYTES // _FRAME_BYTES
        self._port = port
        self._next = 0
        self._dropped = 0
        self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC, 0)
        try:
            self._socket.setsockopt(_SOL_PACKET, _PACKET_VERSION, _TPACKET_V2)
            layout = struct.pack("=IIII", _BLOCK_BYTES, blocks, _FRAME_BYTES, frames)
            self._socket.setsockopt(_SOL_PACKET, _PACKET_RX_RING, layout)
            self._map = mmap.mmap(self._socket.fileno(), blocks * _BLOCK_BYTES)
            self._frames = np.frombuffer(self._map, _FRAME)
            _attach(self._socket, packet_filter(port, share))
            self._socket.bind(("lo", _ETHERTYPE_IPV4))
        except BaseException:
            self._socket.close()
            raise

    def take(self) -> Packets:
        """What has come since the last call."""
        ready = self._ready()
        frames = self._frames[ready]
        packets = parse_frames(frames, self._port)
        self._frames["status"][ready] = 0
        self._next = int((self._next + len(ready)) % len(self._frames))
        return packets

    def dropped(self) -> int:
        """Packets that found the ring full, so far."""
        # The kernel counts from its last answer on.
        statistics = self._socket.getsockopt(_SOL_PACKET, _PACKET_STATISTICS, 8)
        self._dropped += struct.unpack("=II", statistics)[1]
        return self._dropped

    def close(self) -> None:
        """The mapping ends with the last array made of it."""
        self._socket.close()

    def _ready(self) -> npt.NDArray[np.int64]:
        """Places of the frames that are ours, in order: all from the next one on, up to the kernel's first."""
        frames = len(self._frames)
        found = 0
        while found < frames:
            places = (self._next + found + np.arange(min(_FRAMES_A_LOOK, frames - found))) % frames
            is_ours = (self._frames["status"][places] & 1).astype(bool)
            if not is_ours.all():
                found += int(np.argmin(is_ours))
                break
            found += len(places)
        return (self._next + np.arange(found)) % frames


def parse_frames(frames: npt.NDArray[np.void], port: int) -> Packets:
    """Of (N,) records of _FRAME that the filter has let through. What carries nothing is left out."""
    packets = frames["packet"]
    header_bytes = (packets[:, 0] & 15).astype(np.int64) * 4
    rows = np.arange(len(packets))

    def half(offsets: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        high, low = packets[rows, offsets].astype(np.int64), packets[rows, offsets + 1].astype(np.int64)
        return high * 256 + low

    source, destination, length = half(header_bytes), half(header_bytes + 2), half(np.full(len(rows), 2))
    offset_and_flags = half(header_bytes + 12)
    flags, payload_bytes = offset_and_flags & 0xFF, length - header_bytes - (offset_and_flags >> 12) * 4
    is_client = destination == port
    kinds = np.where(is_client, PacketKind.REQUEST, PacketKind.ANSWER).astype(np.uint8)
    kinds[is_client & (flags & (_FIN | _RESET) != 0)] = PacketKind.CLOSE
    kinds[is_client & (flags & _SYN != 0)] = PacketKind.CONNECT
    is_kept = (payload_bytes > 0) | (kinds == PacketKind.CLOSE) | (kinds == PacketKind.CONNECT)
    times_ns = frames["seconds"].astype(np.int64) * 1_000_000_000 + frames["nanoseconds"]
    client_ports = np.where(is_client, source, destination).astype(np.uint16)
    return Packets(times_ns[is_kept], client_ports[is_kept], kinds[is_kept])


# Classic BPF: (code, jump if true, jump if false, constant), include/uapi/linux/bpf_common.h; a jump of 0 goes to the
# next one.
_Instruction = tuple[int, int, int, int]
_LOAD_BYTE, _LOAD_HALF, _LOAD_HALF_BEHIND_HEADER, _TAKE_HEADER_BYTES = 0x30, 0x28, 0x48, 0xB1
_SHIFT_RIGHT, _AND, _JUMP, _IF_EQUAL, _IF_ANY_BIT, _RETURN = 0x74, 0x54, 0x05, 0x15, 0x45, 0x06
_TCP, _FRAGMENT_OFFSET = 6, 0x1FFF


def packet_filter(port: int, share: int) -> list[_Instruction]:
    """Lets through what passes between the server's `port` and one client's port in `share`.

    connect(2) chooses even ports, one after another: the bits above the last one pick an even share of them.
    """
    return [
        (_LOAD_BYTE, 0, 0, 9),  # protocol
        (_IF_EQUAL, 0, 14, _TCP),
        (_LOAD_HALF, 0, 0, 6),
        (_IF_ANY_BIT, 12, 0, _FRAGMENT_OFFSET),
        (_TAKE_HEADER_BYTES, 0, 0, 0),
        (_LOAD_HALF_BEHIND_HEADER, 0, 0, 2),  # destination
        (_IF_EQUAL, 0, 2, port),
        (_LOAD_HALF_BEHIND_HEADER, 0, 0, 0),  # source: the client's
        (_JUMP, 0, 0, 3),
        (_LOAD_HALF_BEHIND_HEADER, 0, 0, 0),  # source
        (_IF_EQUAL, 0, 5, port),
        (_LOAD_HALF_BEHIND_HEADER, 0, 0, 2),  # destination: the client's
        (_SHIFT_RIGHT, 0, 0, 1),
        (_AND, 0, 0, share - 1),
        (_IF_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _KEPT_BYTES),
        (_RETURN, 0, 0, 0),
    ]


def _attach(captured: socket.socket, instructions: list[_Instruction]) -> None:
    program = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *each) for each in instructions))
    # struct sock_fprog: how many, and where.
    captured.setsockopt(
        socket.SOL_SOCKET, _SO_ATTACH_FILTER, struct.pack("HP", len(instructions), ctypes.addressof(program))
    )
