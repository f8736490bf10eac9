"""Every error of ours, in one tree.

PlimsollError
├── ConfigError            a configuration or rule file is wrong; carries every Problem found
├── QueryError             a query cannot be answered
│   ├── ParseError         the expression is wrong; carries the position
│   ├── EvaluationError    it is well-formed and has no answer (many-to-many match, duplicate labels …)
│   ├── LimitExceeded      it would cost more than a limit allows
│   ├── QueryTimeout       it took longer than allowed
│   └── QueryCanceled      the client went away
├── NotSmall               a query was taken for small and loads too much for that: it is to be asked in full
├── BadRequest             a request parameter or body is wrong
│   ├── UnsupportedMediaType  its body is of a type that is not taken
│   ├── BodyTooLarge       its body is larger than a limit allows
│   └── BodyTimeout        its body takes longer to arrive than a limit allows
├── NotFound               what a request names does not exist
├── NotInstalled           what a request asks for needs a library that is not installed; says which
├── Overloaded             too many requests wait already; trying again later may help
│   └── ClientOverloaded   too many of them are this client's
├── ScrapeError            a target gave no usable exposition; carries a ScrapeFailure
├── StorageError           the store cannot do what it was asked
│   ├── DataDirectoryLocked   another process holds the data directory
│   ├── StorageFull        the disk is full: reads go on, writes do not
│   ├── StorageStopping    the store is about to be closed: a block is not written to its end
│   └── CorruptData        bytes on disk are not what was written
├── ExpositionError        a line of exposition text is malformed; carries its line number
├── TemplateError          a rule's or a notification's template cannot be parsed or expanded; worded as Go words it
├── DemoError              `plimsoll demo` cannot go on
├── LoadTestError          a load test cannot be run, or its figures cannot be had
├── DiscoverError          `plimsoll discover` cannot look or write
└── DeliveryError          a receiver or an actuator did not take what was sent; `permanent` or not
"""

from __future__ import annotations

import enum
from dataclasses import dataclass


class PlimsollError(Exception):
    """Root of all errors that this project raises on purpose."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with a file. `path` is the place inside it, such as `scrape_configs[0].job_name`.

    `line` counts from 1; 0 is the file as a whole.
    """

    file: str
    line: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


class ConfigError(PlimsollError):
    """A file is wrong. All problems are reported at once, in file order."""

    def __init__(self, problems: list[Problem]) -> None:
        assert problems, "BUG: got a ConfigError without problems"
        self.problems = tuple(problems)
        super().__init__("\n".join(str(problem) for problem in problems))


class QueryError(PlimsollError):
    """A query cannot be answered."""


class NotSmall(PlimsollError):
    """A query that was taken for small is not: nothing has been answered, and its samples have not been read."""


@dataclass(frozen=True, slots=True)
class Span:
    """Character offsets into an expression: `start` inclusive, `end` exclusive."""

    start: int
    end: int


class ParseError(QueryError):
    """The expression is wrong at `span` of `expression`; lines and columns count from 1."""

    def __init__(self, message: str, expression: str, span: Span) -> None:
        before = expression[: span.start]
        self.line = before.count("\n") + 1
        self.column = span.start - (before.rfind("\n") + 1) + 1
        self.message = message
        self.span = span
        place = f"{self.line}:{self.column}" if expression else "unknown position"
        super().__init__(f"{place}: parse error: {message}")


class EvaluationError(QueryError):
    """A well-formed expression has no answer on this data."""


class LimitExceeded(QueryError):
    """Answering would cost more than a limit allows; the message says how much and which setting."""


class QueryTimeout(QueryError):
    """Answering took longer than the query timeout."""


class QueryCanceled(QueryError):
    """The client went away before the answer was ready."""


class BadRequest(PlimsollError):
    """A request's parameter or body is wrong; the message names the parameter, got and wanted."""


class UnsupportedMediaType(BadRequest):
    """A request body is of a type that is not taken."""


class BodyTooLarge(BadRequest):
    """A request body is larger than a limit allows; the message says how much and which setting."""


class BodyTimeout(BadRequest):
    """A request body takes longer to arrive than a limit allows; the message says how long and which setting."""


class NotFound(PlimsollError):
    """What a request names does not exist."""


class NotInstalled(PlimsollError):
    """Doing it needs a library that is not installed; the message says how to install it."""


class Overloaded(PlimsollError):
    """Too many requests wait already; the message says how many and which setting. Trying again later may help."""


class ClientOverloaded(Overloaded):
    """Too many of a client's requests run or wait already; the message says how many and which setting."""


class ScrapeFailure(enum.Enum):
    """Why a scrape gave nothing; the value is used as a metric label."""

    CONNECT = "connect"
    TIMEOUT = "timeout"
    STATUS = "status"
    BODY_SIZE = "body_size_limit"
    TRUNCATED = "truncated_body"
    ENCODING = "content_encoding"
    CONTENT_TYPE = "content_type"
    PARSE = "parse"
    LIMIT = "limit"
    PROTOCOL = "protocol"


class ScrapeError(PlimsollError):
    """A target gave no usable exposition."""

    def __init__(self, failure: ScrapeFailure, message: str) -> None:
        self.failure = failure
        super().__init__(message)


class ExpositionError(PlimsollError):
    """A line of exposition text is malformed, or another `statement`: `line` counts them from 1.

    `samples` precede it in the body.
    """

    def __init__(self, line: int, message: str, samples: int = 0, statement: str = "line") -> None:
        self.line = line
        self.samples = samples
        super().__init__(f"{statement} {line}: {message}")


class StorageError(PlimsollError):
    """The store cannot do what it was asked."""


class DataDirectoryLocked(StorageError):
    """Another process holds the data directory; the message says which."""


class StorageFull(StorageError):
    """The disk is full: what is stored stays readable, nothing new is taken."""


class StorageStopping(StorageError):
    """A block that was being written is given up, for the store is about to be closed. Nothing is lost by it."""


class CorruptData(StorageError):
    """Bytes on disk are not what was written; the message names the file and the record."""


class TemplateError(PlimsollError):
    """A template cannot be parsed or expanded; the message has the template's name, line and column, as Go's has."""


class DiscoverError(PlimsollError):
    """`plimsoll discover` cannot look at what listens, or not write what it found."""


class DemoError(PlimsollError):
    """The demo cannot go on; the message says what is missing or which of its processes has ended."""


class LoadTestError(PlimsollError):
    """A load test cannot be run, or its figures cannot be had; the message says what is missing."""


class DeliveryError(PlimsollError):
    """A receiver or an actuator did not take what was sent.

    `permanent` errors are never retried; the others are, not before `retry_after_seconds` if given.
    """

    def __init__(self, message: str, *, permanent: bool, retry_after_seconds: float | None = None) -> None:
        self.permanent = permanent
        self.retry_after_seconds = retry_after_seconds
        super().__init__(message)
