"""`gateway-worker dead` as a person types it, on a real RabbitMQ."""

import asyncio
from collections.abc import AsyncGenerator
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.services import PrivateServices
from gateway_worker.broker.outgoing import Outgoing
from gateway_worker.dead_queue import DeadQueueKind, DeadQueueTakenError, open_dead_letter_queue
from schemas.names import MAX_COMMAND_BYTES, SessionId
from schemas.topology.channels import Topology
from tests.support.backend import Backend, backend
from tests.support.consumers.consuming import Consuming, consuming
from tests.support.consumers.fakes import body_of
from tests.support.terminal import Said, typed


@dataclass(slots=True, kw_only=True)
class Person:
    """Somebody at a terminal."""

    environment: dict[str, str]
    terminal: Path

    async def types(self, *arguments: str) -> Said:
        return await typed(self.terminal, self.environment, "dead", *arguments)

    async def ids(self) -> list[str]:
        return [each["id"] for each in (await self.types("list", "--json")).json]


@pytest.fixture
async def here(services: PrivateServices, namespace: str) -> AsyncGenerator[Consuming]:
    async with consuming(services.amqp_url, Topology(namespace), "s1") as made:
        yield made


@pytest.fixture
async def shop(services: PrivateServices, here: Consuming) -> AsyncGenerator[Backend]:
    async with backend(services.amqp_url, here.topology.namespace) as made:
        yield made


@pytest.fixture
def person(services: PrivateServices, namespace: str, migrated_database_url: str, tmp_path: Path) -> Person:
    settings = {"GATEWAY_NAMESPACE": namespace, "GATEWAY_DATABASE_URL": migrated_database_url, "COLUMNS": "200"}
    return Person(environment={**services.environment(), **settings}, terminal=tmp_path)


async def poison(shop: Backend, command_id: str, *, kind: str = "session.dance.v1") -> None:
    """A command that the dead queue holds when this returns."""
    reply = await shop.ask(kind, "s1", {"secret": "tango"}, command_id=command_id, routing_key="control.s1")
    assert reply["data"]["code"] == "command.invalid"


async def until_empty(here: Consuming) -> None:
    async with asyncio.timeout(60):
        while await here.count(here.topology.dead):  # noqa: ASYNC110 (nothing tells of it)
            await asyncio.sleep(0.05)


async def test_the_list_names_each_without_its_body(shop: Backend, here: Consuming, person: Person) -> None:
    await poison(shop, "first")
    await shop.publish_raw("session.s1", b"no command", reply_to=shop.replies.name, correlation_id="raw")
    await shop.reply_to("raw")
    table = await person.types("list")
    assert table.code == 0
    for word in ("first", "command.invalid", "session.dance.v1", "s1", here.topology.control_queue):
        assert word in table.out
    assert "tango" not in table.out
    one, two = (await person.types("list", "--json")).json
    assert (one["position"], one["id"], one["type"], one["subject"]) == (1, "first", "session.dance.v1", "s1")
    assert (one["exchange"], one["routingKey"]) == (here.topology.commands, "control.s1")
    assert "type" not in two
    assert (await person.types("show", two["id"])).out.rstrip().endswith("no command")
    assert "body" not in one


async def test_looking_in_any_amount_changes_nothing(shop: Backend, here: Consuming, person: Person) -> None:
    names = [f"c{number}" for number in range(12)]
    for name in names:
        await poison(shop, name)
    assert [each["id"] for each in (await person.types("list", "--limit", "3", "--json")).json] == names[:3]
    await person.types("show", "c7")
    assert [each["id"] for each in (await person.types("list", "--limit", "5", "--json")).json] == names[:5]
    assert await person.ids() == names
    await person.types("drop", "c4")
    del names[4]
    assert await person.ids() == names
    assert await here.count(here.topology.dead) == len(names)


async def test_show_tells_headers_and_body(shop: Backend, person: Person) -> None:
    await poison(shop, "shown")
    text = await person.types("show", "shown")
    assert "may hold personal data" in text.out
    assert '"secret": "tango"' in text.out
    (document,) = (await person.types("show", "shown", "--json")).json
    assert document["body"]["data"] == {"secret": "tango"}
    assert document["headers"]["x-gateway-code"] == "command.invalid"
    assert document["headers"]["reply_to"] == shop.replies.name


async def test_a_redriven_command_is_tried_again(shop: Backend, here: Consuming, person: Person) -> None:
    here.manager.failures["restart"] = [RuntimeError("a fault of ours")] * 4
    rejected = await shop.ask("session.restart.v1", "s1", command_id="again")
    assert rejected["data"]["code"] == "internal"
    assert (await person.types("redrive", "again", "--json")).json == {"redriven": ["again"], "failed": [], "left": 0}
    async with asyncio.timeout(60):
        while len(here.manager.asked) < 5:  # noqa: ASYNC110 (the fake tells nobody)
            await asyncio.sleep(0.05)
    await until_empty(here)
    shop.answers.clear()
    answer = await shop.ask("session.restart.v1", "s1", command_id="again")
    assert answer["type"] == "command.accepted.v1", "what came of it is the answer to a duplicate from now on"
    assert len(here.manager.asked) == 5


async def test_one_that_is_poison_still_comes_back_and_says_so_as_an_event(shop: Backend, person: Person) -> None:
    await poison(shop, "bad")
    assert (await person.types("redrive", "bad")).out.strip() == "1 redriven"
    event = await shop.event("command.rejected.v1", lambda e: e["data"].get("commandId") == "bad")
    assert event["data"]["code"] == "command.invalid"
    assert len(shop.answers) == 1, "the one who asked was answered long ago"
    (back,) = (await person.types("show", "bad", "--json")).json
    assert back["headers"]["x-gateway-redriven"] == 1


async def test_all_of_one_code_are_redriven_and_the_rest_stays_in_order(
    shop: Backend, here: Consuming, person: Person
) -> None:
    await poison(shop, "bad-1")
    here.manager.failures["restart"] = [RuntimeError("a fault of ours")] * 4
    await shop.ask("session.restart.v1", "s1", command_id="fault")
    await poison(shop, "bad-2")
    said = await person.types("redrive", "--all", "--code", "internal", "--json")
    assert said.json["redriven"] == ["fault"]
    assert await person.ids() == ["bad-1", "bad-2"]
    assert (await person.types("drop", "--all", "--json")).json["dropped"] == ["bad-1", "bad-2"]
    assert (await person.types("list")).error == "The dead queue is empty."


async def test_a_message_that_was_moved_goes_back_through_the_front(
    shop: Backend, here: Consuming, person: Person
) -> None:
    session = here.manager.of(SessionId("s1"))
    session.failures = [RuntimeError("a fault of ours")] * 4
    text = {"to": "+15550001111", "content": {"kind": "text", "text": "hello"}}
    await shop.ask("message.send.v1", "s1", text, command_id="moved", routing_key="control.s1")
    (lying,) = (await person.types("list", "--json")).json
    assert (lying["exchange"], lying["queue"]) == ("", here.topology.session_queue_name("s1"))
    await person.types("redrive", "moved")
    async with asyncio.timeout(60):
        await session.until_sent(1)


async def test_one_that_was_cut_short_can_only_be_dropped(shop: Backend, person: Person) -> None:
    await shop.publish_raw(
        "control", b"x" * (MAX_COMMAND_BYTES + 1), message_id="huge", reply_to=shop.replies.name, correlation_id="huge"
    )
    await shop.reply_to("huge")
    said = await person.types("redrive", "--all")
    assert said.code == 1
    assert "can only be dropped" in said.error
    assert (await person.types("drop", "huge")).code == 0


async def test_an_expiration_does_not_end_the_stay_in_the_dead_queue(
    shop: Backend, here: Consuming, person: Person
) -> None:
    await shop.publish_raw(
        "control", b"no command", message_id="brief", reply_to=shop.replies.name, correlation_id="1", expiration=1
    )
    await shop.reply_to("1")
    (document,) = (await person.types("show", "brief", "--json")).json
    assert document["headers"]["x-gateway-expiration"] == "1000"
    await asyncio.sleep(1.1)  # it is the time itself that is tested
    assert await here.count(here.topology.dead) == 1


async def test_two_people_do_not_meet(
    services: PrivateServices, shop: Backend, here: Consuming, person: Person
) -> None:
    await poison(shop, "contested")
    async with open_dead_letter_queue(services.amqp_url, DeadQueueKind.of_commands(here.topology)) as dead_letters:
        second = asyncio.create_task(person.types("drop", "contested"))
        for hundredths in range(20):  # at whatever moment the patience ends
            with pytest.raises(DeadQueueTakenError):
                async with open_dead_letter_queue(
                    services.amqp_url, DeadQueueKind.of_commands(here.topology), hundredths / 100
                ):
                    pass
        await dead_letters.redrive(dead_letters.commands)
    said = await second
    assert (said.code, said.error) in (
        (1, "somebody else works on the dead queue just now: try again in a moment"),
        (1, "nothing in the dead queue has the id contested : see gateway-worker dead list"),
        (0, ""),  # it has come back already
    )


async def redrive_two_and_die(amqp_url: str, topology: Topology) -> None:
    async with open_dead_letter_queue(amqp_url, DeadQueueKind.of_commands(topology)) as dead_letters:
        await dead_letters.redrive(dead_letters.commands[:2])
        raise ZeroDivisionError


async def test_a_program_that_dies_in_the_middle_loses_nothing(
    services: PrivateServices, shop: Backend, here: Consuming, person: Person
) -> None:
    names = [f"c{number}" for number in range(6)]
    for name in names:
        await poison(shop, name)
    with pytest.raises(ZeroDivisionError):
        await redrive_two_and_die(services.amqp_url, here.topology)
    await shop.event("command.rejected.v1", lambda e: e["data"].get("commandId") == "c1")
    assert sorted(await person.ids()) == names


async def test_thousands_are_worked_on_at_once(services: PrivateServices, here: Consuming) -> None:
    pipe = await here.publisher.pipe()
    answers = [
        pipe.submit(
            Outgoing(
                exchange=here.topology.dead,
                routing_key="control.s1",
                body=body_of("session.describe.v1", "s1", {}, command_id=f"{number}"),
                message_id=f"{number}",
                headers={"x-gateway-code": "internal", "x-gateway-exchange": here.topology.dead},
            )
        )
        for number in range(5_000)
    ]
    await asyncio.gather(*answers)
    async with open_dead_letter_queue(services.amqp_url, DeadQueueKind.of_commands(here.topology)) as dead_letters:
        assert [each.id for each in dead_letters.commands] == [f"{number}" for number in range(5_000)]
        await dead_letters.drop(dead_letters.commands[1_000:4_000])
    async with open_dead_letter_queue(services.amqp_url, DeadQueueKind.of_commands(here.topology)) as dead_letters:
        assert [each.id for each in dead_letters.commands] == [f"{n}" for n in (*range(1_000), *range(4_000, 5_000))]


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (("redrive",), 2, "give an ID, or --all"),
        (("redrive", "x", "--all"), 2, "give an ID, or --all"),
        (("drop", "x", "--code", "internal"), 2, "--code goes with --all"),
        (("show", "no-such-id"), 1, "gateway-worker dead list"),
        (("redrive", "no-such-id"), 1, "gateway-worker dead list"),
    ],
)
@pytest.mark.usefixtures("here")
async def test_an_error_says_what_to_do(person: Person, arguments: tuple[str, ...], code: int, words: str) -> None:
    said = await person.types(*arguments)
    assert said.code == code
    assert words in said.error


async def test_without_a_dead_queue_or_a_broker_it_says_so(person: Person) -> None:
    person.environment["GATEWAY_NAMESPACE"] = "nobody-was-here"
    assert "start a worker first" in (await person.types("list")).error
    person.environment["GATEWAY_AMQP_URL"] = "amqp://guest:guest@127.0.0.1:1/"
    said = await person.types("list")
    assert (said.code, "gateway-worker doctor" in said.error) == (1, True)


async def test_a_strangers_text_does_not_steer_the_terminal(shop: Backend, person: Person) -> None:
    await shop.publish_raw(
        "control", b"\x1b[2J\x9b31m", message_id="es\x1bc", reply_to=shop.replies.name, correlation_id="e"
    )
    await shop.reply_to("e")
    shown = (await person.types("list")).out + (await person.types("show", "es\x1bc")).out
    assert "\x1b[2J" not in shown
    assert "\x1bc" not in shown
