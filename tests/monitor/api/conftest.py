from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from api_server import ApiClient, open_context, serving
from api_story import story

from monitor.api.context import ApiContext


@pytest.fixture(scope="package")
def context(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiContext]:
    """Over a store of its own."""
    with open_context(tmp_path_factory.mktemp("store")) as opened:
        yield opened


@pytest.fixture(scope="package")
def api(context: ApiContext) -> Iterator[ApiClient]:
    """A server whose store holds the story and nothing else: tests that write use one of their own."""
    with serving(context) as client:
        reply = client.write(story())
        assert reply.status == 204, reply.body
        yield client


@pytest.fixture(scope="package")
def context_factory(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], AbstractContextManager[ApiClient]]:
    """Gives servers over empty stores."""

    @contextmanager
    def empty_server() -> Iterator[ApiClient]:
        with open_context(tmp_path_factory.mktemp("store")) as opened, serving(opened) as client:
            yield client

    return empty_server
