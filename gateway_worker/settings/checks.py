"""What a setting must be for anything to work. Each raises ValueError, and its text says what to write."""

import os
import re
import ssl
import stat
from collections.abc import Iterable
from pathlib import Path

from pydantic import SecretStr

from gateway_worker.settings import addresses
from schemas.topology.addresses import amqp_nodes, named_files, named_folders

_IN_A_HEADER = re.compile(r"[!-~]*")
_SHOWN = 255  # characters of a path


def _can_be_read(files: Iterable[str], folders: Iterable[str] = ()) -> None:
    for name in files:
        kind = _kind_of(name)
        if kind is None:
            raise ValueError(f"it names {name[:_SHOWN]}, which is not there")
        if not stat.S_ISREG(kind) or not os.access(name, os.R_OK):
            raise ValueError(f"it names {name}, which is no file that can be read")
    for name in folders:
        if not stat.S_ISDIR(_kind_of(name) or 0):
            raise ValueError(f"it names {name[:_SHOWN]}, which is no folder")


def _kind_of(name: str) -> int | None:
    """The mode of what a path leads to; None where it leads nowhere, as far as this user sees."""
    try:
        return Path(name).stat().st_mode
    except (OSError, ValueError):
        return None


def amqp(text: str) -> str:
    """An AMQP address of one node or several, and the files it names."""
    for url in amqp_nodes(text):
        addresses.check_amqp_options(url)
        _can_be_read(named_files(url), named_folders(url))
    return text


def database(value: object) -> object:
    """A PostgreSQL address, and the files it names."""
    if not isinstance(value, str):
        return value
    checked = addresses.check_database(value)
    _can_be_read(addresses.files_of_database(checked))
    return checked


def redis(text: str) -> str:
    """A Redis address, and the files it names."""
    checked = addresses.check_redis(text)
    _can_be_read(addresses.files_of_redis(checked))
    return checked


def s3_key(key: SecretStr) -> SecretStr:
    """Half of a key pair of S3, as it goes into a header."""
    if not _IN_A_HEADER.fullmatch(key.get_secret_value()):
        raise ValueError("it holds a space, a line break or a letter beyond ASCII: it cannot be one of S3's")
    return key


def ca(value: object) -> object:
    """The file of a CA."""
    if not isinstance(value, str):
        return value
    _can_be_read([value])
    try:
        ssl.create_default_context(cafile=value)
    except OSError:  # an error of TLS is one
        raise ValueError(f"it names {value}, which holds no certificate of a CA (PEM)") from None
    return value


def folder(value: object) -> object:
    """The path of a folder, as nobody expands it."""
    if value == "":
        raise ValueError("write the path of a folder")
    if isinstance(value, str) and value.startswith("~"):
        raise ValueError("write the whole path: nobody reads ~ here")
    return value


def unless_empty(value: object) -> object:
    """Compose files and charts write ``NAME=`` for what is not set."""
    return None if value == "" else value
