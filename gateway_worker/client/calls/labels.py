"""The commands about labels, as methods. `chat` is an E.164 number, or a JID."""

from typing import Unpack

from gateway_worker.client.asking import Asking
from gateway_worker.client.commands import CommandOptions, valid
from gateway_worker.client.replies import Accepted
from schemas.commands.labels import CreateLabel, DeleteLabel, LabelChat, LabelMessage, ListLabels, UpdateLabel
from schemas.content.labels import Label, LabelList


class LabelCalls(Asking):
    """Mixed into `Gateway`."""

    async def list_labels(self, session: str, **options: Unpack[CommandOptions]) -> LabelList:
        """The labels."""
        return await self.query(session, valid(ListLabels, {"session_id": session}), LabelList, **options)

    async def create_label(
        self, session: str, name: str, *, color: int = 0, **options: Unpack[CommandOptions]
    ) -> Label:
        """Make a label; one that is called so is the answer."""
        return await self.query(session, valid(CreateLabel, {"name": name, "color": color}), Label, **options)

    async def update_label(
        self,
        session: str,
        label_id: str,
        *,
        name: str | None = None,
        color: int | None = None,
        **options: Unpack[CommandOptions],
    ) -> Accepted:
        """Call a label otherwise, or give it another colour."""
        fields = {"label_id": label_id, "name": name, "color": color}
        return await self.order(session, valid(UpdateLabel, fields), **options)

    async def delete_label(self, session: str, label_id: str, **options: Unpack[CommandOptions]) -> Accepted:
        """Have a label no more."""
        return await self.order(session, valid(DeleteLabel, {"label_id": label_id}), **options)

    async def label_chat(
        self, session: str, chat: str, label_id: str, *, labelled: bool = True, **options: Unpack[CommandOptions]
    ) -> Accepted:
        """Put a label on a chat, or take it off."""
        fields = {"chat": chat, "label_id": label_id, "labelled": labelled}
        return await self.order(session, valid(LabelChat, fields), **options)

    async def label_message(
        self,
        session: str,
        chat: str,
        message_id: str,
        label_id: str,
        *,
        labelled: bool = True,
        sender: str | None = None,
        **options: Unpack[CommandOptions],
    ) -> Accepted:
        """Put a label on a message, or take it off."""
        fields = {
            "chat": chat,
            "message_id": message_id,
            "label_id": label_id,
            "labelled": labelled,
            "sender": sender,
        }
        return await self.order(session, valid(LabelMessage, fields), **options)
