from __future__ import annotations

import sys
from pathlib import Path

import pytest
from live_fleet import left_out_in

from deploy.fleet.errors import FleetError
from deploy.fleet.main import place_of
from deploy.fleet.servers import PRELOAD, SERVERS, Place, environment
from deploy.fleet.toolchains import CARGO, GO, NODE, Toolchain, build_commands, run, why_unusable


@pytest.mark.parametrize(
    ("toolchain", "printed"),
    [
        (CARGO, "cargo 1.95.0 (f2d3ce0bd 2026-03-21)\n"),
        (CARGO, "cargo 1.89.0\n"),
        (GO, "go version go1.26.8 linux/amd64\n"),
        (NODE, "v18.0.0\n"),
        (NODE, "v22.12.0\n"),
    ],
)
def test_a_toolchain_that_is_new_enough_will_do(toolchain: Toolchain, printed: str) -> None:
    assert why_unusable(toolchain, lambda _: printed) == ""


@pytest.mark.parametrize(
    ("toolchain", "printed"),
    [(CARGO, "cargo 1.88.9"), (GO, "go version go1.9.7 linux/amd64"), (NODE, "v16.20.2"), (NODE, "nonsense")],
)
def test_an_old_toolchain_is_named_with_what_is_wanted_and_where_to_get_it(toolchain: Toolchain, printed: str) -> None:
    problem = why_unusable(toolchain, lambda _: printed)

    assert problem.startswith(f"got {printed}; want {toolchain.name} >= ")
    assert "https://" in problem


def test_a_missing_toolchain_is_named_with_where_to_get_it() -> None:
    problem = why_unusable(Toolchain("Zig", ("no-such-zig", "version"), (1, 2), "https://zig.example"), run_here)

    assert problem == "no-such-zig is not on the PATH; want Zig >= 1.2: https://zig.example"


def run_here(command: object) -> str:
    assert isinstance(command, tuple)
    return run(command, Path(), 10)


def test_a_failed_build_shows_the_end_of_its_output() -> None:
    command = [sys.executable, "-c", "import sys\nfor n in range(99): print('line', n)\nsys.exit(3)"]

    with pytest.raises(FleetError, match=r"exit code 3\nline 69\n(.*\n)*line 98$"):
        run(command, Path(), 10)


def test_a_version_is_read_without_what_is_said_beside_it() -> None:
    # As go does with GODEBUG=gctrace=1.
    command = [sys.executable, "-c", "import sys\nprint('gc 1 @0.069s', file=sys.stderr)\nprint('v18.0.0')"]

    assert why_unusable(NODE, lambda _: run(command, Path(), 10)) == ""


def test_a_build_that_hangs_is_ended() -> None:
    with pytest.raises(FleetError, match=r"not done after 0\.2 s"):
        run([sys.executable, "-c", "import time; time.sleep(60)"], Path(), 0.2)


def test_everything_built_goes_into_the_cache_with_locked_versions() -> None:
    cache = Path("/cache")

    [(_, cargo)] = build_commands(CARGO, cache, ["tokio", "rocket"])
    [(folder, go)] = build_commands(GO, cache, ["gin"])

    assert {"--locked", "--target-dir=/cache/rust", "--package=fleet-tokio", "--package=fleet-rocket"} <= set(cargo)
    assert (folder, go[-2]) == ("gin", "/cache/bin/gin")
    assert build_commands(NODE, cache, ["node-std"]) == []


def test_each_server_keeps_its_port() -> None:
    places = [place_of(server, 8101) for server in SERVERS]

    assert [place.port for place in places] == list(range(8101, 8108))
    assert [place.metrics_port for place in places] == [8101, 8102, 8103, 8104, 8105, 8106, 8207]


def test_only_node_gets_the_preload_beside_the_options_it_has() -> None:
    node, gin = SERVERS[-1], SERVERS[-3]

    variables = environment(node, Place(1, 2), {"NODE_OPTIONS": "--trace-gc", "HOME": "/h"})

    assert variables["NODE_OPTIONS"] == f'--trace-gc --require "{PRELOAD}"'
    assert (variables["PORT"], variables["PLIMSOLL_METRICS_PORT"], variables["HOME"]) == ("1", "2", "/h")
    assert environment(gin, Place(1, 1), {}) == {"HOST": "127.0.0.1", "PORT": "1"}


def test_a_server_listens_where_the_fleet_looks_for_it_whatever_the_shell_exports() -> None:
    for server in SERVERS:
        assert environment(server, Place(1, 2), {"HOST": "build-7"})["HOST"] == "127.0.0.1"


def test_what_is_left_out_is_read_by_server() -> None:
    text = "building\nleft out: gin, go-std: go is not on the PATH; want Go >= 1.26: https://go.dev/dl\n"

    assert left_out_in(text) == dict.fromkeys(("gin", "go-std"), text.partition("go-std: ")[2].strip())
