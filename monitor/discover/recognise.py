"""From evidence to what a server is and what it exposes. Pure."""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

import orjson

from monitor.config.vocabulary_config import Sign, Vocabulary
from monitor.discover.evidence import Address, Evidence, Page, ProcessEvidence
from monitor.discover.probing import METRICS_PATHS, VARIABLES_PATH
from monitor.scrape.vocabulary.choose_renamings import choose_renamings, recognise

_SAMPLE: Final = re.compile(rb'^(?:([a-zA-Z_:][a-zA-Z0-9_:]*)|\{"((?:[^"\\]|\\.)*)")', re.MULTILINE)
# A sample: a name, a value, perhaps a time and an exemplar.
_LINE: Final = re.compile(
    rb'^(?:[a-zA-Z_:]|\{")[^\n]*[ \t}][-+]?(?:[0-9][0-9.eE+-]*|Inf|NaN)'
    rb"(?:[ \t]+[0-9.]+)?(?:[ \t]#[^\n]*)?[ \t\r]*$",
    re.MULTILINE,
)
_TYPE: Final = re.compile(rb"^# TYPE \S+ \S+$", re.MULTILINE)
_EXPOSITION_TYPES: Final = ("version=0.0.4", "version=1.0.0", "application/openmetrics-text")
_EXPORTER: Final = re.compile(rb"^(plimsoll_exporter_|node_scrape_collector_success|probe_success)", re.MULTILINE)
_MONITOR: Final = re.compile(
    rb"^(plimsoll_scrape|plimsoll_layout|plimsoll_targets|prometheus_build_info)", re.MULTILINE
)
# By the module, crate or program whose presence shows it; the first that is there counts.
_GO_FRAMEWORKS: Final = (
    ("github.com/gin-gonic/gin", "gin"),
    ("github.com/labstack/echo", "echo"),
    ("github.com/gofiber/fiber", "fiber"),
    ("github.com/go-chi/chi", "chi"),
    ("github.com/gorilla/mux", "gorilla"),
    ("github.com/caddyserver/caddy", "caddy"),
    ("google.golang.org/grpc", "grpc"),
)
_RUST_FRAMEWORKS: Final = (
    ("rocket", "rocket"),
    ("hyperlane", "hyperlane"),
    ("hyperlane-core", "hyperlane"),
    ("axum", "axum"),
    ("actix-web", "actix"),
    ("salvo_core", "salvo"),
    ("warp", "warp"),
    ("poem", "poem"),
    ("tokio", "tokio"),
)
_PROGRAMS: Final = (
    (re.compile(r"(node|nodejs)\d*"), "node"),
    (re.compile(r"java"), "jvm"),
    (re.compile(r"(python|pypy)[0-9.]*"), "cpython"),
)
_SERVERS: Final = (
    ("rocket", "rust", "rocket"),
    ("uvicorn", "cpython", ""),
    ("hypercorn", "cpython", ""),
    ("gunicorn", "cpython", ""),
    ("werkzeug", "cpython", "flask"),
    ("jetty", "jvm", "jetty"),
    ("caddy", "go", "caddy"),
)
_COMMON_SCRIPTS: Final = frozenset({"server", "index", "main", "app", "manage"})


class Kind(enum.Enum):
    """What listens: a server to be watched, an exporter beside one, a monitor, or nothing that speaks HTTP."""

    SERVER = "server"
    EXPORTER = "exporter"
    MONITOR = "monitor"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Finding:
    """What listens at an address. Texts are empty where nothing is known.

    `name` is for people and for a job, `scheme` http or https. `metrics_path` is empty if there is no exposition,
    `metrics` are the names of its samples, `canonical` the canonical names that a vocabulary adds or that are there; a
    vocabulary finds the runtime in them if it `tells_runtime`. `reasons` say what was seen.
    """

    address: Address
    kind: Kind
    name: str
    runtime: str
    tells_runtime: bool
    framework: str
    scheme: str
    metrics_path: str
    metrics: frozenset[str]
    canonical: frozenset[str]
    has_variables: bool
    pid: int | None
    reasons: tuple[str, ...]


def recognise_server(evidence: Evidence, vocabularies: tuple[Vocabulary, ...]) -> Finding:
    """What `evidence` amounts to. A binary is believed before an exposition, and that before a header."""
    page = _exposition(evidence.http.pages)
    names = frozenset() if page is None else sample_names(page.body)
    seen = [*_from_process(evidence.process), *_from_exposition(names, vocabularies), *_from_answers(evidence)]
    runtime = next((each.runtime for each in seen if each.runtime), "")
    framework = next((each.framework for each in seen if each.framework and each.runtime in ("", runtime)), "")
    renamings = choose_renamings(names, vocabularies)
    added = {renaming.renaming.canonical for renaming in renamings}
    return Finding(
        address=evidence.address,
        kind=_kind(evidence, page),
        name=_name(evidence, framework),
        runtime=runtime,
        tells_runtime=bool(runtime) and runtime == recognise(names, _signs(vocabularies)),
        framework=framework,
        scheme="https" if evidence.http.is_tls else "http",
        metrics_path="" if page is None else page.path,
        metrics=names,
        canonical=frozenset(added | {name for name in _canonical_names(vocabularies) if _has(names, name)}),
        has_variables=_has_variables(evidence.http.pages),
        pid=None if evidence.process is None else evidence.process.pid,
        reasons=tuple(dict.fromkeys(each.reason for each in seen if each.runtime == runtime or not each.runtime)),
    )


def sample_names(body: bytes) -> frozenset[str]:
    """The names of the samples in an exposition, from the beginnings of its lines."""
    return frozenset((plain or quoted).decode(errors="replace") for plain, quoted in _SAMPLE.findall(body))


@dataclass(frozen=True, slots=True)
class _Seen:
    runtime: str
    framework: str
    reason: str


def _from_process(process: ProcessEvidence | None) -> Iterable[_Seen]:
    if process is None:
        return
    binary = process.binary
    if binary.go_version:
        found = [
            (module, name) for path, name in _GO_FRAMEWORKS for module in binary.go_modules if _is_in(module, path)
        ]
        module, framework = found[0] if found else ("", "std")
        yield _Seen("go", framework, f"built with {binary.go_version}" + (f", {module}" if module else ""))
    elif binary.is_rust and not _runtime_of_program(process):
        known = ((crate, name) for crate, name in _RUST_FRAMEWORKS if crate in binary.rust_crates)
        crate, framework = next(known, ("", "std"))
        yield _Seen("rust", framework, "built with Rust" + (f", crate {crate}" if crate else ""))
    runtime = _runtime_of_program(process)
    if runtime:
        yield _Seen(runtime, "", f"runs as {process.program}")


def _is_in(module: str, path: str) -> bool:
    return module == path or module.startswith(f"{path}/")


def _runtime_of_program(process: ProcessEvidence) -> str:
    return next((runtime for pattern, runtime in _PROGRAMS if pattern.fullmatch(process.program)), "")


def _from_exposition(names: frozenset[str], vocabularies: tuple[Vocabulary, ...]) -> Iterable[_Seen]:
    if not names:
        return
    runtime = recognise(names, _signs(vocabularies))
    framework = recognise(names, [sign for vocabulary in vocabularies for sign in vocabulary.frameworks])
    if runtime or framework:
        yield _Seen(runtime, framework, f"exposes the metrics of {framework or runtime}")


def _signs(vocabularies: tuple[Vocabulary, ...]) -> list[Sign]:
    return [sign for vocabulary in vocabularies for sign in vocabulary.runtimes]


def _from_answers(evidence: Evidence) -> Iterable[_Seen]:
    headers = {name.lower(): text for name, text in evidence.http.headers.items()}
    server = headers.get("server", "").lower()
    for beginning, runtime, framework in _SERVERS:
        if server.startswith(beginning):
            yield _Seen(runtime, framework, f"says Server: {headers['server']}")
    if headers.get("x-powered-by", "").lower() == "express":
        yield _Seen("node", "express", "says X-Powered-By: Express")
    if evidence.http.is_tls:
        yield _Seen("", "", "over TLS, its certificate not checked")


def _exposition(pages: Iterable[Page]) -> Page | None:
    """The page with metrics: a body that is mostly samples, or says that it is one and has none yet."""
    for page in pages:
        path = page.path.rstrip("/")
        lines = [line for line in page.body.split(b"\n") if line.strip() and not line.startswith(b"#")]
        samples = len(_LINE.findall(page.body))
        says_so = _TYPE.search(page.body) or any(kind in page.content_type for kind in _EXPOSITION_TYPES)
        if path in METRICS_PATHS and (samples or says_so) and samples >= len(lines) / 2:
            return page
    return None


def _has_variables(pages: Iterable[Page]) -> bool:
    """Whether one is the page of Go's expvar."""
    for page in pages:
        if page.path == VARIABLES_PATH:
            try:
                variables = orjson.loads(page.body)
            except orjson.JSONDecodeError:
                return False
            return isinstance(variables, dict) and "memstats" in variables
    return False


def _kind(evidence: Evidence, page: Page | None) -> Kind:
    if not evidence.http.speaks_http:
        return Kind.OTHER
    if page is not None and _MONITOR.search(page.body):
        return Kind.MONITOR
    return Kind.EXPORTER if page is not None and _EXPORTER.search(page.body) else Kind.SERVER


def _name(evidence: Evidence, framework: str) -> str:
    """The script or program; without one the framework, or just `server`."""
    process = evidence.process
    if process is None:
        return framework or "server"
    if not _runtime_of_program(process):
        return _as_name(process.program)
    return next(filter(None, map(_script_name, process.arguments[1:])), _as_name(_started(process)))


def _started(process: ProcessEvidence) -> str:
    """What an interpreter was given first, such as /usr/bin/plimsoll, or the interpreter if that is an option."""
    first = next(iter(process.arguments[1:]), "-")
    return process.program if first.startswith("-") else first.rpartition("/")[2]


def _script_name(argument: str) -> str:
    """The name in an argument such as shop.py, shop.jar, shop/server.js or uvicorn's shop:app."""
    match = re.fullmatch(r"(?:.*?([^/]+)/)?([\w-]+)(?:\.(?:py|js|mjs|cjs|ts|jar)|:\w+)", argument)
    if match is None:
        return ""
    return _as_name(match[1] if match[1] and match[2] in _COMMON_SCRIPTS else match[2])


def _as_name(text: str) -> str:
    return re.sub(r"[^a-zA-Z0-9_-]+", "-", text).strip("-") or "server"


def _canonical_names(vocabularies: tuple[Vocabulary, ...]) -> set[str]:
    return {renaming.canonical for vocabulary in vocabularies for renaming in vocabulary.renamings}


def _has(names: frozenset[str], canonical: str) -> bool:
    return canonical in names or f"{canonical}_count" in names
