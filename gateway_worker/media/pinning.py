"""Connections that go to checked addresses only, and hear one answer only."""

import asyncio
import socket
from collections.abc import Sequence
from functools import partial
from typing import Final

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.http_parser import RawResponseMessage
from aiohttp.streams import StreamReader

_MAX_HEADS: Final = 8
"""The answer's own, and the few interim ones that a host may send before it. Nothing else bounds their number."""


def resolved(found: Sequence[str], host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    """A host's checked addresses of that family, as aiohttp's resolvers answer."""
    return [
        ResolveResult(
            hostname=host,
            host=each,
            port=port,
            family=socket.AF_INET6 if ":" in each else socket.AF_INET,
            proto=0,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for each in found
        if family in (socket.AF_UNSPEC, socket.AF_INET6 if ":" in each else socket.AF_INET)
    ]


class Pinned(AbstractResolver):
    """Answers with the addresses that were checked, and with nothing else."""

    def __init__(self, found: Sequence[str]) -> None:
        self._found = found

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The checked addresses, whatever the host is called."""
        return resolved(self._found, host, port, family)

    async def close(self) -> None:
        """Nothing to close."""


class PinnedConnector(aiohttp.TCPConnector):
    """Connects to a host's checked addresses, once."""

    def __init__(self, pinned: Pinned) -> None:
        super().__init__(resolver=pinned, use_dns_cache=False, force_close=True, limit=1)
        self._factory = partial(_OneAnswer, loop=asyncio.get_running_loop())


class _OneAnswer(ResponseHandler):
    """Hangs up on a host that goes on and on answering."""

    _heads = 0

    def feed_data(self, data: tuple[RawResponseMessage, StreamReader], size: int = 0) -> None:
        """Takes the head of an answer."""
        self._heads += 1
        if self._heads <= _MAX_HEADS:
            super().feed_data(data, size)
        elif self.transport is not None:
            self.set_exception(aiohttp.ServerDisconnectedError("too many answers"))
            self.transport.abort()
