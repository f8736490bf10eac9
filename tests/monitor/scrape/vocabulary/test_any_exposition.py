"""Whatever a target exposes: the originals are untouched, and a canonical series is one of them, converted."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from vocabularies import SHIPPED, map_body, stored

from monitor.config.vocabulary_config import JobVocabulary
from monitor.model.labels import METRIC_NAME

RENAMINGS = [renaming for vocabulary in SHIPPED.vocabularies for renaming in vocabulary.renamings]
NAMES = sorted({renaming.name for renaming in RENAMINGS if "." not in renaming.name})
LABELS = sorted({label for renaming in RENAMINGS for label in renaming.labels if "." not in label})

names = st.sampled_from([*NAMES, "up", "http_server_request_duration_seconds", "go_goroutines"])
samples = st.tuples(
    names,
    st.sampled_from(["", "_bucket", "_sum", "_count", "_total"]),
    st.dictionaries(st.sampled_from([*LABELS, "le", "runtime"]), st.sampled_from(["", "1", "2xx", "get", "none"])),
    st.floats(allow_nan=False),
)


def body_of(drawn: list[tuple[str, str, dict[str, str], float]]) -> bytes:
    lines = []
    for name, suffix, labels, value in drawn:
        text = ",".join(f'{label}="{each}"' for label, each in labels.items())
        lines.append(f"{name}{suffix}{{{text}}} {value!r}\n".replace("inf", "Inf"))
    return "".join(dict.fromkeys(lines)).encode()


@given(st.lists(samples, max_size=12))
def test_canonical_series_stand_beside_untouched_originals(drawn: list[tuple[str, str, dict[str, str], float]]) -> None:
    body = body_of(drawn)
    plain, mapped = map_body(body, JobVocabulary()), map_body(body)
    before, row = stored(plain), stored(mapped)
    assert list(row)[: len(before)] == list(before)
    assert [repr(value) for value in list(row.values())[: len(before)]] == [repr(value) for value in before.values()]
    originals = mapped.layout.series.labels.all_labels()
    cells = mapped.cells.tolist() if mapped.cells is not None else []
    for (series, value), cell in list(zip(row.items(), cells, strict=False))[len(before) :]:
        original, given_value = originals[cell], float(mapped.layout.values[cell])
        is_known = [
            renaming
            for renaming in RENAMINGS
            if series.startswith(renaming.canonical)
            and original[METRIC_NAME].startswith((renaming.name, renaming.sum_name or renaming.name))
        ]
        assert is_known
        assert value in {given_value, *(renaming.scale.of(given_value) for renaming in is_known)}
