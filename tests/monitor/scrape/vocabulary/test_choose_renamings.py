from __future__ import annotations

from monitor.config.vocabulary_config import MetricShape, Renaming, Sign, Vocabulary
from monitor.scrape.vocabulary.choose_renamings import choose_renamings, recognise

CANONICAL = "http_server_request_duration_seconds"


def histogram(name: str, canonical: str = CANONICAL, **settings: object) -> Renaming:
    return Renaming(name, canonical, MetricShape.HISTOGRAM, **settings)  # type: ignore[arg-type]


def chosen(names: list[str], *renamings: Renaming) -> dict[str, str]:
    found = choose_renamings(names, [Vocabulary("mine", renamings)])
    return {name: canonical for each in found for name, canonical in each.canonical_names.items()}


def samples(name: str) -> list[str]:
    return [f"{name}_bucket", f"{name}_sum", f"{name}_count"]


def test_a_histogram_is_renamed_with_its_sum_and_count() -> None:
    assert chosen(samples("a"), histogram("a")) == dict(zip(samples("a"), samples(CANONICAL), strict=True))


def test_what_a_target_does_not_have_is_not_renamed() -> None:
    assert chosen(["b_count", "a_bucket", "a"], histogram("a"), Renaming("c", "d", MetricShape.GAUGE)) == {}


def test_a_summary_is_renamed_without_buckets() -> None:
    (found,) = choose_renamings(["a_sum", "a_count", "a"], [Vocabulary("mine", (histogram("a"),))])
    assert found.is_summary
    assert set(found.canonical_names) == {"a_sum", "a_count"}


def test_of_two_metrics_for_one_name_the_first_that_is_there_counts() -> None:
    assert set(chosen(samples("b") + samples("c"), histogram("a"), histogram("b"), histogram("c"))) == set(samples("b"))


def test_two_metrics_with_different_constants_may_have_one_name() -> None:
    renamings = (histogram("a", constants={"source": "x"}), histogram("b", constants={"source": "y"}))
    assert set(chosen(samples("a") + samples("b"), *renamings)) == {*samples("a"), *samples("b")}


def test_a_target_that_has_the_canonical_name_itself_is_left_alone() -> None:
    assert chosen(samples("a") + samples(CANONICAL), histogram("a")) == {}


def test_the_sum_may_be_that_of_another_metric() -> None:
    names = [*samples("a"), "b_sum", "b_count"]
    assert chosen(names, histogram("a", sum_name="b"))["b_sum"] == f"{CANONICAL}_sum"
    assert "a_sum" not in chosen(names, histogram("a", sum_name="b"))
    assert chosen(samples("a"), histogram("a", sum_name="b"))["a_sum"] == f"{CANONICAL}_sum"


def test_a_sign_is_a_metric_or_the_beginning_of_one() -> None:
    signs = [Sign("gin", ("gin_*",)), Sign("go", ("go_goroutines", "go_gc"))]
    assert recognise(["gin_requests_total", "go_goroutines"], signs) == "gin"
    assert recognise(["go_gc_count"], signs) == "go"
    assert recognise(["gi", "go_goroutines_x"], signs) == ""
