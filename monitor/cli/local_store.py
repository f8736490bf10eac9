"""The store of a data directory whose server is stopped."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from monitor.clock import SystemClock
from monitor.errors import NotFound
from monitor.storage.store import Store, StoreSettings


@contextmanager
def local_store(data: Path) -> Iterator[Store]:
    """Opened, committing, and closed again. Raises NotFound, DataDirectoryLocked if a server runs there."""
    if not (data / "blocks").is_dir():
        raise NotFound(f"{data}: got no folder named blocks in it, want a data directory")
    store = Store(data, StoreSettings(), SystemClock())
    store.start()
    try:
        yield store
    finally:
        store.close()
