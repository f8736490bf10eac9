"""What a `tls_config` means to Python's ssl module."""

from __future__ import annotations

import ssl
import tempfile
from pathlib import Path

from monitor.config.scrape_config import TlsConfig
from monitor.scrape.fetching.secret_text import read_secret, read_secret_file

_VERSIONS = {
    "TLS10": ssl.TLSVersion.TLSv1,
    "TLS11": ssl.TLSVersion.TLSv1_1,
    "TLS12": ssl.TLSVersion.TLSv1_2,
    "TLS13": ssl.TLSVersion.TLSv1_3,
}


class TlsContext:
    """The ssl context of one configuration, made anew when one of its files has changed."""

    def __init__(self, config: TlsConfig) -> None:
        self._config = config
        self._signature: tuple[tuple[int, int], ...] = ()
        self._context: ssl.SSLContext | None = None

    def current(self) -> ssl.SSLContext:
        """Raises OSError if a file cannot be read and ssl.SSLError (an OSError too) if it makes no sense."""
        signature = tuple(_file_signature(name) for name in _files_of(self._config))
        if self._context is None or signature != self._signature:
            self._context = new_ssl_context(self._config)
            self._signature = signature
        return self._context


def new_ssl_context(config: TlsConfig) -> ssl.SSLContext:
    """TLS 1.2 or newer unless the configuration says otherwise. Raises OSError."""
    context = ssl.create_default_context(cafile=config.ca_file or None, cadata=config.ca or None)
    context.minimum_version = _VERSIONS.get(config.min_version, ssl.TLSVersion.TLSv1_2)
    if config.max_version:
        context.maximum_version = _VERSIONS[config.max_version]
    if config.insecure_skip_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if config.key is not None:
        _load_client_certificate(context, config.cert or read_secret_file(config.cert_file), read_secret(config.key))
    return context


def _load_client_certificate(context: ssl.SSLContext, certificate: str, key: str) -> None:
    """ssl takes them from a file only: it exists for this call, readable by nobody else."""
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(f"{certificate}\n{key}\n")
        file.flush()
        context.load_cert_chain(file.name)


def _files_of(config: TlsConfig) -> list[str]:
    key_file = config.key.file if config.key is not None else ""
    return [name for name in (config.ca_file, config.cert_file, key_file) if name]


def _file_signature(name: str) -> tuple[int, int]:
    status = Path(name).stat()
    return status.st_mtime_ns, status.st_size
