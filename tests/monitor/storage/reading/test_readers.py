"""Who waits for readers, and for how long."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from monitor.storage.reading.reader import Sealed
from monitor.storage.reading.readers import Readers


def test_it_is_quiet_when_the_last_reader_has_ended() -> None:
    readers = Readers(Sealed())
    with ThreadPoolExecutor(1) as executor:
        with readers.enter():
            with readers.enter():
                pass
            assert not readers.wait_for_quiet(0.001)
            waiting = executor.submit(readers.wait_for_quiet, 60)
        assert waiting.result(30)


def test_new_data_waits_for_readers_of_older_data_only() -> None:
    readers = Readers(Sealed())
    with readers.enter():
        assert not readers.publish(Sealed(), 0.001)
    with readers.enter():
        assert not readers.publish(Sealed(), 0.001)
    assert readers.publish(Sealed(), 60)
