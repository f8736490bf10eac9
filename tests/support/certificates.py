"""Certificates for tests, made by openssl when they are wanted: no private key lies in the repository."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest


@dataclass(frozen=True, slots=True)
class Certificate:
    """Self-signed, so that it is its own authority."""

    certificate_file: Path
    key_file: Path


def make_certificate(folder: Path, name: str) -> Certificate:
    """For the host `name`. Without openssl the test is skipped, or fails where CI is set."""
    openssl = shutil.which("openssl")
    if openssl is None:
        message = "openssl is not installed: put it on the PATH"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(message)
    certificate = Certificate(folder / f"{name}.crt", folder / f"{name}.key")
    command = [
        openssl, "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-keyout", str(certificate.key_file), "-out", str(certificate.certificate_file), "-days", "2",
        "-subj", f"/CN={name}", "-addext", f"subjectAltName=DNS:{name}",
    ]  # fmt: skip
    subprocess.run(command, check=True, capture_output=True)
    return certificate
