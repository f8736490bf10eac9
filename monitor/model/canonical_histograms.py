"""The histograms of the canonical vocabulary (docs/vocabulary.md), whose bounds differ from library to library."""

from __future__ import annotations

CANONICAL_HISTOGRAMS = frozenset(
    {
        "http_server_request_body_size_bytes",
        "http_server_request_duration_seconds",
        "http_server_response_body_size_bytes",
        "runtime_gc_pause_seconds",
        "runtime_stall_seconds",
    }
)
