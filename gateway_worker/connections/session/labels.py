"""What the account's owner does with labels by command: as a change of the app state, which all devices follow."""

from collections.abc import Sequence

from gateway_worker.connections.base.signals import until_stored
from gateway_worker.connections.base.storage import Labels
from gateway_worker.connections.session.chat_states import ChatStateCommands
from gateway_worker.store.operations.labels import MAX_LABELS
from gateway_worker.store.records import LabelRecord
from gateway_worker.whatsapp.app_state import StateChange, StateKind
from schemas.commands.commands import Command
from schemas.commands.labels import CreateLabel, DeleteLabel, LabelChat, LabelMessage, UpdateLabel
from schemas.content.labels import Label
from schemas.errors import LabelNotFound
from schemas.names import SessionId


class LabelCommands:
    """Carries them out for one session. All raise `GatewayError` as `ChatStateCommands` does."""

    def __init__(self, session_id: SessionId, states: ChatStateCommands, labels: Labels) -> None:
        self._session_id = session_id
        self._states = states
        self._labels = labels

    async def create(self, command: Command[CreateLabel]) -> Label:
        """Make a label; one that is called so is the answer, so that a repetition makes no other."""
        known, data = await self._known(), command.data
        found = next((each for each in known if each.name == data.name), None)
        if found is not None:
            return Label(label_id=found.label_id, name=data.name, color=found.color)
        label_id = str(max((int(each.label_id) for each in known if each.label_id.isdigit()), default=0) + 1)
        await self._set(command, label_id, data.name, data.color)
        return Label(label_id=label_id, name=data.name, color=data.color)

    async def update(self, command: Command[UpdateLabel]) -> None:
        """Call a label otherwise, or give it another colour. Raises LabelNotFound."""
        data = command.data
        label = await self._existing(data.label_id)
        color = label.color if data.color is None else data.color
        await self._set(command, data.label_id, data.name or label.name or "", color)

    async def delete(self, command: Command[DeleteLabel]) -> None:
        """Have a label no more. Raises LabelNotFound."""
        label = await self._existing(command.data.label_id)
        change = StateChange(
            kind=StateKind.LABEL, chat="", on=False, label=label.label_id, name=label.name, color=label.color
        )
        await self._states.change(command, [change])

    async def label_chat(self, command: Command[LabelChat]) -> None:
        """Put a label on a chat, or take it off. Raises LabelNotFound."""
        await self._existing(command.data.label_id)
        await self._states.label_chat(command)

    async def label_message(self, command: Command[LabelMessage]) -> None:
        """Put a label on a message, or take it off. Raises LabelNotFound, MessageNotFound."""
        await self._existing(command.data.label_id)
        await self._states.label_message(command)

    async def _set(self, command: Command[CreateLabel] | Command[UpdateLabel], id_: str, name: str, color: int) -> None:
        change = StateChange(kind=StateKind.LABEL, chat="", label=id_, name=name, color=color)
        await self._states.change(command, [change])

    async def _existing(self, label_id: str) -> LabelRecord:
        found = next((each for each in await self._known() if each.label_id == label_id), None)
        if found is None or found.name is None:
            raise LabelNotFound
        return found

    async def _known(self) -> Sequence[LabelRecord]:
        return await until_stored(lambda: self._labels.list(self._session_id, MAX_LABELS))
