"""Files of the shape of a host's /proc, for tests of figures that stand still."""

from __future__ import annotations

from pathlib import Path

_FILES = {
    "stat": (
        "cpu  300 0 60 4000 10 0 5 0 0 0\n"
        "cpu0 100 0 20 2000 10 0 5 0 7 0\n"
        "cpu1 200 0 40 2000 0 0 0 0 0 0\n"
        "intr 900 1 2 3\nctxt 5000\nbtime 1700000000\nprocesses 40\nprocs_running 3\nprocs_blocked 1\n"
    ),
    "loadavg": "0.50 1.25 2.00 3/150 4711\n",
    "meminfo": "MemTotal:       1000 kB\nActive(anon):    20 kB\nHugePages_Total:       4\n",
    "vmstat": "nr_free_pages 1\npgfault 77\noom_kill 2\n",
    "diskstats": (
        " 253 0 vda 10 1 8 200 20 2 16 300 1 400 500 5 0 40 60 7 80\n"
        " 253 1 sda1 10 1 8 200 20 2 16 300 1 400 500\n"
        " 7 0 loop0 1 0 8 0 0 0 0 0 0 0 0\n"
    ),
    "pressure/cpu": "some avg10=0.00 avg60=0.00 avg300=0.00 total=1500000\nfull avg10=0.00 total=0\n",
    "pressure/io": "some avg10=0.00 total=2000000\nfull avg10=0.00 total=250000\n",
    "pressure/memory": "some avg10=0.00 total=0\nfull avg10=0.00 total=0\n",
    "sys/fs/file-nr": "1024\t0\t65536\n",
    "sys/net/netfilter/nf_conntrack_count": "12\n",
    "sys/net/netfilter/nf_conntrack_max": "4096\n",
    "1/mounts": (
        "/dev/vda1 / ext4 rw,relatime 0 0\n"
        "proc /proc proc rw 0 0\n"
        "/dev/vdb /my\\040data xfs ro,noatime 0 0\n"
        "files:/home /home nfs4 rw 0 0\n"
        "/dev/vda1 /var/lib/docker/x ext4 rw 0 0\n"
        "/dev/vdc /gone ext4 rw 0 0\n"
    ),
    "1/net/dev": (
        "Inter-|   Receive  |  Transmit\n face |bytes packets ...\n"
        "  eth0: 1000 10 1 2 3 4 5 6 2000 20 7 8 9 10 11 12\n"
        "a:b:c: 1 1 0 0 0 0 0 0 1 1 0 0 0 0 0 0\n"
    ),
    "1/net/snmp": "Tcp: PassiveOpens RetransSegs\nTcp: 500 6\nUdp: InDatagrams\nUdp: 9\n",
    "1/net/netstat": "TcpExt: ListenOverflows SomethingElse\nTcpExt: 3 4\n",
    "1/net/sockstat": "sockets: used 20\nTCP: inuse 5 orphan 1 tw 2 alloc 5 mem 9\n",
}


def write_fake_host(root: Path) -> Path:
    """The path of the made-up /proc below `root`; the mount points of the file systems are there too, /gone is not."""
    for name, text in _FILES.items():
        file = root / "proc" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (root / "my data").mkdir()
    return root / "proc"
