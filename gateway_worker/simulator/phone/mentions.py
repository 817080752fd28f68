"""People mentioned by a phone: named as the chat names people, in the list and in the text. Pure."""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from gateway_worker.simulator.world.jids import parse_jid
from gateway_worker.simulator.world.model import World

_MENTION = re.compile(r"@\+?(\d{5,20})(?!\d)")
_TEXTS = ("text", "caption", "question")


def mentioning(
    world: World, server: str, content: Mapping[str, Any], mentions: Sequence[str]
) -> tuple[Mapping[str, Any], list[str]]:
    """A content and its mentions (bare JIDs) with everybody's address on `server`; who is unknown stays as given."""
    named: dict[str, str] = {}
    listed: list[str] = []
    for jid in mentions:
        person, _ = world.find(jid)
        listed.append(jid if person is None else person.jid(server))
        named[parse_jid(jid).user] = parse_jid(listed[-1]).user

    def rename(found: re.Match[str]) -> str:
        return f"@{named[found[1]]}" if found[1] in named else found[0]

    texts = {name: _MENTION.sub(rename, content[name]) for name in _TEXTS if isinstance(content.get(name), str)}
    return {**content, **texts}, listed
