"""The private services as seen by those who use them: tests, the demo, the benchmark and `make up`.

    with PrivateServices(Path(".local/my-run")) as services:
        services.amqp_url, services.database_url, services.redis_url, services.s3_endpoint
        services.rabbitmq.kill(); services.rabbitmq.start()

Leaving the block ends them and removes their directory; so does the death of the process, however it dies. Every call
is synchronous and takes milliseconds, except `start` (seconds): from a coroutine call it through `asyncio.to_thread`.
"""

import base64
import os
import secrets
import select
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from deploy.local.control import NotRunningError, ask
from deploy.local.guardian import KINDS
from deploy.local.keeper import State
from deploy.local.packages import ensure_packages
from deploy.local.postgresql import PostgreSQL
from deploy.local.program import ProgramFailedError
from deploy.local.rabbitmq import RabbitMQ
from deploy.local.redis import Redis
from deploy.local.seat import Seat, write_private
from deploy.local.seaweedfs import SeaweedFS

ROOT: Final = Path(__file__).resolve().parents[2]
"""The project's own folder."""

UP_DIRECTORY: Final = ROOT / ".local" / "services"
"""Where the services of `make up` live. To use them: `PrivateServices(UP_DIRECTORY)`, without a `with`."""

_POLL_SECONDS: Final = 0.05


class Handle:
    """One service in the guardian's hands, for tests that want to see it die."""

    def __init__(self, directory: Path, name: str) -> None:
        self.name = name
        self._directory = directory

    @property
    def pid(self) -> int | None:
        """Its process id; None while it does not run."""
        return self._report("report")["pid"]

    def start(self) -> None:
        """Start it again, on the same ports and data, and return when it serves."""
        self._report("start")

    def stop(self) -> None:
        """End it in good order."""
        self._report("stop")

    def kill(self) -> None:
        """End it by SIGKILL."""
        self._report("kill")

    def pause(self) -> None:
        """Freeze it: it accepts connections and never answers."""
        self._report("pause")

    def resume(self) -> None:
        """Let a paused one go on."""
        self._report("resume")

    def _report(self, do: str) -> Mapping[str, Any]:
        answer = ask(self._directory, do, self.name)
        if "error" in answer:
            raise ProgramFailedError(self.name, answer["error"])
        return answer["services"][self.name]


class PrivateServices:
    """RabbitMQ, PostgreSQL, Redis and S3 for one purpose, on ports of their own."""

    def __init__(self, directory: Path, *, durable: bool = False, owner: int | None = None) -> None:
        """Nothing runs yet. `directory` is made if need be; `durable` is for people, not for tests.

        `owner` is the process on whose life a `with` block hangs: this one, or its parent.
        """
        self.directory = directory.resolve()
        self.rabbitmq = Handle(self.directory, RabbitMQ.name)
        self.postgresql = Handle(self.directory, PostgreSQL.name)
        self.redis = Handle(self.directory, Redis.name)
        self.seaweedfs = Handle(self.directory, SeaweedFS.name)
        self._durable = durable
        self._owner = owner or os.getpid()
        self._guardian: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    def start(self) -> None:
        """Start them all and return when they serve; they end with their owner, or by `end`."""
        ensure_packages()
        self._launch(owned=True)
        try:
            self.wait_until_ready()
        except BaseException:
            self.end()
            raise

    def detach(self, announce: Callable[[str, float], None]) -> bool:
        """Let them run on without us (`make up`). False if they ran already; dead ones among them are started again.

        `announce` is told the name of each service that is ready, and in how many seconds.
        """
        try:
            states = ask(self.directory, "report")["services"]
        except (NotRunningError, FileNotFoundError):
            ensure_packages()
            self._launch(owned=False)
            self.wait_until_ready(announce)
            return True
        for name, state in states.items():
            if state["state"] not in {State.READY, State.STARTING}:
                Handle(self.directory, name).start()
        self.wait_until_ready()
        return False

    def _launch(self, *, owned: bool) -> None:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.directory.chmod(0o711)
        options = ["--durable"] * self._durable
        if owned:
            options += ["--owner", str(self._owner)]
        with (self.directory / "guardian.log").open("ab") as log:
            self._guardian = subprocess.Popen(
                [sys.executable, "-m", "deploy.local.guardian", str(self.directory), *options],
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_ready(self, announce: Callable[[str, float], None] = lambda _name, _seconds: None) -> None:
        """Return when all four serve. Raises ProgramFailedError when one cannot."""
        waiting = [kind.name for kind in KINDS]
        while waiting:
            time.sleep(_POLL_SECONDS)
            for name, report in self._reports().items():
                if report["state"] == State.FAILED:
                    raise ProgramFailedError(name, report["failure"])
                if report["state"] == State.READY and name in waiting:
                    waiting.remove(name)
                    announce(name, report["seconds"])

    def _reports(self) -> Mapping[str, Mapping[str, Any]]:
        try:
            return ask(self.directory, "report")["services"]
        except NotRunningError:
            if self._guardian is None or self._guardian.poll() is not None:
                log = (self.directory / "guardian.log").read_text(errors="replace")
                raise ProgramFailedError("guardian", log[-2_000:]) from None
            return {}

    def end(self) -> bool:
        """End them and return when nothing of them is left. False if none ran."""
        try:
            pid = ask(self.directory, "end")["pid"]
        except (NotRunningError, FileNotFoundError):
            return False
        if self._guardian is not None:
            self._guardian.wait()
        else:
            _wait_for_end(pid)
        return True

    def remove(self) -> None:
        """Remove the data of services that have ended."""
        for kind in KINDS:
            seat = Seat.load(self.directory / kind.name)
            for folder in () if seat is None else kind(seat).folders():
                shutil.rmtree(folder, ignore_errors=True)

    @property
    def amqp_url(self) -> str:
        """AMQP URL of the default virtual host, with an administrator's rights."""
        return RabbitMQ(self._seat(RabbitMQ.name)).url

    @property
    def database_url(self) -> str:
        """PostgreSQL URL of the maintenance database, as superuser."""
        return self.database("postgres")

    def database(self, name: str) -> str:
        """PostgreSQL URL of a database of that name; it is not created here."""
        return PostgreSQL(self._seat(PostgreSQL.name)).url(name)

    @property
    def redis_url(self) -> str:
        """Redis URL of database 0."""
        return self.redis_database(0)

    def redis_database(self, number: int) -> str:
        """Redis URL of one of its numbered databases (see redis.DATABASES)."""
        return Redis(self._seat(Redis.name)).url(number)

    @property
    def s3_endpoint(self) -> str:
        """Host and port of S3, without TLS."""
        return SeaweedFS(self._seat(SeaweedFS.name)).endpoint

    @property
    def s3_access_key(self) -> str:
        """The access key of who may do everything."""
        return self._seat(SeaweedFS.name).user

    @property
    def s3_reader_key(self) -> str:
        """The access key of who may only look."""
        return SeaweedFS(self._seat(SeaweedFS.name)).reader

    @property
    def s3_secret_key(self) -> str:
        """The secret of both."""
        return self._seat(SeaweedFS.name).password

    def environment(self) -> dict[str, str]:
        """The GATEWAY_* settings with which a worker uses these services."""
        return {
            "GATEWAY_AMQP_URL": self.amqp_url,
            "GATEWAY_DATABASE_URL": self.database_url,
            "GATEWAY_REDIS_URL": self.redis_url,
            "GATEWAY_S3_ENDPOINT": self.s3_endpoint,
            "GATEWAY_S3_ACCESS_KEY": self.s3_access_key,
            "GATEWAY_S3_SECRET_KEY": self.s3_secret_key,
            "GATEWAY_S3_SECURE": "false",
            "GATEWAY_ENCRYPTION_KEYS": self._encryption_key(),
        }

    def _encryption_key(self) -> str:
        """Base64 of 32 random bytes, made once: what it encrypted has to be readable after the next start."""
        path = self.directory / "encryption-key"
        if not path.exists():
            write_private(path, base64.b64encode(secrets.token_bytes(32)).decode())
        return path.read_text()

    def _seat(self, name: str) -> Seat:
        seat = Seat.load(self.directory / name)
        if seat is None:
            raise NotRunningError(f"no private services were started in {self.directory}")
        return seat


def _wait_for_end(pid: int) -> None:
    """Return when a process that is not our child has ended."""
    try:
        watch = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    try:
        select.select([watch], [], [])
    finally:
        os.close(watch)
