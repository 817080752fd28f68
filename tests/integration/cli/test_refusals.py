"""What cannot work is told in one line that names the setting, by every command: no trace, no secret."""

import asyncio
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.support.terminal import typed


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A command, settings that cannot work, and what of them its one line must name."""

    command: tuple[str, ...]
    wrong: Mapping[str, str] = field(default_factory=dict[str, str])
    named: tuple[str, ...]


async def refuse(case: Case, environment: Mapping[str, str], folder: Path) -> str:
    """Run it to its end; the line with the reason."""
    said = await typed(folder, {**environment, **case.wrong}, *case.command)
    text = f"{said.out}\n{said.complaints}"
    assert said.code in {1, 2}, (case, text)
    assert "Traceback" not in text, text
    assert "hidden" not in text, text
    if case.command == ("doctor",):
        assert text.lstrip().startswith("dependency"), "the table, and no log before it"
    lines = [line for line in text.splitlines() if all(name in line for name in case.named)]
    assert len(lines) >= 1, (case, text)
    return lines[0]


def moved(url: str, path: str) -> str:
    return f"{url.rpartition('/')[0]}/{path}"


@pytest.mark.timeout(300)
async def test_what_cannot_work_is_told_in_one_line(gateway_environment: dict[str, str], tmp_path: Path) -> None:
    environment = {**gateway_environment, "GATEWAY_HTTP_HOST": "127.0.0.1", "GATEWAY_HTTP_PORT": "0"}
    amqp, database = environment["GATEWAY_AMQP_URL"], environment["GATEWAY_DATABASE_URL"]
    no_vhost = {"GATEWAY_AMQP_URL": moved(amqp, "no-such-vhost")}
    no_database = {"GATEWAY_DATABASE_URL": moved(database, "no_such_database")}
    hasty = {"GATEWAY_DATABASE_URL": f"{database}?synchronous_commit=off"}
    no_host = {"GATEWAY_AMQP_URL": "amqp://u:hidden@no-such-host.invalid:5672/"}
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        cases = (
            Case(command=("run",), wrong={"GATEWAY_HTTP_PORT": port}, named=("GATEWAY_HTTP_PORT", port)),
            Case(command=("run",), wrong=no_database, named=("no_such_database", "GATEWAY_DATABASE_URL")),
            Case(command=("migrate",), wrong=no_database, named=("no_such_database", "GATEWAY_DATABASE_URL")),
            Case(command=("command", "session.list"), wrong=no_vhost, named=("no-such-vhost", "GATEWAY_AMQP_URL")),
            Case(command=("events",), wrong=no_host, named=("no-such-host.invalid:5672",)),
            Case(command=("doctor",), wrong={**no_vhost, **no_database}, named=("rabbitmq", "no-such-vhost")),
            Case(command=("doctor",), wrong={**no_vhost, **hasty}, named=("durability", "synchronous_commit=off")),
        )
        for pair in (cases[at : at + 2] for at in range(0, len(cases), 2)):
            async with asyncio.TaskGroup() as programs:
                for case in pair:
                    programs.create_task(refuse(case, environment, tmp_path))
