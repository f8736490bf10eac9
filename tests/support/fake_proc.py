"""A tree of the shape of /proc, for tests that need processes no machine has."""

from __future__ import annotations

from pathlib import Path

from exporters.procfs.processes import ProcessFiles, Procfs

TICKS_PER_SECOND = 100
BOOT_SECONDS = 1_700_000_000

TCP_HEADER = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"


def stat_line(
    pid: int,
    name: str = "server",
    *,
    state: str = "S",
    start_ticks: int = 500,
    user_ticks: int = 250,
    system_ticks: int = 50,
    threads: int = 1,
    resident_pages: int = 10,
) -> str:
    """One /proc/<pid>/stat with 52 fields; faults are 11 minor and 13 major, the address space is 1 MiB."""
    before_times = f"{pid} ({name}) {state} 1 1 1 0 -1 4194304 11 12 13 14 {user_ticks} {system_ticks}"
    after_times = f"0 0 20 0 {threads} 0 {start_ticks} 1048576 {resident_pages}"
    return f"{before_times} {after_times} " + " ".join(["0"] * 28) + "\n"


def tcp_row(port: int, inode: int, *, state: str = "0A", address: str = "0100007F") -> str:
    """One row of /proc/net/tcp; state 0A listens, 01 is a connection."""
    return f"   0: {address}:{port:04X} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000 0 0 {inode} 1\n"


class FakeProc:
    """Builds the tree below `path`, with the proc file system at `path`/proc."""

    def __init__(self, path: Path) -> None:
        self.root = path
        self.path = path / "proc"
        (self.path / "self").mkdir(parents=True)
        (self.path / "net").mkdir()
        self.set_boot_seconds(BOOT_SECONDS)
        self.write_mountinfo("")
        self.write_tcp()

    def set_boot_seconds(self, seconds: int) -> None:
        (self.path / "stat").write_text(f"cpu  1 2 3\nbtime {seconds}\nprocesses 9\n")

    def write_mountinfo(self, text: str) -> None:
        (self.path / "self" / "mountinfo").write_text(text)

    def write_tcp(self, *rows: str, table: str = "tcp") -> None:
        (self.path / "net" / table).write_text(TCP_HEADER + "".join(rows))

    def write_group_file(self, path: str, text: str) -> None:
        """A file of a control group, `path` from the root of the system."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text + "\n")

    def add_process(self, pid: int, stat: str = "", *, command: str = "", sockets: tuple[int, ...] = ()) -> Path:
        """A process with 3 files and the `sockets` (inodes) open, a limit of 1024, and 40 + 2 context switches."""
        directory = self.path / str(pid)
        (directory / "fd").mkdir(parents=True, exist_ok=True)
        (directory / "stat").write_text(stat or stat_line(pid))
        (directory / "cmdline").write_text(command.replace(" ", "\0"))
        (directory / "cgroup").write_text("0::/\n")
        (directory / "io").write_text("rchar: 9\nwchar: 9\nread_bytes: 4096\nwrite_bytes: 8192\n")
        (directory / "limits").write_text("Limit    Soft Limit  Hard Limit  Units\nMax open files  1024  4096  files\n")
        for number, link in enumerate(["/dev/null"] * 3 + [f"socket:[{inode}]" for inode in sockets]):
            self.open_file(pid, number, link)
        self.set_switches(pid, {pid: (40, 2)})
        return directory

    def open_file(self, pid: int, number: int, link: str) -> None:
        path = self.path / str(pid) / "fd" / str(number)
        path.unlink(missing_ok=True)
        path.symlink_to(link)

    def set_switches(self, pid: int, threads: dict[int, tuple[int, int]]) -> None:
        """Voluntary and involuntary context switches of each thread; threads that are not named end."""
        tasks = self.path / str(pid) / "task"
        for task in tasks.iterdir() if tasks.exists() else ():
            (task / "status").unlink()
            task.rmdir()
        for thread, (voluntary, involuntary) in threads.items():
            (tasks / str(thread)).mkdir(parents=True)
            text = f"Name:\tx\nvoluntary_ctxt_switches:\t{voluntary}\nnonvoluntary_ctxt_switches:\t{involuntary}\n"
            (tasks / str(thread) / "status").write_text(text)

    def remove_process(self, pid: int) -> None:
        (self.path / str(pid)).rename(self.root / f"ended-{pid}")


class DenyingProcfs(Procfs):
    """Refuses the files and directories named, as the kernel does for other users' processes: of `pids`, or of all."""

    def __init__(self, path: Path, *denied: str, pids: tuple[int, ...] | None = None) -> None:
        super().__init__(path)
        self._denied = denied
        self._pids_denied = pids

    def process(self, pid: int) -> ProcessFiles:
        is_denied = self._pids_denied is None or pid in self._pids_denied
        return _DenyingFiles(self.path / str(pid), self._denied if is_denied else ())


class _DenyingFiles(ProcessFiles):
    def __init__(self, directory: Path, denied: tuple[str, ...]) -> None:
        super().__init__(directory)
        self._denied = denied

    def read(self, name: str) -> bytes:
        self._check(name)
        return super().read(name)

    def entries(self, name: str) -> list[str]:
        self._check(name)
        return super().entries(name)

    def _check(self, name: str) -> None:
        if name in self._denied:
            raise PermissionError(13, "Permission denied", name)
