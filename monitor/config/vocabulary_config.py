"""What libraries call things, and what we call them: the frozen form of vocabulary files (docs/vocabulary.md)."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import blake2b


class MetricShape(enum.Enum):
    """How many sample names a metric has: a histogram's are its name with _bucket, _sum and _count."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


@dataclass(frozen=True, slots=True)
class Scale:
    """From another unit to the base unit: a value times `multiplier` by `divisor`.

    Two numbers, because 35 ms * 0.001 is not 0.035 s in binary, and 35 ms / 1000 is.
    """

    multiplier: float = 1.0
    divisor: float = 1.0

    @property
    def is_one(self) -> bool:
        return self.multiplier == self.divisor

    def of(self, value: float) -> float:
        return value * self.multiplier / self.divisor


@dataclass(frozen=True, slots=True)
class Renaming:
    """One metric of a library, `name`, and what it is called here, `canonical`.

    `labels` gives the canonical name of labels, the first of several for one name that a metric has counts. `values`
    gives, by the library's label name, the canonical texts of values. `constants` are labels put on all its series.
    `sum_name` is another metric of the same library whose _sum is taken for a histogram's, where this one's is wrong.
    """

    name: str
    canonical: str
    shape: MetricShape
    scale: Scale = Scale()
    labels: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    sum_name: str = ""


@dataclass(frozen=True, slots=True)
class Sign:
    """A target that exposes one of `metrics` runs on `name`. A metric that ends with `*` is a beginning of names."""

    name: str
    metrics: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """What a family of libraries calls things. Of several renamings to one name the first that a target has counts."""

    name: str
    renamings: tuple[Renaming, ...]
    runtimes: tuple[Sign, ...] = ()
    frameworks: tuple[Sign, ...] = ()


@dataclass(frozen=True, slots=True)
class JobVocabulary:
    """The vocabularies of one job, in order of precedence. Empty: nothing is renamed.

    Compared and hashed by `fingerprint` alone, because layouts remember what they look like in a vocabulary.
    """

    vocabularies: tuple[Vocabulary, ...] = field(default=(), compare=False, repr=False)
    names: tuple[str, ...] = ()
    fingerprint: str = ""

    @classmethod
    def of(cls, vocabularies: tuple[Vocabulary, ...]) -> JobVocabulary:
        if not vocabularies:
            return cls()
        fingerprint = blake2b(repr(vocabularies).encode(), digest_size=16).hexdigest()
        return cls(vocabularies, tuple(vocabulary.name for vocabulary in vocabularies), fingerprint)

    def __bool__(self) -> bool:
        return bool(self.vocabularies)
