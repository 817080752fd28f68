"""Changes of messages that count: any client can send the others, and WhatsApp's own do not show them."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from gateway_worker.store.operations.authors import Attempt, Candidate, Person, meant
from gateway_worker.store.operations.messages import ReceiveMessage
from gateway_worker.store.writing.rounds import Placed
from gateway_worker.store.writing.transaction import Transaction, columns

_CANDIDATES: Final = """
    SELECT m.session_id, m.message_id, m.number, m.chat, m.from_me, m.sender
    FROM unnest($1::text[], $2::text[]) AS w (session_id, message_id)
    CROSS JOIN LATERAL (
        SELECT * FROM messages WHERE session_id = w.session_id AND message_id = w.message_id
        ORDER BY number OFFSET 0  -- by the primary key, as in `receiving.KNOWN`
    ) AS m
"""


async def changes_that_count(
    transaction: Transaction, changes: Sequence[Placed]
) -> Sequence[tuple[Placed, int | None]]:
    """Those, each with the number of the message that it changes; None where that one is not stored."""
    about = {(each.session_id, each.operation.about) for each in changes}
    stored: dict[tuple[str, str], list[Candidate]] = defaultdict(list)
    for row in await transaction.wire.fetch(_CANDIDATES, *columns(about)):
        author = Person.of(row["from_me"], row["sender"])
        candidate = Candidate(number=row["number"], chat=row["chat"], author=author)
        stored[row["session_id"], row["message_id"]].append(candidate)
    found: list[tuple[Placed, int | None]] = []
    for each in changes:
        targets = meant(_attempt(each.operation), stored[each.session_id, each.operation.about])
        if targets is not None:
            found.append((each, min((target.number for target in targets), default=None)))
    return found


def _attempt(op: ReceiveMessage) -> Attempt:
    return Attempt(
        right=op.right,
        by=Person.of(op.from_me, op.sender, *op.senders),
        of=op.about_author,
        by_admin=op.by_admin,
        chats={op.chat, *op.chats},
    )
