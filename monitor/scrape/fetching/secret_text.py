"""Secrets at the moment of their use."""

from __future__ import annotations

from pathlib import Path

from monitor.config.scrape_config import Secret

SECRET_FILE_BYTES_MAX = 1024 * 1024


def read_secret(secret: Secret) -> str:
    """The text, or what the file holds now without blanks around it. Raises OSError; the message has no secret."""
    if not secret.file:
        return secret.text
    return read_secret_file(secret.file)


def read_secret_file(name: str) -> str:
    """See `read_secret`. A file that is not UTF-8 or far too long for a secret is an OSError too."""
    with Path(name).open("rb") as file:
        content = file.read(SECRET_FILE_BYTES_MAX + 1)
    if len(content) > SECRET_FILE_BYTES_MAX:
        raise OSError(f"{name}: got more than {SECRET_FILE_BYTES_MAX} bytes, want a secret")
    try:
        return content.decode().strip()
    except UnicodeDecodeError:
        raise OSError(f"{name}: got no UTF-8, want a secret") from None
