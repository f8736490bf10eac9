"""What Go and Rust leave in a program's file.

Go's build information, from 1.18 on (debug/buildinfo of Go's standard library): 14 bytes of magic, at a multiple of 16;
the size of a pointer, flags; at byte 32 two texts, each behind its length as a varint: the version, and the modules
between two markers of 16 bytes.

    path  command-line-arguments
    dep   github.com/gin-gonic/gin  v1.11.0  h1:…

Rust's panics name the source files of crates, unless these paths are trimmed: …/rocket-0.5.1/src/server.rs.
"""

from __future__ import annotations

import mmap
import re
from pathlib import Path

from monitor.discover.evidence import BinaryEvidence

FILE_BYTES_MAX = 256 * 2**20
_GO_MAGIC = b"\xff Go buildinf:"
_GO_ALIGNMENT = 16
_GO_HEADER_BYTES = 32
_GO_INLINE_TEXTS = 2
_GO_MARKER_BYTES = 16
_GO_TEXT_BYTES_MAX = 2**20
_RUST_CRATE = re.compile(rb"/([a-z][a-z0-9_-]{0,63})-\d{1,4}\.\d{1,4}\.\d{1,4}[0-9a-z.+-]{0,32}/src/")
_RUST_COMPILER = b"/rustc/"


def read_binary(path: Path) -> BinaryEvidence:
    """Looks at the first FILE_BYTES_MAX of a program's file. Raises OSError."""
    with path.open("rb") as file:
        size = min(path.stat().st_size, FILE_BYTES_MAX)
        if not size:
            return BinaryEvidence()
        with mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ) as content:
            return binary_evidence(content)


def binary_evidence(content: bytes | mmap.mmap) -> BinaryEvidence:
    version, modules = _go_build_information(content)
    if version:
        return BinaryEvidence(go_version=version, go_modules=modules)
    if content.find(_RUST_COMPILER) < 0:
        return BinaryEvidence()
    crates = dict.fromkeys(match[1].decode() for match in _RUST_CRATE.finditer(content))
    return BinaryEvidence(rust_crates=tuple(sorted(crates)), is_rust=True)


def _go_build_information(content: bytes | mmap.mmap) -> tuple[str, tuple[str, ...]]:
    """The version and the modules' paths; empty if there is none that can be read."""
    start = content.find(_GO_MAGIC)
    while start >= 0 and start % _GO_ALIGNMENT:
        start = content.find(_GO_MAGIC, start + 1)
    if start < 0 or start + _GO_HEADER_BYTES > len(content):
        return "", ()
    if not content[start + len(_GO_MAGIC) + 1] & _GO_INLINE_TEXTS:
        return "", ()  # Go before 1.18 keeps pointers there
    version, end = _go_text(content, start + _GO_HEADER_BYTES)
    information, _ = _go_text(content, end)
    lines = information[_GO_MARKER_BYTES:-_GO_MARKER_BYTES].decode(errors="replace").split("\n")
    modules = [line.split("\t")[1] for line in lines if line.startswith("dep\t")]
    return version.decode(errors="replace"), tuple(modules)


def _go_text(content: bytes | mmap.mmap, start: int) -> tuple[bytes, int]:
    """The text at `start` and where it ends; empty if its length makes no sense."""
    length, shift, position = 0, 0, start
    while position < len(content) and shift < 64:
        byte = content[position]
        length |= (byte & 0x7F) << shift
        shift, position = shift + 7, position + 1
        if byte < 0x80:
            break
    if length > min(_GO_TEXT_BYTES_MAX, len(content) - position):
        return b"", position
    return content[position : position + length], position + length
