from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporters.log_following.followed_file import FollowedFile, Start
from exporters.log_following.open_file import FilePosition
from exporters.log_following.source import FollowSettings


class Seconds:
    """A clock that only the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "access.log"


def follow(
    path: Path,
    start: Start = Start.BEGINNING,
    seconds: Seconds | None = None,
    block_bytes: int = 1 << 20,
    positions: Sequence[FilePosition] = (),
) -> FollowedFile:
    return FollowedFile(path, start, seconds or Seconds(), FollowSettings(block_bytes, 10.0), positions)


def read_all(source: FollowedFile) -> bytes:
    """Until there is nothing for a few times: a truncated file takes a read to be noticed."""
    read, silent = b"", 0
    while silent < 3:
        lines = source.read()
        read += lines
        silent = 0 if lines else silent + 1
    return read


def append(path: Path, text: bytes) -> None:
    with path.open("ab") as file:
        file.write(text)


def test_only_whole_lines_are_read(path: Path) -> None:
    append(path, b"one\ntw")
    source = follow(path)

    first = read_all(source)
    append(path, b"o\n")

    assert (first, read_all(source)) == (b"one\n", b"two\n")


def test_from_the_end_what_is_there_is_not_read(path: Path) -> None:
    append(path, b"one\ntw")
    source = follow(path, Start.END)
    append(path, b"o\nthree\n")

    assert read_all(source) == b"two\nthree\n"


def test_a_file_that_comes_later_is_read_from_its_beginning(path: Path) -> None:
    source = follow(path, Start.END)
    before = source.status()
    append(path, b"one\n")

    assert (before.is_open, "No such file" in before.problem) == (False, True)
    assert (read_all(source), source.status().is_open) == (b"one\n", True)


def test_renaming_loses_nothing_and_reads_nothing_twice(path: Path) -> None:
    append(path, b"one\n")
    source = follow(path)
    first = source.read()
    append(path, b"two\n")
    path.rename(path.with_suffix(".log.1"))
    between = source.read()
    append(path, b"four\n")
    append(path.with_suffix(".log.1"), b"three\n")

    assert (first, between, read_all(source)) == (b"one\n", b"two\n", b"three\nfour\n")
    assert source.status().renamed == 1


def test_an_old_file_is_read_on_for_the_grace_period(path: Path) -> None:
    seconds = Seconds()
    append(path, b"one\n")
    source = follow(path, seconds=seconds)
    old = path.rename(path.with_suffix(".log.1"))
    append(path, b"two\n")
    read_all(source)
    seconds.now = 9.0
    append(old, b"late\nhalf")
    late = read_all(source)
    seconds.now = 10.0
    read_all(source)
    append(old, b"too late\n")

    assert (late, read_all(source)) == (b"late\n", b"")
    assert source.status().incomplete_lines == 1


def test_copying_and_truncating_starts_at_the_beginning(path: Path) -> None:
    append(path, b"one\ntwo\n")
    source = follow(path)
    read_all(source)
    shutil.copy(path, path.with_suffix(".log.1"))
    os.truncate(path, 0)
    append(path, b"three\n")

    assert read_all(source) == b"three\n"
    assert source.status().truncated == 1


def test_a_truncated_file_that_grew_beyond_the_old_position_is_noticed(path: Path) -> None:
    append(path, b"one\ntwo\n")
    source = follow(path)
    read_all(source)
    os.truncate(path, 0)
    append(path, b"three\nfour\nfive\n")

    assert read_all(source) == b"three\nfour\nfive\n"


def test_a_line_longer_than_a_block_is_left_out_and_counted(path: Path) -> None:
    append(path, b"one\n" + b"x" * 50 + b"\ntwo\n")
    source = follow(path, block_bytes=16)

    assert read_all(source) == b"one\ntwo\n"
    assert source.status().overlong_lines == 1


def test_reading_goes_on_where_an_earlier_life_ended(path: Path) -> None:
    append(path, b"one\n")
    earlier = follow(path)
    read_all(earlier)
    append(path, b"two\n")

    assert read_all(follow(path, Start.END, positions=earlier.positions)) == b"two\n"


def test_a_file_renamed_while_nobody_looked_is_read_to_its_end(path: Path) -> None:
    append(path, b"one\n")
    earlier = follow(path)
    read_all(earlier)
    append(path, b"two\n")
    path.rename(path.with_suffix(".log.1"))
    append(path, b"three\n")

    assert read_all(follow(path, Start.END, positions=earlier.positions)) == b"two\nthree\n"


def test_a_file_rewritten_while_nobody_looked_is_read_from_its_beginning(path: Path) -> None:
    append(path, b"one\n")
    earlier = follow(path)
    read_all(earlier)
    os.truncate(path, 0)
    append(path, b"other\nlines\n")

    assert read_all(follow(path, Start.END, positions=earlier.positions)) == b"other\nlines\n"


def test_what_is_written_and_not_read_is_told(path: Path) -> None:
    append(path, b"one\ntwo\n")
    source = follow(path, Start.END)
    append(path, b"three\n")

    assert source.status().behind_bytes == 6


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    assert follow(tmp_path).status().problem == f"{tmp_path}: not a regular file"


steps = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.binary(max_size=12)),
        st.tuples(st.sampled_from(("rename", "read", "restart")), st.just(b"")),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(steps=steps)
def test_whatever_happens_every_whole_line_is_read_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, bytes]]
) -> None:
    path = tmp_path_factory.mktemp("log") / "access.log"
    path.touch()
    source, read, written, open_line, files = follow(path), b"", b"", b"", 0
    for step, text in steps:
        if step == "write":
            append(path, text)
            whole, line_break, open_line = (open_line + text).rpartition(b"\n")
            written += whole + line_break
        elif step == "rename":
            read += read_all(source)
            files += 1
            path.rename(path.with_name(f"access.log.{files}"))
            path.touch()
            open_line = b""
        elif step == "restart":
            positions = source.positions
            source.close()
            source = follow(path, Start.END, positions=positions)
        else:
            read += source.read()
    read += read_all(source)
    source.close()

    assert sorted(read.split(b"\n")) == sorted(written.split(b"\n"))
