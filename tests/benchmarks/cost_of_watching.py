"""What being watched once a second costs each server of the fleet: requests per CPU second with it and without.

    python tests/benchmarks/cost_of_watching.py [--only NAME] [--turns N] [--rounds N] [--json FILE]

Short pieces of the same load run by turns (A B, B A, …), each with its own CPU time of the server's process, which has
a processor to itself. Printed is the trimmed mean of the ratios of neighbours with its 95 % interval.

`scraped`: against the same process not scraped. It is scraped 20 times a second, and a twentieth of the difference is
what one scrape costs: 20 times as exact as one a second, since one costs as much as another. `preloaded`: a process
with five copies of our preload against one without, and a fifth of the difference; since these are two processes, there
are `--rounds` of fresh ones. What Node does once for each collection, however many observe it, counts a fifth there.
`watched`: both.

`a scrape` is the CPU time of one scrape, of hundreds in a row with no other load, and `by it` the ratio that follows.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from itertools import chain
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from watching.load import Load, Piece, whole  # noqa: E402  (found by the line above when this runs as a program)
from watching.measured_server import MeasuredServer, running_server  # noqa: E402
from watching.ratios import PairedRatio, Verdict, paired_ratio  # noqa: E402
from watching.scraper import Scraper, scraped  # noqa: E402

from deploy.fleet.main import build_servers, cache_folder, chosen  # noqa: E402
from deploy.fleet.servers import Server, serves_own_metrics  # noqa: E402

MUST_BE = 0.99
SCRAPES_A_SECOND = 20
PRELOADS = 5
WARM_UP_PIECES = 2
SCRAPES_PRICED = 300

# In the order of their turns; only one whose metrics are preloaded is bare or preloaded several times.
BARE, PRELOADED, UNSCRAPED, SCRAPED = "1 bare", "2 preloaded", "3 unscraped", "4 scraped"


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to run the load: against which process, and whether it is scraped meanwhile."""

    server: MeasuredServer
    is_scraped: bool = False

    def run(self, load: Load) -> Piece:
        if not self.is_scraped:
            return load.run(self.server)
        with scraped(self.server.metrics_url, 1 / SCRAPES_A_SECOND) as scraper:
            piece = load.run(self.server)
        return replace(piece, scrapes=scraper.scrapes)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one server. `ratios` by what they are of. `cores`: CPU seconds a second under this load."""

    server: str
    requests_per_second: float
    requests_per_cpu_second: float
    cores: float
    scrape_cpu_seconds: float
    ratios: dict[str, PairedRatio]

    @property
    def by_scrape(self) -> float:
        """The ratio of `scraped` if a scrape costs what it does by itself."""
        return 1 - self.scrape_cpu_seconds / self.cores


@contextmanager
def arms_of(server: Server, cache: Path, core: int, *, is_bare_first: bool) -> Iterator[dict[str, Arm]]:
    """By name, from bare to scraped, against fresh processes."""
    if serves_own_metrics(server):
        with running_server(server, cache, core) as watched:
            yield {UNSCRAPED: Arm(watched), SCRAPED: Arm(watched, is_scraped=True)}
        return
    with ExitStack() as stack:
        order = (0, 1, PRELOADS) if is_bare_first else (PRELOADS, 1, 0)
        started = {count: stack.enter_context(running_server(server, cache, core, count)) for count in order}
        watched = started[1]
        yield {
            BARE: Arm(started[0]),
            PRELOADED: Arm(started[PRELOADS]),
            UNSCRAPED: Arm(watched),
            SCRAPED: Arm(watched, is_scraped=True),
        }


def measure(server: Server, load: Load, core: int, rounds: int, turns: int, say: Callable[[str], None]) -> Cost:
    """Raises RuntimeError if a server, its metrics or the load fail."""
    pieces: dict[str, list[list[Piece]]] = {}
    price = 0.0
    for number in range(rounds):
        with arms_of(server, cache_folder(), core, is_bare_first=bool(number % 2)) as arms:
            for name, arm in arms.items():
                pieces.setdefault(name, []).append([])
                for _ in range(WARM_UP_PIECES):
                    arm.run(load)
            for turn in range(turns):
                say(f"{server.name}: round {number + 1} of {rounds}, turn {turn + 1} of {turns}")
                for name in sorted(arms, reverse=bool(turn % 2)):
                    pieces[name][-1].append(arms[name].run(load))
            price += price_of_scrape(arms[SCRAPED].server) / rounds
    first = list(chain.from_iterable(pieces[BARE if BARE in pieces else UNSCRAPED]))
    return Cost(
        server=server.name,
        requests_per_second=statistics.median(piece.requests for piece in first) / load.seconds,
        requests_per_cpu_second=statistics.median(piece.requests_per_cpu_second for piece in first),
        cores=statistics.median(piece.cpu_seconds for piece in first) / load.seconds,
        scrape_cpu_seconds=price,
        ratios=ratios_of(pieces, load.seconds),
    )


def ratios_of(pieces: dict[str, list[list[Piece]]], piece_seconds: int) -> dict[str, PairedRatio]:
    """Of the pieces of each round. `watched`, the one that the target is about, is against what is without us.

    A process that is scraped is compared with itself, turn by turn. One that is preloaded is another process than the
    bare one, and processes differ by per cents of themselves: a round says one thing, however many turns it has.
    """
    ours, theirs = (list(chain.from_iterable(pieces[name])) for name in (SCRAPED, UNSCRAPED))
    scrapes_a_second = statistics.mean(piece.scrapes for piece in ours) / piece_seconds
    scraped_once = _paired(ours, theirs).of_each(scrapes_a_second)
    if BARE not in pieces:
        return {"watched": scraped_once}
    preloaded = _paired(list(map(whole, pieces[PRELOADED])), list(map(whole, pieces[BARE]))).of_each(PRELOADS)
    return {"watched": preloaded.and_then(scraped_once), "preloaded": preloaded, "scraped": scraped_once}


def _paired(ours: list[Piece], theirs: list[Piece]) -> PairedRatio:
    pairs = zip(ours, theirs, strict=True)
    return paired_ratio([our.requests_per_cpu_second / their.requests_per_cpu_second for our, their in pairs])


def price_of_scrape(server: MeasuredServer) -> float:
    """CPU seconds of one scrape of a server that does nothing else."""
    scraper = Scraper(server.metrics_url)
    before = server.cpu_seconds()
    for _ in range(SCRAPES_PRICED):
        scraper.scrape()
    cpu_seconds = server.cpu_seconds() - before
    scraper.close()
    return cpu_seconds / SCRAPES_PRICED


def lines_of(cost: Cost) -> Iterator[str]:
    for name, ratio in cost.ratios.items():
        verdict = ratio.verdict(MUST_BE).value if name == "watched" else ""
        yield (
            f"{cost.server:10}{name:11}{cost.requests_per_second:8,.0f}{cost.requests_per_cpu_second:12,.0f}"
            f"{ratio.mean:9.4f}{ratio.low:9.4f}{ratio.high:9.4f}{ratio.pairs:7}"
            f"{cost.scrape_cpu_seconds * 1e6:11.0f}{cost.by_scrape:9.4f}  {verdict}"
        )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", help="a server's name; may be repeated")
    parser.add_argument("--rounds", type=int, default=8, help="fresh processes")
    parser.add_argument("--turns", type=int, default=2, help="pieces of load of each kind in a round")
    parser.add_argument("--seconds", type=int, default=1, help="length of a piece")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--pause-ms", type=int, default=2, help="between the requests of a connection")
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    return parser.parse_args()


def split_cores() -> tuple[int, tuple[int, ...]]:
    """The server's processor, and those of all else, this process among it."""
    *others, core = sorted(os.sched_getaffinity(0))
    if not others:
        sys.exit("got one processor, want two: one of them is the server's alone")
    os.sched_setaffinity(0, others)
    return core, tuple(others)


def main() -> None:
    arguments = parse_arguments()
    outcome = build_servers(chosen(arguments.only), cache_folder())
    core, others = split_cores()
    load = Load(arguments.connections, arguments.seconds, arguments.pause_ms, others)
    heads = (
        f"{'req/s':>8}{'req/CPU s':>12}{'ratio':>9}{'from':>9}{'to':>9}",
        f"{'pairs':>7}{'scrape µs':>11}{'by it':>9}",
    )
    print(f"{'':21}{''.join(heads)}")
    costs = []
    for server in outcome.built:
        cost = measure(server, load, core, arguments.rounds, arguments.turns, lambda text: print(text, file=sys.stderr))
        costs.append(cost)
        print("\n".join(lines_of(cost)), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(cost) for cost in costs], indent=1) + "\n")
    for problem in [*outcome.without_toolchain, *outcome.failures]:
        print(f"left out: {problem}")
    verdicts = [cost.ratios["watched"].verdict(MUST_BE) for cost in costs]
    sys.exit(1 if outcome.failures or Verdict.MISS in verdicts else 0)


if __name__ == "__main__":
    main()
