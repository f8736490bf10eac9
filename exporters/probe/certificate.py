"""When a certificate ends, read from its DER encoding: a certificate that is not verified has no other form here.

Certificate ::= SEQUENCE { tbsCertificate, … }                                    (RFC 5280, 4.1)
tbsCertificate ::= SEQUENCE { [0] version OPTIONAL, serialNumber, signature, issuer, validity, … }
validity ::= SEQUENCE { notBefore, notAfter }, each UTCTime (YYMMDDHHMMSSZ) or GeneralizedTime (YYYYMMDDHHMMSSZ)
"""

from __future__ import annotations

from datetime import UTC, datetime

from exporters.errors import MalformedCertificate

_VERSION_TAG = 0xA0
_UTC_TIME_TAG = 0x17


def not_after_seconds(certificate: bytes) -> float:
    """The end of the validity of a DER certificate, in seconds since 1970. Raises MalformedCertificate."""
    try:
        _, body, _ = _element(certificate)
        _, body, _ = _element(body)
        tag, _, rest = _element(body)
        for _ in range(3 if tag == _VERSION_TAG else 2):
            _, _, rest = _element(rest)
        _, validity, _ = _element(rest)
        _, _, rest = _element(validity)
        tag, text, _ = _element(rest)
        return _time_seconds(tag, text.decode("ascii"))
    except (IndexError, ValueError) as error:
        raise MalformedCertificate from error


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag and content of the first element, and what follows it. Raises IndexError, ValueError."""
    length, start = data[1], 2
    if length & 0x80:
        start += length & 0x7F
        length = int.from_bytes(data[2:start], "big")
    if start + length > len(data):
        raise ValueError(f"got {len(data) - start} bytes, want {length}")
    return data[0], data[start : start + length], data[start + length :]


def _time_seconds(tag: int, text: str) -> float:
    """UTCTime has two digits of the year: from 50 on 19xx (RFC 5280, 4.1.2.5.1)."""
    if tag == _UTC_TIME_TAG:
        text = ("19" if int(text[:2]) >= 50 else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()
