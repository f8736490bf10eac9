from __future__ import annotations

import os
import resource
import threading
from collections.abc import Iterator

import pytest

from exporters.log_following.byte_stream import ByteStream
from exporters.log_following.polling import Polling

BLOCK = b"x" * 65_535 + b"\n"


class Pipe:
    """What is written into a pipe, and how much of it a poll read."""

    def __init__(self) -> None:
        reading_end, self.writing_end = os.pipe()
        self.source = ByteStream(reading_end, is_fifo=False)
        self.read_bytes = 0

    def poll(self) -> bool:
        data = self.source.read()
        self.read_bytes += len(data)
        return bool(data)

    def write(self, blocks: int) -> None:
        for _ in range(blocks):
            os.write(self.writing_end, BLOCK)


@pytest.fixture
def pipe() -> Iterator[Pipe]:
    pipe = Pipe()
    yield pipe
    os.close(pipe.writing_end)
    pipe.source.close()


def test_a_failing_poll_is_told_and_tried_again() -> None:
    failures, succeeded = [], threading.Event()

    def poll() -> bool:
        if not failures:
            raise OSError("disk on fire")
        succeeded.set()
        return False

    with Polling(poll, 0.001, lambda: failures.append(1)):
        assert succeeded.wait(5)

    assert failures == [1]


def test_while_there_is_more_it_does_not_wait() -> None:
    left, done = [3], threading.Event()

    def poll() -> bool:
        left[0] -= 1
        if left[0] == 0:
            done.set()
        return left[0] > 0

    with Polling(poll, 3600):
        assert done.wait(5)


def test_whoever_writes_into_a_pipe_never_waits_for_the_interval(pipe: Pipe) -> None:
    writer = threading.Thread(target=pipe.write, args=(200,), daemon=True)
    with Polling(pipe.poll, 3600, sources=[pipe.source]):
        writer.start()
        writer.join(30)
        assert not writer.is_alive()

    while pipe.poll():
        pass
    assert pipe.read_bytes == 200 * len(BLOCK)


@pytest.fixture
def many_descriptors() -> Iterator[None]:
    """So that further ones are beyond what select() takes."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    opened = [os.open(os.devnull, os.O_RDONLY) for _ in range(1024)]
    yield
    for descriptor in opened:
        os.close(descriptor)
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


@pytest.mark.usefixtures("many_descriptors")
def test_a_pipe_is_read_in_a_program_with_many_descriptors() -> None:
    pipe = Pipe()
    with Polling(pipe.poll, 0.001, sources=[pipe.source]):
        writer = threading.Thread(target=pipe.write, args=(200,), daemon=True)
        writer.start()
        writer.join(30)
        assert not writer.is_alive()
    os.close(pipe.writing_end)
    pipe.source.close()
