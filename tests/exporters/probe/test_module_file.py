from __future__ import annotations

from pathlib import Path

import pytest

from exporters.errors import InvalidProbeModule
from exporters.probe.module_file import load_modules
from exporters.probe.modules import HttpSettings, ProbeKind, ProbeModule, TcpStep, TlsSettings

EVERYTHING = """
modules:
  shop:
    prober: http
    timeout: 1.5s
    http:
      method: POST
      headers: {Accept-Language: en, Authorization: Bearer abc}
      body: "a=1"
      valid_status_codes: [200, 401]
      follow_redirects: false
      fail_if_body_matches_regexp: [error]
      fail_if_body_not_matches_regexp: [welcome]
      body_size_limit_bytes: 1000
      tls_config: {insecure_skip_verify: true, server_name: shop.example}
  mail:
    prober: tcp
    timeout: 500ms
    tcp:
      tls: true
      query_response: [{expect: "^220", send: QUIT}, {send: x}]
"""


def load(tmp_path: Path, text: str) -> dict[str, ProbeModule]:
    file = tmp_path / "blackbox.yml"
    file.write_text(text)
    return load_modules(file)


def test_every_key_is_read(tmp_path: Path) -> None:
    modules = load(tmp_path, EVERYTHING)

    assert modules["mail"] == ProbeModule(
        ProbeKind.TCP, timeout_seconds=0.5, uses_tls=True, tcp_steps=(TcpStep("^220", "QUIT"), TcpStep(send="x"))
    )
    assert modules["shop"] == ProbeModule(
        ProbeKind.HTTP,
        timeout_seconds=1.5,
        body_bytes_max=1000,
        tls=TlsSettings(verify=False, server_name="shop.example"),
        http=HttpSettings(
            method="POST",
            headers={"Accept-Language": "en", "Authorization": "Bearer abc"},
            body="a=1",
            valid_status_codes=(200, 401),
            follow_redirects=False,
            fail_if_body_matches=("error",),
            fail_if_body_not_matches=("welcome",),
        ),
    )


def test_only_the_prober_is_needed(tmp_path: Path) -> None:
    assert load(tmp_path, "modules: {a: {prober: http}}") == {"a": ProbeModule(ProbeKind.HTTP)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("modules: {a: {prober: icmp}}", "modules.a.prober: got 'icmp', want http or tcp"),
        ("modules: {a: {prober: http, colour: red}}", "modules.a.colour: unknown, want one of http, prober"),
        ("modules: {a: {prober: http, timeout: soon}}", "modules.a.timeout: got 'soon', want a time"),
        ("modules: {a: {prober: http, timeout: 1h}}", "modules.a.timeout"),
        ("modules: {a: {prober: http, timeout: 0s}}", "modules.a.timeout"),
        ("modules: {a: {prober: http, timeout: 5}}", "modules.a.timeout: got int, want str"),
        ("modules: {a: {prober: http, http: {method: 'GE T'}}}", "modules.a.http.method: want an HTTP method"),
        ("modules: {a: {prober: http, http: {headers: {A: \"b\\r\\nc\"}}}}", "modules.a.http.headers.A: want"),
        ("modules: {a: {prober: http, http: {headers: {'a b': x}}}}", "modules.a.http.headers.a b: want"),
        ("modules: {a: {prober: http, http: {valid_status_codes: [99]}}}", "valid_status_codes[0]: want a status code"),
        ("modules: {a: {prober: http, http: {valid_status_codes: [yes]}}}", "valid_status_codes[0]"),
        ("modules: {a: {prober: http, http: {fail_if_body_matches_regexp: ['(']}}}", "regexp[0]: want a regular"),
        ("modules: {a: {prober: http, http: {body_size_limit_bytes: 0}}}", "limit_bytes: got 0, want at least 1"),
        ("modules: {a: {prober: http, http: {tls_config: {ca_file: none.pem}}}}", "tls_config.ca_file: got 'none.pem'"),
        ("modules: {a: {prober: tcp, tcp: {query_response: [{expect: '('}]}}}", "query_response[0].expect: want"),
        ("modules: {a: {prober: tcp, tcp: {query_response: {expect: x}}}}", "query_response: got dict, want list"),
        ("modules: [a]", "modules: want a mapping"),
        ("module: {}", "module: unknown, want one of modules"),
        ("modules: {a: [", "line 1: no YAML"),
        ("just text", "want a mapping"),
        ("\x00", "no YAML"),
    ],
    ids=range(21),
)  # fmt: skip
def test_a_mistake_is_named_by_its_place(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InvalidProbeModule) as caught:
        load(tmp_path, text)

    assert message in str(caught.value) and "blackbox.yml: " in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(InvalidProbeModule, match=r"none\.yml: No such file"):
        load_modules(tmp_path / "none.yml")
