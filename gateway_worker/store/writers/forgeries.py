"""What others do to messages that are not theirs: any client can send it, and WhatsApp's own do not show it."""

from collections.abc import Collection, Sequence
from typing import Final

from gateway_worker.store.authors import Author, same_author
from gateway_worker.store.operations.messages import ReceiveMessage
from gateway_worker.store.plan import Placed
from gateway_worker.store.transaction import Transaction, columns

_AUTHORS: Final = """
    SELECT m.session_id, m.message_id, m.from_me, m.sender
    FROM unnest($1::text[], $2::text[]) AS w (session_id, message_id)
    JOIN messages AS m ON m.session_id = w.session_id AND m.message_id = w.message_id
"""


async def forgeries(transaction: Transaction, received: Sequence[Placed]) -> Collection[Placed]:
    """Those that only the author of the message they are about may do, and that are by somebody else."""
    changes = [each for each in received if each.operation.only_of_author and each.operation.about]
    if not changes:
        return ()
    about = {(each.session_id, each.operation.about) for each in changes}
    rows = await transaction.wire.fetch(_AUTHORS, *columns(about))
    authors = {(row["session_id"], row["message_id"]): Author(row["from_me"], row["sender"]) for row in rows}

    def is_forged(placed: Placed) -> bool:
        op: ReceiveMessage = placed.operation
        author = authors.get((placed.session_id, op.about or ""))
        return author is not None and not same_author(author, Author(op.from_me, op.sender))

    return [each for each in changes if is_forged(each)]
