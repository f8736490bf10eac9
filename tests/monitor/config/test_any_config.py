"""Whatever stands in a configuration, it loads or is refused with problems: nothing else is raised."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.config.load import load_config
from monitor.config.render import render_yaml
from monitor.errors import ConfigError

EXAMPLE = yaml.safe_load((Path(__file__).parent / "examples" / "everything.yml").read_text())
TEXTS = (
    "5s", "0", "1h", "-1", "1.5", "1e999", "9" * 400, "10MB", "yes", "", "x", "a.*", "(", "$1", "${a}", "http://h/p",
    "http://[", "http://h:99999999/", "replace", "keepequal", "hashmod", "labelmap", "legacy", "[::1]:80", "1-3",
    "{port}", "whsec_", "whsec_é", "postgresql://x", "PrometheusProto", "\U0001f600", "a/b", "*.json", "~", "full",
)  # fmt: skip
scalars = st.one_of(st.sampled_from(TEXTS), st.none(), st.booleans(), st.integers(-5, 5), st.floats(allow_nan=False))
values = st.one_of(
    scalars,
    st.lists(scalars, max_size=3),
    st.dictionaries(st.sampled_from(["a", "", "targets", "url", "values", "action"]), scalars, max_size=2),
    st.lists(
        st.dictionaries(st.sampled_from(["a", "name", "targets", "url", "files"]), scalars, max_size=2), max_size=2
    ),
)


def paths_of(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to every value of nested lists and dictionaries."""
    entries = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [path, *(found for key, value in entries for found in paths_of(value, (*path, key)))][0 if path else 1 :]


PATHS = paths_of(EXAMPLE)


def with_value(path: tuple[Any, ...], value: Any, root: Any) -> Any:
    """A copy of `root` with another value at `path`, or as it was where there is no such place any more."""
    changed = copy.deepcopy(root)
    parent = changed
    try:
        for key in path[:-1]:
            parent = parent[key]
        parent[path[-1]] = value
    except (TypeError, KeyError, IndexError):
        return root
    return changed


@settings(max_examples=300, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(PATHS), values), min_size=1, max_size=3))
def test_any_value_in_any_place_loads_or_is_refused(changes):
    root = EXAMPLE
    for path, value in changes:
        root = with_value(path, value, root)

    try:
        config = load_config(yaml.safe_dump(root, allow_unicode=True), environment={})
    except ConfigError as error:
        assert all(problem.message and problem.line > 0 for problem in error.problems)
    else:
        assert load_config(render_yaml(config), environment={}).global_config == config.global_config
