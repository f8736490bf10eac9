"""The data directory: its layout, and the lock that keeps a second server out."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

from monitor.errors import DataDirectoryLocked, StorageError, StorageFull


class DataDirectory:
    """`root` made and locked for this process.

    journal.sqlite      what is not in a block yet (journal.py)
    blocks/*.sqlite     sealed blocks (block_writer.py)
    quarantine/         damaged files, moved aside
    snapshots/          what `plimsoll snapshot` made
    lock                held by the running server; says which process that is
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.journal = root / "journal.sqlite"
        self.blocks = root / "blocks"
        self.quarantine = root / "quarantine"
        self.snapshots = root / "snapshots"
        try:
            self.blocks.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(root / "lock", os.O_RDWR | os.O_CREAT, 0o644)
        except OSError as error:
            raise StorageError(f"{root}: the data directory cannot be used: {error.strerror}") from error
        self._acquire()

    def _acquire(self) -> None:
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = os.read(self._lock, 200).decode(errors="replace").strip() or "another process"
            os.close(self._lock)
            raise DataDirectoryLocked(f"{self.root}: the data directory is held by {holder}") from None
        os.ftruncate(self._lock, 0)
        try:
            os.pwrite(self._lock, f"pid {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        except OSError as error:
            raise StorageFull(f"{self.root}: {error.strerror}") from error

    def release(self) -> None:
        os.close(self._lock)

    def journal_bytes(self) -> int:
        """What the journal takes on the disk."""
        paths = (self.journal, self.journal.with_name(f"{self.journal.name}-wal"))
        return sum(path.stat().st_size for path in paths if path.exists())

    def block_paths(self) -> list[Path]:
        """The sealed blocks; what a crash left half-written is removed first."""
        for unfinished in self.blocks.glob("*.tmp"):
            unfinished.unlink()
        return sorted(self.blocks.glob("*.sqlite"))
