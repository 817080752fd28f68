"""People who are mentioned in a text: WhatsApp writes ``@`` and the digits of an address, mostly of a LID. Pure.

A backend is told of people by number, and so are they in the text: else it could not find the mentioned in it.
"""

import re
from collections.abc import Collection, Mapping
from typing import Final

from schemas.addresses import LID_SERVER
from schemas.content.content import Content

_MENTION: Final = re.compile(r"@(\d{5,20})(?!\d)")
_TEXTS: Final = ("text", "caption", "question")


def by_number(content: Content, pn_of: Mapping[str, str], mentions: Collection[str] | None = None) -> Content:
    """A content whose texts name people by number.

    Args:
        content: as it came.
        pn_of: the number's JID of a LID's.
        mentions: only these are named; None (an edit does not tell): whoever is known.
    """
    if mentions is not None and not mentions:
        return content

    def named(found: re.Match[str]) -> str:
        lid = f"{found[1]}@{LID_SERVER}"
        pn = pn_of.get(lid) if mentions is None or lid in mentions else None
        return found[0] if pn is None else f"@{pn.partition('@')[0]}"

    changed: dict[str, str] = {}
    for name in _TEXTS:
        text = getattr(content, name, None)
        if isinstance(text, str) and "@" in text and (renamed := _MENTION.sub(named, text)) != text:
            changed[name] = renamed
    return content.model_copy(update=changed) if changed else content
