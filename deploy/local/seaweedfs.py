"""An S3 store of our own: SeaweedFS from the Python index. It checks every signature, unlike the usual test doubles."""

import json
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Final

from deploy.local.probe import answer
from deploy.local.program import Program
from deploy.local.seat import HOST, Seat, write_private

_SOCKETS: Final = Path("/tmp")  # noqa: S108 -- where SeaweedFS puts them


class SeaweedFS:
    """Master, volume server, filer and S3 gateway in one process. Takes about 3 s to start."""

    name: ClassVar[str] = "seaweedfs"
    purposes: ClassVar[Sequence[str]] = (
        "s3", "s3_grpc", "master", "master_grpc", "volume", "volume_grpc", "filer", "filer_grpc",
    )  # fmt: skip

    def __init__(self, seat: Seat) -> None:
        self.seat = seat

    @property
    def endpoint(self) -> str:
        """Host and port of the S3 API, without TLS."""
        return f"{HOST}:{self.seat.ports['s3']}"

    @property
    def reader(self) -> str:
        """The access key of who may only look, with the same secret."""
        return f"{self.seat.user}-reader"

    async def prepare(self) -> None:
        """Write the identity that may do everything, and one that may only look; any other is refused."""
        rights = {self.seat.user: ["Admin", "Read", "List", "Tagging", "Write"], self.reader: ["Read", "List"]}
        identities = [
            {"name": name, "credentials": [{"accessKey": name, "secretKey": self.seat.password}], "actions": actions}
            for name, actions in rights.items()
        ]
        write_private(self.seat.folder / "s3.json", json.dumps({"identities": identities}))
        (self.seat.folder / "data").mkdir(exist_ok=True)

    def companions(self) -> Sequence[Program]:
        """None."""
        return ()

    def program(self) -> Program:
        """The whole store; volumes stay small, since test runs make many buckets and each gets its own."""
        ports = self.seat.ports
        options = {
            "ip": HOST,
            "ip.bind": HOST,
            "dir": "data",
            "master.peers": "none",  # no election: with one, a restart takes up to 20 s
            "master.port": ports["master"],
            "master.port.grpc": ports["master_grpc"],
            "master.volumeSizeLimitMB": 64,
            "volume.port": ports["volume"],
            "volume.port.grpc": ports["volume_grpc"],
            "volume.max": 0,
            "filer": "true",
            "filer.port": ports["filer"],
            "filer.port.grpc": ports["filer_grpc"],
            "s3": "true",
            "s3.config": "s3.json",
            "s3.port": ports["s3"],
            "s3.port.grpc": ports["s3_grpc"],
            "s3.port.iceberg": 0,
            "s3.port.lance": 0,
            "iam": "false",
        }
        weed = Path(sys.executable).parent / "weed"
        arguments = [str(weed), "-logtostderr=true", "server", *(f"-{name}={value}" for name, value in options.items())]
        return Program(
            name=self.name,
            arguments=arguments,
            folder=self.seat.folder,
            log=self.seat.folder / "seaweedfs.log",
            # Asked to end, it waits 15 s for itself. What it has acknowledged is in its files all the same.
            finish=signal.SIGKILL,
        )

    async def is_ready(self) -> bool:
        """A file could be placed on a volume, and the S3 gateway refuses who does not sign."""
        return b'"fid"' in await _get(self.seat.ports["master"], "/dir/assign") and b" 403 " in await _get(
            self.seat.ports["s3"], "/"
        )

    async def release(self) -> None:
        """Remove the sockets that it makes for its ports; for most of them it has no option to put them elsewhere."""
        for port in self.seat.ports.values():
            for path in _SOCKETS.glob(f"seaweedfs-*-{port}.sock"):
                path.unlink(missing_ok=True)

    def folders(self) -> Sequence[Path]:
        """Its seat."""
        return [self.seat.folder]


async def _get(port: int, path: str) -> bytes:
    question = f"GET {path} HTTP/1.1\r\nHost: {HOST}:{port}\r\nConnection: close\r\n\r\n".encode()
    return await answer(port, question, size=4_096)
