"""What being watched once a second costs each server of the fleet: requests per CPU second with it and without.

    python tests/benchmarks/cost_of_watching.py [--only NAME] [--turns N] [--rounds N] [--json FILE]

Short pieces of the same load run by turns (A B, B A, …), each with its own CPU time of the server's process, so that
what else the machine does hits both alike. Printed is the median of the ratios of neighbours with its 95 % interval.
`scraped`: against the same process not scraped. `preloaded`: a process with our preload against one without, which is
another process, so there are `--rounds` of fresh ones. `watched`: preloaded and scraped against neither.

`a scrape` is the CPU time of one scrape, of hundreds in a row, and `by it` the ratio that follows of it; the ratios of
runs of load are not as fine.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT), str(Path(__file__).parent)]

from watching.load import Load, Piece  # noqa: E402  (found by the line above when this runs as a program)
from watching.measured_server import MeasuredServer, running_server  # noqa: E402
from watching.ratios import PairedRatio, Verdict, paired_ratio  # noqa: E402
from watching.scraper import Scraper, scraped  # noqa: E402

from deploy.fleet.main import build_servers, cache_folder, chosen  # noqa: E402
from deploy.fleet.servers import Server, serves_own_metrics  # noqa: E402

MUST_BE = 0.99
INTERVAL_SECONDS = 1.0
WARM_UP_PIECES = 3
SCRAPES_PRICED = 300

# In the order of their turns; a server that shows its metrics itself is never bare.
BARE, PRELOADED, WATCHED = "1 bare", "2 preloaded", "3 watched"


@dataclass(frozen=True, slots=True)
class Arm:
    """One way to run the load: against which process, and whether it is scraped meanwhile."""

    server: MeasuredServer
    is_scraped: bool = False

    def run(self, load: Load) -> Piece:
        scraping = scraped(self.server.metrics_url, INTERVAL_SECONDS) if self.is_scraped else nullcontext()
        with scraping:
            return load.run(self.server)


@dataclass(frozen=True, slots=True)
class Cost:
    """Of one server. `ratios` by what they are of. `cores`: CPU seconds a second under this load."""

    server: str
    requests_per_cpu_second: float
    cores: float
    scrape_cpu_seconds: float
    ratios: dict[str, PairedRatio]

    @property
    def by_scrape(self) -> float:
        """The ratio of `scraped` if a scrape costs what it does by itself."""
        return 1 - self.scrape_cpu_seconds / (self.cores * INTERVAL_SECONDS)


@contextmanager
def arms_of(server: Server, cache: Path) -> Iterator[dict[str, Arm]]:
    """By name, from bare to watched, against fresh processes."""
    with running_server(server, cache) as watched:
        arms = {PRELOADED: Arm(watched), WATCHED: Arm(watched, is_scraped=True)}
        if serves_own_metrics(server):
            yield arms
            return
        with running_server(server, cache, has_metrics=False) as bare:
            yield {BARE: Arm(bare), **arms}


def measure(server: Server, load: Load, rounds: int, turns: int, say: Callable[[str], None]) -> Cost:
    """Raises RuntimeError if a server, its metrics or the load fail."""
    pieces: dict[str, list[Piece]] = {}
    price = 0.0
    for number in range(rounds):
        with arms_of(server, cache_folder()) as arms:
            for arm in arms.values():
                for _ in range(WARM_UP_PIECES):
                    arm.run(load)
            for turn in range(turns):
                say(f"{server.name}: round {number + 1} of {rounds}, turn {turn + 1} of {turns}")
                for name in sorted(arms, reverse=bool(turn % 2)):
                    pieces.setdefault(name, []).append(arms[name].run(load))
            price += price_of_scrape(arms[WATCHED].server) / rounds
    rates = {name: [piece.requests_per_cpu_second for piece in found] for name, found in pieces.items()}
    first = pieces[BARE if BARE in pieces else PRELOADED]
    return Cost(
        server=server.name,
        requests_per_cpu_second=statistics.median(piece.requests_per_cpu_second for piece in first),
        cores=statistics.median(piece.cpu_seconds for piece in first) / load.seconds,
        scrape_cpu_seconds=price,
        ratios=ratios_of(rates),
    )


def ratios_of(rates: dict[str, list[float]]) -> dict[str, PairedRatio]:
    """Turn by turn. `watched`, the one that the target is about, is against what is without us."""
    bare = rates.get(BARE)
    pairs = {"watched": (rates[WATCHED], bare or rates[PRELOADED])}
    if bare:
        pairs |= {"preloaded": (rates[PRELOADED], bare), "scraped": (rates[WATCHED], rates[PRELOADED])}
    return {
        name: paired_ratio([ours / theirs for ours, theirs in zip(*pair, strict=True)]) for name, pair in pairs.items()
    }


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
            f"{cost.server:10}{name:11}{cost.requests_per_cpu_second:12,.0f}{ratio.median:9.4f}"
            f"{ratio.low:9.4f}{ratio.high:9.4f}{ratio.pairs:7}"
            f"{cost.scrape_cpu_seconds * 1e6:11.0f}{cost.by_scrape:9.4f}  {verdict}"
        )


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", action="append", help="a server's name; may be repeated")
    parser.add_argument("--rounds", type=int, default=3, help="fresh processes")
    parser.add_argument("--turns", type=int, default=12, help="pieces of load of each kind in a round")
    parser.add_argument("--seconds", type=int, default=1, help="length of a piece")
    parser.add_argument("--connections", type=int, default=32)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    return parser.parse_args()


def main() -> None:
    arguments = parse_arguments()
    outcome = build_servers(chosen(arguments.only), cache_folder())
    load = Load(arguments.connections, arguments.seconds)
    print(f"{'':10}{'':11}{'req/CPU s':>12}{'ratio':>9}{'from':>9}{'to':>9}{'pairs':>7}{'scrape µs':>11}{'by it':>9}")
    costs = []
    for server in outcome.built:
        costs.append(
            measure(server, load, arguments.rounds, arguments.turns, lambda text: print(text, file=sys.stderr))
        )
        print("\n".join(lines_of(costs[-1])), flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(cost) for cost in costs], indent=1) + "\n")
    for problem in [*outcome.without_toolchain, *outcome.failures]:
        print(f"left out: {problem}")
    verdicts = [cost.ratios["watched"].verdict(MUST_BE) for cost in costs]
    sys.exit(1 if outcome.failures or Verdict.MISS in verdicts else 0)


if __name__ == "__main__":
    main()
