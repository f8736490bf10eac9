from __future__ import annotations

import ssl
from pathlib import Path

import pytest
from certificates import make_certificate
from hypothesis import given
from hypothesis import strategies as st

from exporters.errors import MalformedCertificate
from exporters.probe.certificate import not_after_seconds


def element(tag: int, content: bytes) -> bytes:
    length = len(content)
    size = bytes([length]) if length < 128 else bytes([0x82, length >> 8, length & 255])
    return bytes([tag]) + size + content


def certificate(time_tag: int, not_after: bytes, *, has_version: bool = True) -> bytes:
    before = element(time_tag, not_after)
    fields = [element(0x02, b"\x01" * 200), element(0x30, b""), element(0x30, b"x" * 300)]
    version = [element(0xA0, element(0x02, b"\x02"))] if has_version else []
    validity = element(0x30, before + element(time_tag, not_after))
    return element(0x30, element(0x30, b"".join([*version, *fields, validity])))


@pytest.mark.parametrize(
    ("tag", "text", "seconds"),
    [
        (0x17, b"260101000000Z", 1767225600),
        (0x17, b"491231235959Z", 2524607999),
        (0x17, b"500101000000Z", -631152000),
        (0x18, b"20500101000000Z", 2524608000),
    ],
)
@pytest.mark.parametrize("has_version", [True, False])
def test_both_forms_of_time_are_read(tag: int, text: bytes, seconds: int, has_version: bool) -> None:
    assert not_after_seconds(certificate(tag, text, has_version=has_version)) == seconds


def test_a_real_certificate_ends_when_openssl_says_so(tmp_path: Path) -> None:
    file = make_certificate(tmp_path, "localhost").certificate_file
    context = ssl.create_default_context(cafile=str(file))
    [described] = context.get_ca_certs()

    end = not_after_seconds(ssl.PEM_cert_to_DER_cert(file.read_text()))

    assert end == ssl.cert_time_to_seconds(str(described["notAfter"]))


@given(data=st.binary(max_size=300))
def test_bytes_that_are_no_certificate_are_refused(data: bytes) -> None:
    with pytest.raises(MalformedCertificate):
        not_after_seconds(data)
