"""A message's begin and the first write of its ratchet, in one transaction.

A message must be on record before anything of it leaves, and so must the ratchet that encrypted it. Where it leaves at
once, both are written together: the engine commits its ratchet before it sends, and takes the begin along. One that
does not leave at once is begun by itself, a moment later: it is accepted however long it waits.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Final

from gateway_worker.store.errors import StoreUnavailable
from gateway_worker.store.operations.commands import BeginAnswer, BeginMessage, Begun
from gateway_worker.whatsapp.errors import StoreRefused

PATIENCE_SECONDS: Final = 0.01
"""How long a begin waits for its ratchet."""

Commit = Callable[[BeginMessage], Awaitable[BeginAnswer]]
"""Writes a begin by itself, however long the database is away."""


class Offer:
    """A begin that waits to be taken along."""

    __slots__ = ("answer", "begin", "is_alone", "is_taken")

    def __init__(self, begin: BeginMessage) -> None:
        self.begin = begin
        self.answer: asyncio.Future[BeginAnswer] = asyncio.get_running_loop().create_future()
        self.is_taken = False  # by whoever writes its ratchet
        self.is_alone = False  # nobody took it in time: it is written by itself


class JointBegins:
    """The begins of one session that wait for their ratchet."""

    def __init__(self) -> None:
        self._offers: dict[str, Offer] = {}

    def offer(self, begin: BeginMessage) -> Offer:
        """From now on it is taken along by its ratchet; not a coroutine, since that may come at once."""
        offer = self._offers[begin.message_id] = Offer(begin)
        return offer

    async def durable(self, offer: Offer, alone: Commit) -> BeginAnswer:
        """Returns when it was written: with its ratchet, or `alone`.

        Raises:
            StaleEpoch: another worker owns the session.
            StoreError: the database refused it.
        """
        begin = offer.begin
        try:
            await asyncio.wait({offer.answer}, timeout=PATIENCE_SECONDS)
            if offer.is_taken:  # its transaction is under way, or done
                try:
                    return await asyncio.shield(offer.answer)
                except (StoreUnavailable, StoreRefused):  # what went wrong is not the begin's own matter
                    return await alone(begin)
            offer.is_alone = True
            answer = await alone(begin)
        except BaseException as error:
            _fail(offer, error)
            raise
        else:
            offer.answer.set_result(answer)
            return answer
        finally:
            self.withdraw(offer)

    def withdraw(self, offer: Offer) -> None:
        """Nobody takes it any more; idempotent."""
        if self._offers.get(offer.begin.message_id) is offer:
            del self._offers[offer.begin.message_id]

    @asynccontextmanager
    async def taken(self, message_ids: Collection[str]) -> AsyncGenerator["Taken"]:
        """The begins of these messages, for the transaction that stores their ratchets.

        Raises:
            StoreRefused: one of them was begun before, or is another command's: nothing of it may leave now.
        """
        offers: list[Offer] = []
        try:
            for message_id in message_ids:
                offer = self._offers.get(message_id)
                if offer is not None and offer.is_alone:
                    _require(await asyncio.shield(offer.answer))
                elif offer is not None:
                    offer.is_taken = True
                    offers.append(self._offers.pop(message_id))
            yield Taken(offers)
        except BaseException as error:
            for offer in offers:
                _fail(offer, error)
            raise


class Taken:
    """Begins that are written by whoever took them."""

    def __init__(self, offers: Sequence[Offer]) -> None:
        self._offers = offers
        self.operations: Sequence[BeginMessage] = [offer.begin for offer in offers]

    def committed(self, answers: Sequence[BeginAnswer]) -> None:
        """They are durable; idempotent.

        Raises:
            StoreRefused: as `JointBegins.taken`.
        """
        for offer, answer in zip(self._offers, answers, strict=True):
            if not offer.answer.done():
                offer.answer.set_result(answer)
        for answer in answers:
            _require(answer)


def _require(answer: BeginAnswer) -> None:
    if not isinstance(answer, Begun):
        raise StoreRefused("this message was begun before")


def _fail(offer: Offer, error: BaseException) -> None:
    """Whoever waits for it is told; what was only cut off is written by itself."""
    if offer.answer.done():
        return
    is_told = isinstance(error, Exception)
    offer.answer.set_exception(error if is_told else StoreUnavailable("Its writer was cancelled."))
    offer.answer.exception()  # nobody need wait for it
