"""Hypothesis strategies for exposition bodies, well-formed, odd and broken."""

from __future__ import annotations

from hypothesis import strategies as st

NAMES = st.sampled_from(["a", "b_total", "up", "a:b", "h_bucket", "s"])
LABEL_TEXTS = st.sampled_from(
    ["", "x", "y z", "1", "0.5", "1e6", "+Inf", 'q\\"uote', "back\\\\slash", "new\\nline", "\\t", "ü", "a}b 1", "#"]
)
LABEL_NAMES = st.sampled_from(["l", "le", "quantile", "code", '"quoted.name"'])
VALUES = st.one_of(
    st.integers(-(10**20), 10**20).map(str),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.sampled_from(
        [
            "NaN",
            "+Inf",
            "-Inf",
            "-0",
            "0",
            "1.",
            ".5",
            "+1",
            "01",
            "1e5",
            "1E+05",
            "1e-999",
            "1e999",
            "0x1p3",
            "1_0",
            "true",
            "null",
            "1,2",
            "[1]",
            '"1"',
            "",
        ]
    ),
)


@st.composite
def series_texts(draw: st.DrawFn) -> str:
    name = draw(NAMES)
    labels = draw(st.lists(st.tuples(LABEL_NAMES, LABEL_TEXTS), max_size=3))
    pairs = [f'{label}="{text}"' for label, text in labels]
    if draw(st.integers(0, 5)) == 0:
        return "{" + ",".join([f'"{name} quoted"', *pairs]) + "}"
    return f"{name}{{{','.join(pairs)}}}" if pairs else name


@st.composite
def sample_lines(draw: st.DrawFn, openmetrics: bool) -> str:
    line = f"{draw(series_texts())} {draw(VALUES)}"
    if draw(st.integers(0, 3)) == 0:
        timestamp = draw(st.integers(0, 2 * 10**12))
        line += f" {timestamp / 1000}" if openmetrics else f" {timestamp}"
    if draw(st.integers(0, 5)) == 0:
        line += ' # {trace="x"} 0.5 1700000000' if openmetrics else " \t"
    return line


def other_lines(openmetrics: bool) -> st.SearchStrategy[str]:
    lines = ["# TYPE h histogram", "# TYPE s summary", "# TYPE b counter", "# HELP a some \\\\ help", "# TYPE a gauge"]
    lines += ["# UNIT a_seconds seconds"] if openmetrics else ["", "# a comment", "  \t", '# HELP "a b" x']
    return st.sampled_from(lines)


@st.composite
def bodies(draw: st.DrawFn, openmetrics: bool) -> bytes:
    """Mostly well-formed bodies of a few lines."""
    lines = draw(
        st.lists(st.one_of(sample_lines(openmetrics), sample_lines(openmetrics), other_lines(openmetrics)), max_size=8)
    )
    end = "# EOF\n" if openmetrics else draw(st.sampled_from(["", "\n"]))
    text = "\n".join(lines) + ("\n" if openmetrics and lines else "") + end
    return text.encode()


_FRAGMENTS = st.sampled_from(
    [b" ", b"\n", b"1", b",", b"}", b"{", b'"', b"#", b"-", b"a", b"\t", b"\r", b"\x00", b"\xff", b"e5", b" 5", b"\\"]
)


@st.composite
def mutations(draw: st.DrawFn, body: bytes) -> bytes:
    """`body` with other values, or with a few bytes or lines changed."""
    kind = draw(st.sampled_from(["values", "bytes", "lines", "same"]))
    lines = body.split(b"\n")
    if kind == "values":
        values = draw(st.lists(VALUES, min_size=len(lines), max_size=len(lines)))
        return b"\n".join(
            line if line.startswith(b"#") or b" " not in line else line.rpartition(b" ")[0] + b" " + value.encode()
            for line, value in zip(lines, values, strict=True)
        )
    if kind == "bytes":
        for _ in range(draw(st.integers(1, 3))):
            start = draw(st.integers(0, len(body)))
            removed = draw(st.integers(0, 2))
            body = body[:start] + draw(st.one_of(st.just(b""), _FRAGMENTS)) + body[start + removed :]
        return body
    if kind == "lines" and len(lines) > 1:
        first, second = draw(st.integers(0, len(lines) - 1)), draw(st.integers(0, len(lines) - 1))
        return b"\n".join([*lines[:first], lines[second], *lines[first + draw(st.integers(0, 1)) :]])
    return body
