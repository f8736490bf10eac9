"""What `plimsoll serve` was told, apart from the configuration file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """
    config_file       YAML, read at the start and at each reload
    data_directory    made if it is not there
    host, port        where the HTTP API listens; port 0 is any free one
    external_url      how others reach this service, without a slash at its end; empty: from host and port
    features          names of `--enable-feature`
    is_admin_enabled  whether series may be deleted and snapshots taken by HTTP
    """

    config_file: Path
    data_directory: Path
    host: str = "127.0.0.1"
    port: int = 9090
    external_url: str = ""
    features: tuple[str, ...] = ()
    is_admin_enabled: bool = False

    def url(self, port: int) -> str:
        """The external URL, or the address listened at."""
        if self.external_url:
            return self.external_url.rstrip("/")
        host = {"": "127.0.0.1", "0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(self.host, self.host)
        return f"http://{f'[{host}]' if ':' in host and not host.startswith('[') else host}:{port}"


def parse_listen(text: str) -> tuple[str, int]:
    """`HOST:PORT`, `[::1]:PORT` or `:PORT` (all interfaces). Raises ValueError naming got and wanted."""
    host, separator, port = text.rpartition(":")
    is_number = port.isascii() and port.isdigit() and int(port) < 65536
    if not separator or not is_number or ("[" in host) != ("]" in host):
        raise ValueError(f"got {text!r}, want HOST:PORT such as 127.0.0.1:9090")
    return host.strip("[]") or "0.0.0.0", int(port)
