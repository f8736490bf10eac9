"""A program that we start and whose GC log we read from its output, which goes on to where it would have gone."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Sequence
from types import TracebackType

from exporters.errors import CannotStart
from exporters.gc_logs.collector import Runtime
from exporters.log_following.byte_stream import ByteStream
from exporters.serve import STOP_SIGNALS

_STANDARD_OUTPUT, _STANDARD_ERROR = 1, 2


class WatchedProgram:
    """Go writes its log to standard error, Node and the JVM write theirs to standard output. A context manager."""

    def __init__(
        self,
        command: Sequence[str],
        runtime: Runtime,
        stop_timeout_seconds: float = 10.0,
        last_words_seconds: float = 2.0,
    ) -> None:
        """Starts it, while this process has no other thread. Raises CannotStart."""
        self._stop_timeout_seconds = stop_timeout_seconds
        self._last_words_seconds = last_words_seconds
        watched = _STANDARD_ERROR if runtime is Runtime.GO else _STANDARD_OUTPUT
        reading_end, writing_end = os.pipe()
        stdout, stderr = (writing_end, None) if watched == _STANDARD_OUTPUT else (None, writing_end)
        try:
            self._process = subprocess.Popen(
                command,
                stdout=stdout,
                stderr=stderr,
                preexec_fn=_let_stop_signals_through,  # noqa: PLW1509 - there are no threads yet
            )
        except OSError as error:
            os.close(reading_end)
            raise CannotStart(command[0], error) from error
        finally:
            os.close(writing_end)
        self.source = ByteStream(reading_end, is_fifo=False, copy_to=watched)

    def __enter__(self) -> WatchedProgram:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """What it printed last still goes on, if whoever reads it takes it in `last_words_seconds`."""
        self.stop()
        self.source.pass_on_rest(self._last_words_seconds)
        self.source.close()

    def stop(self) -> None:
        """Asks it to end, if it still runs, and insists after `stop_timeout_seconds`.

        Somebody has to read `source` meanwhile: a program that writes into a full pipe does not end.
        """
        self._process.terminate()
        try:
            self._process.wait(self._stop_timeout_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def wait(self) -> int:
        """Its exit code as a shell shows it, once it has ended."""
        code = self._process.wait()
        return code if code >= 0 else 128 - code


def _let_stop_signals_through() -> None:
    """We may hold them, and the program would inherit that."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
