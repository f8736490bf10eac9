"""The seven servers of the fleet: what each is, what builds it and where it listens."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from deploy.fleet.toolchains import CARGO, GO, NODE, Toolchain

FLEET_FOLDER = Path(__file__).parent
PRELOAD = FLEET_FOLDER.parent.parent / "exporters" / "node_preload" / "preload.cjs"
ROUTES = ("/", "/product/{id}", "/pay", "/slow", "/fail")


@dataclass(frozen=True, slots=True)
class Server:
    """`name` is also its folder. `artifact` is what a build leaves under the cache; empty if nothing is built."""

    name: str
    toolchain: Toolchain
    runtime: str
    framework: str
    artifact: str = ""

    def command(self, cache: Path) -> list[str]:
        """What starts it."""
        return [str(cache / self.artifact)] if self.artifact else ["node", str(FLEET_FOLDER / self.name / "server.js")]


SERVERS = (
    Server("tokio", CARGO, "rust", "tokio", "rust/release/fleet-tokio"),
    Server("hyperlane", CARGO, "rust", "hyperlane", "rust/release/fleet-hyperlane"),
    Server("rocket", CARGO, "rust", "rocket", "rust/release/fleet-rocket"),
    Server("rust-std", CARGO, "rust", "std", "rust/release/fleet-rust-std"),
    Server("gin", GO, "go", "gin", "bin/gin"),
    Server("go-std", GO, "go", "std", "bin/go-std"),
    Server("node-std", NODE, "node", "std"),
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a server listens; `metrics_port` is another than `port` if its metrics are served beside it."""

    port: int
    metrics_port: int


def environment(server: Server, place: Place, inherited: Mapping[str, str] = os.environ) -> dict[str, str]:
    """The variables of the server's process: Node's gets our preload, the others nothing but their address.

    HOST too, which some shells export with the machine's name: a server would listen where nobody looks for it.
    """
    own = {"HOST": "127.0.0.1", "PORT": str(place.port)}
    if server.toolchain is NODE:
        options = inherited.get("NODE_OPTIONS", "")
        own["NODE_OPTIONS"] = f'{options} --require "{PRELOAD}"'.strip()
        own["PLIMSOLL_METRICS_PORT"] = str(place.metrics_port)
        own["PLIMSOLL_METRICS_ROUTES"] = ",".join(ROUTES)
    return {**inherited, **own}


def serves_own_metrics(server: Server) -> bool:
    """Whether /metrics is on the server's own port."""
    return server.toolchain is not NODE
