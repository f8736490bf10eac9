from __future__ import annotations

import contextlib
import os
import select
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporters.log_following.byte_stream import ByteStream
from exporters.log_following.readiness import Awaited
from exporters.log_following.source import FollowSettings


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reading_end, writing_end = os.pipe()
    yield reading_end, writing_end


def test_a_silent_pipe_does_not_block(pipe: tuple[int, int]) -> None:
    stream = ByteStream(pipe[0], is_fifo=False)

    assert (stream.read(), stream.status().has_writer) == (b"", True)


def test_a_line_is_read_when_it_is_whole(pipe: tuple[int, int]) -> None:
    stream = ByteStream(pipe[0], is_fifo=False)
    os.write(pipe[1], b"one\ntw")
    first = stream.read()
    os.write(pipe[1], b"o\n")

    assert (first, stream.read()) == (b"one\n", b"two\n")


def test_the_end_of_a_pipe_drops_half_a_line_and_tells(pipe: tuple[int, int]) -> None:
    stream = ByteStream(pipe[0], is_fifo=False)
    os.write(pipe[1], b"one\nhalf")
    os.close(pipe[1])
    lines = [stream.read(), stream.read(), stream.read()]

    assert lines == [b"one\n", b"", b""]
    status = stream.status()
    assert (status.is_open, status.has_writer, status.incomplete_lines) == (False, False, 1)


def test_a_fifo_goes_on_with_its_next_writer(pipe: tuple[int, int]) -> None:
    stream = ByteStream(pipe[0], is_fifo=True)
    os.close(pipe[1])
    stream.read()

    assert (stream.status().is_open, stream.status().has_writer) == (True, False)


def test_a_fifo_is_waited_for_while_it_has_a_writer(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    stream = ByteStream(os.open(tmp_path / "fifo", os.O_RDONLY | os.O_NONBLOCK), is_fifo=True)
    awaited = []
    for _ in range(2):
        (tmp_path / "fifo").write_text("one\n")
        for _ in range(2):
            stream.read()
            awaited.append(stream.awaited is not None)

    assert awaited == [True, False, True, False]
    stream.close()


def test_what_is_read_goes_on_to_where_it_was_meant_for(pipe: tuple[int, int]) -> None:
    copy_reading_end, copy_writing_end = os.pipe()
    stream = ByteStream(pipe[0], is_fifo=False, copy_to=copy_writing_end)
    os.write(pipe[1], b"one\nhalf")
    stream.read()

    assert os.read(copy_reading_end, 100) == b"one\nhalf"


@pytest.fixture
def full_pipe() -> Iterator[tuple[int, int]]:
    """One that nobody reads yet."""
    reading_end, writing_end = os.pipe()
    os.set_blocking(writing_end, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(writing_end, bytes(4096))
    os.set_blocking(writing_end, True)
    yield reading_end, writing_end


def test_what_does_not_go_on_is_held_and_nothing_more_is_read(
    pipe: tuple[int, int], full_pipe: tuple[int, int]
) -> None:
    stream = ByteStream(pipe[0], is_fifo=False, copy_to=full_pipe[1])
    os.write(pipe[1], b"one\n")
    first = stream.read()
    os.write(pipe[1], b"two\n")
    second = stream.read()
    assert (first, second) == (b"one\n", b"")
    assert stream.awaited is not None and stream.awaited.event == select.POLLOUT

    os.read(full_pipe[0], 1 << 20)
    assert (stream.read(), os.read(full_pipe[0], 100)) == (b"two\n", b"one\ntwo\n")


def test_what_a_pipe_holds_at_the_end_goes_on(pipe: tuple[int, int]) -> None:
    copy_reading_end, copy_writing_end = os.pipe()
    stream = ByteStream(pipe[0], is_fifo=False, copy_to=copy_writing_end)
    os.write(pipe[1], b"goodbye")
    stream.pass_on_rest(3600)

    assert os.read(copy_reading_end, 100) == b"goodbye"


@pytest.mark.parametrize("pair", [os.pipe, lambda: [end.detach() for end in reversed(socket.socketpair())]])
def test_passing_on_never_blocks_and_never_changes_what_others_share(
    pipe: tuple[int, int], pair: Callable[[], tuple[int, int]]
) -> None:
    copy_reading_end, copy_writing_end = pair()
    stream = ByteStream(pipe[0], is_fifo=False, copy_to=copy_writing_end)
    written = b""
    while stream.awaited == Awaited(pipe[0], select.POLLIN):
        written += b"x" * os.write(pipe[1], b"x" * 5_000)
        stream.read()
    assert os.get_blocking(copy_writing_end)

    passed_on = b""
    while len(passed_on) < len(written):
        passed_on += os.read(copy_reading_end, 1 << 20)
        stream.read()
    assert (passed_on, stream.awaited) == (written, Awaited(pipe[0], select.POLLIN))


def test_the_rest_is_given_up_when_nobody_takes_it(pipe: tuple[int, int], full_pipe: tuple[int, int]) -> None:
    stream = ByteStream(pipe[0], is_fifo=False, copy_to=full_pipe[1])
    os.write(pipe[1], b"goodbye")
    stream.pass_on_rest(0.01)

    assert set(os.read(full_pipe[0], 1 << 20)) == {0}


def test_the_rest_is_dropped_when_its_reader_has_gone(pipe: tuple[int, int]) -> None:
    copy_reading_end, copy_writing_end = os.pipe()
    os.close(copy_reading_end)
    stream = ByteStream(pipe[0], is_fifo=False, copy_to=copy_writing_end)
    os.write(pipe[1], b"goodbye")
    stream.pass_on_rest(3600)

    assert stream.awaited == Awaited(pipe[0], select.POLLIN)


@given(pieces=st.lists(st.binary(min_size=1, max_size=30), max_size=8))
def test_lines_come_out_as_they_went_in_however_they_are_cut(pieces: list[bytes]) -> None:
    reading_end, writing_end = os.pipe()
    stream, read = ByteStream(reading_end, is_fifo=False, settings=FollowSettings(block_bytes=1024)), b""
    for piece in pieces:
        os.write(writing_end, piece)
        read += stream.read()
    os.close(writing_end)
    stream.close()

    text = b"".join(pieces)
    assert read == text[: text.rfind(b"\n") + 1]


def test_a_line_longer_than_the_limit_is_left_out(pipe: tuple[int, int]) -> None:
    stream = ByteStream(pipe[0], is_fifo=False, settings=FollowSettings(block_bytes=8))
    read = b""
    for piece in (b"one\nxxxx", b"xxxxxxxx", b"xx\ntwo\n"):
        os.write(pipe[1], piece)
        read += stream.read()

    assert (read, stream.status().overlong_lines) == (b"one\ntwo\n", 1)
