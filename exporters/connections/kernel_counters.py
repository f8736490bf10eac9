"""Which counters of the kernel are exported, for a whole network namespace, and by which names."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KernelCounter:
    """A metric and where it stands: the protocol (`Tcp`, `TcpExt`) and the kernel's name."""

    name: str
    protocol: str
    key: str
    help: str
    is_counter: bool = True


# fmt: off
KERNEL_COUNTERS = (
    KernelCounter("server_connections_accepted", "Tcp", "PassiveOpens", "Connections that others opened to this host."),
    KernelCounter("tcp_active_opens", "Tcp", "ActiveOpens", "Connections that this host began to open."),
    KernelCounter("tcp_failed_opens", "Tcp", "AttemptFails", "Handshakes that came to nothing, in and out."),
    KernelCounter("tcp_connection_resets", "Tcp", "EstabResets", "Open connections that ended by a reset."),
    KernelCounter("tcp_resets_sent", "Tcp", "OutRsts", "Resets that this host sent."),
    KernelCounter("tcp_segments_received", "Tcp", "InSegs", "Segments received."),
    KernelCounter("tcp_segments_sent", "Tcp", "OutSegs", "Segments sent, without retransmitted ones."),
    KernelCounter("tcp_segments_retransmitted", "Tcp", "RetransSegs", "Segments sent again."),
    KernelCounter("tcp_syn_retransmitted", "TcpExt", "TCPSynRetrans", "Openings of a connection sent again."),
    KernelCounter("tcp_timeouts", "TcpExt", "TCPTimeouts", "Retransmission timers that ran out."),
    KernelCounter("tcp_listen_overflows", "TcpExt", "ListenOverflows", "Handshakes dropped: accept queue full."),
    KernelCounter("tcp_listen_drops", "TcpExt", "ListenDrops", "Handshakes dropped for any reason."),
    KernelCounter("tcp_request_queue_full_drops", "TcpExt", "TCPReqQFullDrop", "SYNs dropped: SYN queue full."),
    KernelCounter("tcp_syn_cookies_sent", "TcpExt", "SyncookiesSent", "SYN cookies sent: SYN queue full."),
    KernelCounter("tcp_time_wait_overflows", "TcpExt", "TCPTimeWaitOverflow", "TIME_WAIT cut short: too many."),
    KernelCounter("tcp_aborts_on_memory", "TcpExt", "TCPAbortOnMemory", "Connections dropped for lack of memory."),
    KernelCounter("tcp_aborts_on_timeout", "TcpExt", "TCPAbortOnTimeout", "Connections dropped: peer is silent."),
    KernelCounter("tcp_orphans", "TCP", "orphan", "Sockets no process holds any more.", is_counter=False),
    KernelCounter("tcp_memory_pages", "TCP", "mem", "Memory pages that TCP's buffers take.", is_counter=False),
)
# fmt: on
