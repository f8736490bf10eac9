from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys

import pytest
from service_process import wait_until

from monitor.demo.children import Child
from monitor.errors import DemoError

SLEEPER = ["-c", "import time; print('ready', flush=True); time.sleep(60)"]
STUBBORN = ["-c", "import signal, time; signal.signal(15, signal.SIG_IGN); print('ready', flush=True); time.sleep(60)"]

# Starts a child, says its id, and waits.
PARENT = """
import asyncio, sys
from pathlib import Path
from monitor.demo.children import Child
async def main():
    child = await Child.start("it", ["-c", "import time; time.sleep(60)"], Path(sys.argv[1]))
    print(child.process.pid, flush=True)
    await asyncio.sleep(60)
asyncio.run(main())
"""


def is_running(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


@pytest.mark.parametrize("program", [SLEEPER, STUBBORN], ids=["willing", "stubborn"])
def test_a_child_is_ended_one_way_or_the_other(tmp_path, program):
    async def story() -> int | None:
        child = await Child.start("it", program, tmp_path / "log", is_piped=True)
        assert child.process.stdout is not None
        assert await child.process.stdout.readline() == b"ready\n"
        await child.end(timeout_seconds=0.3)
        return child.process.returncode

    assert asyncio.run(story()) == (-signal.SIGTERM if program is SLEEPER else -signal.SIGKILL)


def test_a_child_that_has_ended_by_itself_is_reported_with_its_last_words(tmp_path):
    async def story() -> None:
        child = await Child.start("the service", ["-c", "raise SystemExit('no room')"], tmp_path / "log")
        await child.process.wait()
        child.check()

    with pytest.raises(DemoError, match="the service has ended with code 1:\nno room"):
        asyncio.run(story())


def test_a_child_does_not_outlive_a_parent_that_is_killed(tmp_path):
    command = [sys.executable, "-c", PARENT, str(tmp_path / "log")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        child_pid = int(parent.stdout.readline())
        assert is_running(child_pid)

        parent.kill()

    wait_until(lambda: not is_running(child_pid), seconds=10)
