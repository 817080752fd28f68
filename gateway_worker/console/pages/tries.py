"""Try: any command as a form, and the envelope that a backend would publish."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from pydantic import ValidationError

from gateway_worker.client.commands import Outgoing
from gateway_worker.console.forms import snippets
from gateway_worker.console.forms.fields import Field, NotJsonError, data_of, fields_of
from gateway_worker.console.pages.typed import optional, permitted, typed
from gateway_worker.console.web.context import Console, console_of
from schemas.commands.commands import COMMANDS, CommandClass, CommandType, Subject
from schemas.problems import problems_of

SUBJECT: Final = "subject"
_FIRST: Final = "message.send.v1"
_IN_SUBJECT: Final = frozenset({"sessionId", "workerId"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A command as far as it was typed. `problems` are the contract's."""

    kind: CommandType
    subject: str | None
    fields: Sequence[Field]
    data: dict[str, Any]
    problems: Sequence[str]
    command: Outgoing | None


async def page(request: web.Request) -> web.Response:
    """The page, for one command."""
    given = {SUBJECT: request.query.get("session", ""), "type": request.query.get("type", _FIRST), **request.query}
    return _shown(request, "try.html", given)


async def form(request: web.Request) -> web.Response:
    """The form anew: another command, or another form of it."""
    return _shown(request, "parts/try.html", await typed(request))


async def preview(request: web.Request) -> web.Response:
    """The envelope, as it stands."""
    return _shown(request, "parts/envelope.html", await typed(request))


async def publish(request: web.Request) -> web.Response:
    """Publish it, and show what is answered."""
    console, given = console_of(request), await typed(request)
    draft = _draft(console, given)
    if draft.kind.klass is not CommandClass.Q:
        permitted(console)
    if draft.command is None:
        return console.page(request, "parts/reply.html", reply=None, problems=draft.problems, kind="", good=False)
    reply = await console.gateway.ask(draft.command)
    return console.page(
        request,
        "parts/reply.html",
        reply=reply.data,
        problems=(),
        kind=reply.type,
        good=reply.type != "command.rejected.v1",
    )


def _shown(request: web.Request, template: str, given: Mapping[str, str]) -> web.Response:
    console = console_of(request)
    draft = _draft(console, given)
    return console.page(
        request,
        template,
        draft=draft,
        given=given,
        commands=list(COMMANDS),
        is_question=draft.kind.klass is CommandClass.Q,
        of_fleet=draft.kind.subject is Subject.FLEET,
        of_worker=draft.kind.subject is Subject.WORKER,
        sessions=sorted(console.watch.fleet.sessions)[:200],
        workers=sorted(console.watch.fleet.workers),
        **_copies(console, draft),
    )


def _draft(console: Console, given: Mapping[str, str]) -> Draft:
    kind = COMMANDS.get(given.get("type", ""), COMMANDS[_FIRST])
    subject = None if kind.subject is Subject.FLEET else optional(given.get(SUBJECT))
    fields = fields_of(kind.model, given, _IN_SUBJECT)
    try:
        data = data_of(fields, given)
    except NotJsonError as field:
        return Draft(
            kind=kind, subject=subject, fields=fields, data={}, problems=[f"{field} is not JSON"], command=None
        )
    if kind.names_subject_in_data and subject is not None:
        data = {kind.subject.value: subject, **data}
    problems = _problems(kind, subject, data)
    command = None if problems else console.gateway.compose(kind.type, subject, data)
    return Draft(kind=kind, subject=subject, fields=fields, data=data, problems=problems, command=command)


def _problems(kind: CommandType, subject: str | None, data: dict[str, Any]) -> list[str]:
    """What the gateway would say."""
    if kind.subject is not Subject.FLEET and subject is None:
        return [f"{kind.subject.value} is required"]
    try:
        kind.model.model_validate(data, by_alias=True, by_name=False)
    except ValidationError as wrong:
        return [f"{each.path} {each.problem}" for each in problems_of(wrong)]
    return []


def _copies(console: Console, draft: Draft) -> dict[str, object]:
    if draft.command is None:
        return {"envelope": None, "copies": ()}
    exchange, command = console.topology.commands, draft.command
    copies = (
        ("Python", snippets.python(draft.kind.type, draft.subject, draft.data, console.topology.namespace)),
        ("JavaScript", snippets.javascript(command, exchange)),
        ("curl", snippets.curl(command, exchange)),
    )
    return {"envelope": json.dumps(json.loads(command.body), ensure_ascii=False, indent=2), "copies": copies}
