"""Changes of the app state: from the bridge's JSON to the port's words and back."""

from collections.abc import Sequence

from gateway_worker.timing.pace import Pace
from gateway_worker.whatsapp.app_state import StateChange, StateChanges, StateKind, StateMessage
from gateway_worker.whatsapp.baileys.channel import facts
from gateway_worker.whatsapp.baileys.channel.questions import StateArguments


async def state_of(parts: Sequence[StateArguments], pace: Pace) -> Sequence[StateChanges]:
    """What `commit` carries of it."""
    found: list[StateChanges] = []
    for part in parts:
        changes: list[StateChange] = []
        for each in part["changes"]:
            changes.append(_change_of(each))
            await pace.breathe()
        found.append(StateChanges(changes=changes, from_before=part["from_before"]))
    return found


def _change_of(made: facts.MadeChange) -> StateChange:
    message = made["message"]
    return StateChange(
        kind=StateKind(made["kind"]),
        chat=made["chat"],
        on=made["on"],
        until=made["until"],
        message=None if message is None else StateMessage(**message),
        name=made["name"],
        lid=made["lid"],
        label=made.get("label"),
        color=made.get("color"),
        through=made["through"],
        timestamp=made["at"],
    )


def state_args(change: StateChange) -> facts.StateChange:
    """A change that is to be made."""
    message = change.message
    return {
        "kind": change.kind.value,
        "chat": change.chat,
        "on": change.on,
        "until": change.until,
        "message": None
        if message is None
        else {
            "message_id": message.message_id,
            "from_me": message.from_me,
            "participant": message.participant,
            "timestamp": message.timestamp,
        },
        "name": change.name,
        "lid": change.lid,
        "label": change.label,
        "color": change.color,
    }
