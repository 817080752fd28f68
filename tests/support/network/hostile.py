"""A web server that misbehaves, by the path that is asked for. Its address, 127.0.0.2, stands for the internet."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import cache
from urllib.parse import unquote

HOST = "127.0.0.2"
Write = asyncio.StreamWriter
Trick = Callable[[Write, str], Awaitable[None]]
_OK = "HTTP/1.1 200 OK\r\n"


@cache
def gzip_bomb() -> bytes:
    """64 MiB of nothing, in 64 KiB."""
    return gzip.compress(bytes(64 << 20), 9)


@cache
def _zlib_bomb() -> bytes:
    return zlib.compress(bytes(64 << 20), 9)


def _head(*headers: str, status: str = "200 OK") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", *headers, "", ""]).encode()


def _says(answer: bytes) -> Trick:
    async def play(writer: Write, _: str) -> None:
        writer.write(answer)

    return play


def _body(body: bytes, *headers: str) -> Trick:
    return _says(_head(f"Content-Length: {len(body)}", *headers) + body)


def _large(make: Callable[[], bytes], *headers: str) -> Trick:
    """A body that takes long to make, made when a test wants it: every process of a test run imports this."""

    async def play(writer: Write, argument: str) -> None:
        await _body(make(), *headers)(writer, argument)

    return play


async def _status(writer: Write, argument: str) -> None:
    bodiless = argument in {"204", "304"}
    length = () if bodiless else ("Content-Length: 3",)
    writer.write(_head(*length, status=f"{argument} So") + (b"" if bodiless else b"abc"))


async def _to(writer: Write, argument: str) -> None:
    """``to/<status>/<where>``"""
    status, _, where = argument.partition("/")
    writer.write(_head(f"Location: {unquote(where)}", "Content-Length: 0", status=f"{status} There"))


async def _on(writer: Write, argument: str) -> None:
    """``on/<n>``: redirects to the next, for ever."""
    writer.write(_head(f"Location: /on/{int(argument) + 1}", "Content-Length: 0", status="302 On"))


async def _drip(writer: Write, _: str) -> None:
    writer.write(_head("Content-Length: 100000"))
    while not writer.is_closing():
        writer.write(b"x")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _drip_head(writer: Write, _: str) -> None:
    writer.write(_OK.encode())
    while not writer.is_closing():
        writer.write(b"X-A: b\r\n")
        await writer.drain()
        await asyncio.sleep(0.05)


async def _silent(writer: Write, _: str) -> None:
    await asyncio.sleep(30)
    writer.close()


async def _silent_body(writer: Write, _: str) -> None:
    writer.write(_head("Content-Length: 100000") + b"%PDF-")
    await asyncio.sleep(30)


async def _endless(writer: Write, argument: str) -> None:
    chunked = argument == "chunked"
    writer.write(_head("Transfer-Encoding: chunked") if chunked else _head("Connection: close"))
    block = bytes(64 << 10)
    while not writer.is_closing():
        writer.write(b"10000\r\n" + block + b"\r\n" if chunked else block)
        await writer.drain()


async def _endless_head(writer: Write, _: str) -> None:
    writer.write(_OK.encode())
    while not writer.is_closing():
        writer.write(b"X-A: " + b"b" * 1000 + b"\r\n")
        await writer.drain()


async def _reset(writer: Write, _: str) -> None:
    writer.transport.abort()


TRICKS: dict[str, Trick] = {
    "status": _status,
    "to": _to,
    "on": _on,
    "loop": _says(_head("Location: /loop", "Content-Length: 0", status="302 Again")),
    "nowhere": _says(_head("Content-Length: 0", status="302 Nowhere")),
    "drip": _drip,
    "drip-head": _drip_head,
    "silent": _silent,
    "silent-body": _silent_body,
    "endless": _endless,
    "endless-head": _endless_head,
    "reset": _reset,
    "closed": _says(b""),
    "garbage": _says(b"\x00\xff\x13 garbage\r\n\r\n"),
    "ssh": _says(b"SSH-2.0-OpenSSH_9.2\r\n"),
    "half-status": _says(b"HTTP/1.1"),
    "no-code": _says(b"HTTP/1.1 abc OK\r\n\r\n"),
    "long-line": _says(_OK.encode() + b"X-A: " + b"b" * 100_000 + b"\r\n\r\n"),
    "cut": _says(_head("Content-Length: 1000") + b"%PDF-1.7"),
    "cut-chunk": _says(_head("Transfer-Encoding: chunked") + b"100\r\nabc"),
    "bad-chunk": _says(_head("Transfer-Encoding: chunked") + b"zz\r\nabc\r\n"),
    "negative": _says(_head("Content-Length: -5") + b"abc"),
    "two-lengths": _says(_head("Content-Length: 3", "Content-Length: 30000") + b"abc"),
    "no-length": _says(_head("Content-Length: many") + b"abc"),
    "claims-much": _says(_head("Content-Length: 99999999999") + b"abc"),
    "empty": _says(_head("Content-Length: 0")),
    "brotli": _body(b"\x8b\x02\x80abc\x03", "Content-Encoding: br"),
    "zstd": _body(b"\x28\xb5\x2f\xfd", "Content-Encoding: zstd"),
    "compress": _body(b"abc", "Content-Encoding: compress"),
    "twice": _body(gzip.compress(gzip.compress(b"abc")), "Content-Encoding: gzip, gzip"),
    "bomb": _large(gzip_bomb, "Content-Encoding: gzip"),
    "bomb-deflate": _large(_zlib_bomb, "Content-Encoding: deflate"),
    "gzip-cut": _body(gzip.compress(bytes(range(256)) * 40)[:100], "Content-Encoding: gzip"),
    "gzip-garbage": _body(b"not gzip at all", "Content-Encoding: gzip"),
    "gzip-more": _body(gzip.compress(b"%PDF-") + gzip.compress(b"1.7"), "Content-Encoding: gzip"),
    "gzip-none": _body(b"", "Content-Encoding: gzip"),
    "good": _body(b"%PDF-1.7 fine"),
    "many-heads": _says(b"HTTP/1.1 102 Processing\r\n\r\n" * 12 + _OK.encode() + b"\r\n%PDF-1.7 fine"),
    "good-hinted": _says(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + _OK.encode() + b"\r\n%PDF-1.7 fine"),
    "good-gzip": _body(gzip.compress(b"%PDF-1.7 fine"), "Content-Encoding: gzip"),
}


_MADE_BEFORE: dict[str, Callable[[], bytes]] = {"bomb": gzip_bomb, "bomb-deflate": _zlib_bomb}


@dataclass(frozen=True, slots=True)
class Hostile:
    """A running one."""

    port: int

    def url(self, trick: str, host: str = HOST) -> str:
        if (make := _MADE_BEFORE.get(trick)) is not None:
            make()  # whoever fetches it does not wait for that
        return f"http://{host}:{self.port}/{trick}"


async def _serve(reader: asyncio.StreamReader, writer: Write) -> None:
    with suppress(OSError, asyncio.IncompleteReadError):
        request = await reader.readuntil(b"\r\n\r\n")
        name, _, argument = request.split(b" ", 2)[1].decode()[1:].partition("/")
        await TRICKS[name](writer, argument)
        await writer.drain()
    writer.close()


@asynccontextmanager
async def hostile() -> AsyncGenerator[Hostile]:
    """One for a while."""
    server = await asyncio.start_server(_serve, HOST, 0)
    try:
        yield Hostile(server.sockets[0].getsockname()[1])
    finally:
        server.close()
