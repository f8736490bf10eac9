"""Hypothesis strategies for PromQL: well-typed expressions as text, and soup of tokens."""

from __future__ import annotations

from hypothesis import strategies as st

from monitor.promql.syntax.go_text import quote_text

METRICS = st.sampled_from(["up", "http_requests_total", "job:rate5m", "sum", "by", "offset", "start", "_x"])
LABELS = st.sampled_from(["job", "instance", "le", "on", "__name__x", '"quoted.label"', "'é ü'"])
# Which characters are printable depends on the version of Unicode beyond the oldest ones.
VALUES = st.text(st.characters(max_codepoint=0x24F), max_size=6).map(quote_text)
REGEXES = st.sampled_from(['"a|b"', '"a.*"', '".+"', '"(x|y)[0-9]{2}"', "`\\d+`", '""'])
DURATIONS = st.sampled_from(["5m", "1h30m", "90s", "2w", "1y", "1500ms", "15", "1.5", "0x10", "010", "400d"])
NUMBERS = st.sampled_from(["0", "1", "-2.5", "1e9", "0x1f", "017", "1_000", "Inf", "-inf", "NaN", "5m", "1e-7", ".5"])
NEW_DURATIONS = st.sampled_from(
    ["step()", "(5m)", "-step()+10m", "min_of(step(), 1h)", "max_of(range(), 2 * step())", "(1h - 5m) * 2", "2 ^ 3"]
)
OFFSETS = st.sampled_from(["5m", "-1h", "+3", "0s", "1w", "- 90s"])
NEW_OFFSETS = st.sampled_from(["step()", "-range()", "(5m + step())", "-(5m)", "min_of(1m, step())"])
TIMES = st.sampled_from(["0", "123.456", "-1.5", "start()", "end()", "1e3", "5m"])
MATCHINGS = st.sampled_from(["", " on (job)", " ignoring (le, on)", " on ()", ' on ("a.b")'])
GROUPS = st.sampled_from(["", " group_left ()", " group_right (le)", " group_left (a, b)"])
FILLS = st.sampled_from(["", " fill (0)", " fill_left (-1.5)", " fill_left (1) fill_right (2)"])
GROUPINGS = st.sampled_from(["", " by (job)", " by (job, le)", " without (instance)", " by ()", " without ()"])
ARITHMETIC = st.sampled_from(["+", "-", "*", "/", "%", "^", "atan2"])
COMPARISONS = st.sampled_from(["==", "!=", "<", ">=", "> bool", "<= bool"])
SETS = st.sampled_from(["and", "or", "unless"])
TRIMS = st.sampled_from(["</", ">/"])
SPACES = st.sampled_from(["", " ", "\n", " # comment\n"])


@st.composite
def selectors(draw: st.DrawFn) -> str:
    matchers = [
        f"{draw(LABELS)}{operator}{draw(REGEXES if '~' in operator else VALUES)}"
        for operator in draw(st.lists(st.sampled_from(["=", "!=", "=~", "!~"]), max_size=3))
    ]
    name = draw(METRICS)
    return f"{name}{{{', '.join(matchers)}}}" if matchers else name


@st.composite
def times(draw: st.DrawFn, *, new: bool) -> str:
    """An offset, a time, both or none, in any order."""
    offset = draw(NEW_OFFSETS if new and draw(st.booleans()) else OFFSETS)
    parts = draw(st.permutations([f" offset {offset}", f" @ {draw(TIMES)}"]))
    return "".join(parts[: draw(st.integers(0, 2))])


@st.composite
def timed_selectors(draw: st.DrawFn, *, new: bool) -> str:
    text = f"{draw(selectors())}{draw(times(new=new))}"
    # Behind a parenthesis the offset would take the operators that follow; upstream prints it so all the same.
    return f"({text})" if "offset (" in text else text


@st.composite
def matrices(draw: st.DrawFn, depth: int, *, new: bool) -> str:
    window = draw(NEW_DURATIONS if new and draw(st.booleans()) else DURATIONS)
    if depth <= 0 or draw(st.booleans()):
        modifier = draw(st.sampled_from(["", " anchored", " smoothed"])) if new else ""
        return f"{draw(selectors())}[{window}]{modifier}{draw(times(new=new))}"
    step = draw(st.one_of(st.just(""), DURATIONS))
    return f"({draw(vectors(depth - 1, new=new))})[{window}:{step}]{draw(times(new=new))}"


@st.composite
def scalars(draw: st.DrawFn, depth: int, *, new: bool) -> str:
    form = draw(st.integers(0, 3)) if depth > 0 else 0
    if form == 1:
        return f"scalar({draw(vectors(depth - 1, new=new))})"
    if form == 2:
        left, right = draw(scalars(depth - 1, new=new)), draw(scalars(depth - 1, new=new))
        return f"({left} {draw(st.one_of(ARITHMETIC, st.just('== bool')))} {right})"
    if form == 3:
        return draw(st.sampled_from(["time()", "pi()", "start()", "max_of(1, 2)"] if new else ["time()", "pi()"]))
    return draw(NUMBERS)


@st.composite
def binaries(draw: st.DrawFn, depth: int, *, new: bool) -> str:
    left = draw(vectors(depth - 1, new=new))
    if draw(st.booleans()):
        operator = draw(st.one_of(ARITHMETIC, COMPARISONS, TRIMS) if new else st.one_of(ARITHMETIC, COMPARISONS))
        if draw(st.booleans()):
            return f"{left} {operator} {draw(scalars(depth - 1, new=new))}"
        matching = draw(MATCHINGS)
        matching += draw(GROUPS) if matching else ""
        matching += draw(FILLS) if new else ""
        return f"{left} {operator}{matching} {draw(vectors(depth - 1, new=new))}"
    return f"{left}{draw(SPACES)} {draw(SETS)}{draw(MATCHINGS)} {draw(vectors(depth - 1, new=new))}"


@st.composite
def aggregations(draw: st.DrawFn, depth: int, *, new: bool) -> str:
    inner = draw(vectors(depth - 1, new=new))
    operator = draw(st.sampled_from(["sum", "MAX", "stddev", "topk", "quantile", "count_values"]))
    if operator == "count_values":
        inner = f'"v", {inner}'
    elif operator in ("topk", "quantile"):
        inner = f"{draw(scalars(depth - 1, new=new))}, {inner}"
    grouping = draw(GROUPINGS)
    return f"{operator}{grouping} ({inner})" if draw(st.booleans()) else f"{operator}({inner}){grouping}"


@st.composite
def vectors(draw: st.DrawFn, depth: int = 4, *, new: bool = True) -> str:
    """Instant vectors; `new` allows what Prometheus 3.5 does not know."""
    form = draw(st.integers(0, 6)) if depth > 0 else 0
    if form == 1:
        return draw(binaries(depth, new=new))
    if form == 2:
        return draw(aggregations(depth, new=new))
    if form == 3:
        function = draw(st.sampled_from(["rate", "max_over_time", "absent_over_time"]))
        return f"{function}({draw(matrices(depth - 1, new=new))})"
    inner = draw(vectors(depth - 1, new=new)) if form else ""
    forms = {4: f"({inner})", 5: f"-{inner}", 6: f'label_replace({inner}, "a", "$1", "b", "(.*)")'}
    return forms[form] if form else draw(timed_selectors(new=new))


WORDS = ["up", "sum", "by", "on", "offset", "bool", "and", "group_left", "anchored", "smoothed", "time()", "start()"]
OPENINGS = ["(", "{", "[", "fill(", "rate(", "step(", "min_of(", '"', "'", "`", "\\", "#", "\n"]
SIGNS = [")", "}", "]", ",", ":", "@", "=", "==", "=~", "!=", "!~", "<", "</", "+", "-", "*", "/", "^", "%"]
LITERALS = ["1", "5m", "0x", "1e", "1.2.3", "Inf", "NaN", '"a"', "'b'", "`c`", "é", "\ufffd"]
TOKENS = st.sampled_from(WORDS + OPENINGS + SIGNS + LITERALS)
SOUPS = st.lists(TOKENS, max_size=12).flatmap(
    lambda tokens: st.sampled_from(["", " "]).map(lambda gap: gap.join(tokens))
)
