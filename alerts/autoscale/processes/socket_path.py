"""Unix sockets in any directory.

Their addresses have room for 107 bytes (unix(7)), and a data directory may be deeper than that: so the directory is
named by a descriptor of this process, which is short.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def short_path(path: Path) -> Iterator[str]:
    """Another path of the socket at `path`, to bind or connect it within the block. Raises OSError without a folder."""
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{path.name}"
    finally:
        os.close(descriptor)
