from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from toolchains import need_program

from monitor.discover.binaries import binary_evidence, read_binary
from monitor.discover.evidence import BinaryEvidence

MARKER = b"m" * 16
MODULES = b"path\tshop\ndep\tgithub.com/gin-gonic/gin\tv1.11.0\th1:x\ndep\tgolang.org/x/net\tv0.40.0\th1:y\n"


def varint(number: int) -> bytes:
    return bytes([number]) if number < 0x80 else bytes([number & 0x7F | 0x80]) + varint(number >> 7)


def go_binary(version: bytes = b"go1.26.8", information: bytes = MARKER + MODULES + MARKER, flags: int = 2) -> bytes:
    header = b"\xff Go buildinf:" + bytes([8, flags]) + bytes(16)
    return b"\x7fELF" + bytes(28) + header + varint(len(version)) + version + varint(len(information)) + information


def test_go_leaves_its_version_and_modules() -> None:
    expected = BinaryEvidence(go_version="go1.26.8", go_modules=("github.com/gin-gonic/gin", "golang.org/x/net"))
    assert binary_evidence(go_binary()) == expected


def test_magic_at_an_odd_place_is_no_build_information() -> None:
    assert binary_evidence(b"x" + go_binary()) == BinaryEvidence()
    assert binary_evidence(b"x\xff Go buildinf:x" + go_binary()).go_version == "go1.26.8"


def test_pointers_of_an_old_go_are_not_followed() -> None:
    assert binary_evidence(go_binary(flags=0)) == BinaryEvidence()


@pytest.mark.parametrize("length", range(33, 180, 7))
def test_a_binary_that_is_cut_off_says_less(length: int) -> None:
    evidence = binary_evidence(go_binary()[:length])
    assert evidence.go_version in {"", "go1.26.8"}


@given(st.binary(max_size=200))
def test_any_bytes_behind_the_magic_are_taken(rest: bytes) -> None:
    binary_evidence(b"\xff Go buildinf:" + bytes([8, 2]) + bytes(16) + rest)


def test_rust_leaves_the_names_of_crates() -> None:
    content = b"\0/rustc/59807616/library/\0/registry/src/index-1/rocket-0.5.2/src/server.rs\0/hyper-1.12.0/src/a.rs"
    assert binary_evidence(content) == BinaryEvidence(is_rust=True, rust_crates=("hyper", "rocket"))


def test_the_interpreter_of_the_tests_is_neither_and_an_empty_file_is_nothing(tmp_path: Path) -> None:
    assert not read_binary(Path(sys.executable).resolve()).go_version
    (tmp_path / "empty").touch()
    assert read_binary(tmp_path / "empty") == BinaryEvidence()


def test_a_real_go_program_is_recognised() -> None:
    go = Path(subprocess.run([need_program("go"), "env", "GOROOT"], capture_output=True, text=True, check=True).stdout)
    evidence = read_binary(Path(str(go).strip()) / "bin" / "go")
    assert evidence.go_version.startswith("go1.")
