"""Which of the optional parts of PromQL are switched on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields


@dataclass(frozen=True, slots=True)
class Features:
    """One flag for each name of Prometheus's `--enable-feature` that concerns PromQL, with 3.14's defaults."""

    promql_experimental_functions: bool = False
    """Functions and aggregation operators marked experimental in function_signatures."""
    promql_duration_expr: bool = True
    """Arithmetic, `step()`, `range()`, `min_of` and `max_of` where a duration stands."""
    promql_extended_range_selectors: bool = False
    """The selector modifiers `anchored` and `smoothed`."""
    promql_binop_fill_modifiers: bool = False
    """The matching modifiers `fill`, `fill_left` and `fill_right`."""
    promql_delayed_name_removal: bool = False
    """The metric name is dropped from the result instead of in each operation."""
    type_and_unit_labels: bool = False
    """The labels `__type__` and `__unit__` come from metadata and are dropped where the name is."""

    @classmethod
    def of(cls, names: Iterable[str]) -> Features:
        """The defaults plus the features that `names` spells as upstream does, such as `promql-duration-expr`.

        Raises ValueError on a name that is not one of them.
        """
        known = {spec.name.replace("_", "-"): spec.name for spec in fields(cls)}
        chosen = list(names)
        unknown = [name for name in chosen if name not in known]
        if unknown:
            raise ValueError(f"got feature {unknown[0]!r}, want one of {', '.join(sorted(known))}")
        return cls(**dict.fromkeys((known[name] for name in chosen), True))
