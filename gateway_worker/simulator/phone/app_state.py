"""What a person does with chats on the phone, which tells its companions by app state. Pure."""

from collections.abc import Sequence
from typing import Any

from gateway_worker.simulator.errors import Conflict
from gateway_worker.simulator.phone.phone import find_message, require_online
from gateway_worker.simulator.whatsapp.appstate import append, stored
from gateway_worker.simulator.wire.app_state import IV_SIZE, AppStateKey, Setting, write_patch
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import SyncActionValue, SyncdPatch
from gateway_worker.simulator.world.jids import GROUP_SERVER, parse_jid
from gateway_worker.simulator.world.model import Account, Phone
from gateway_worker.simulator.world.phone_records import Kept
from gateway_worker.simulator.world.turn import Turn

FOR_EVER = -1
_LOW, _HIGH = "regular_low", "regular_high"
_LABELS = "regular"


def newest_key(turn: Turn, phone: Phone) -> AppStateKey:
    """The key that the phone writes with; made when one is first needed."""
    if not phone.app_state_keys:
        new_key(turn, phone)
    id_, secret = list(phone.app_state_keys.items())[-1]
    return AppStateKey(id=id_, secret=secret)


def new_key(turn: Turn, phone: Phone, *, withheld: bool = False) -> bytes:
    """The phone makes a key and writes with it from now on; one that is `withheld` is shared when it is asked for."""
    last = next(reversed(phone.app_state_keys), bytes(4) + turn.world.entropy(2))
    id_ = bytes(2) + (int.from_bytes(last[2:]) + 1).to_bytes(4)
    phone.app_state_keys[id_] = turn.world.entropy(32)
    if withheld:
        phone.withheld_keys.add(id_)
    return id_


def write(turn: Turn, account: Account, collection: str, *settings: Setting) -> None:
    """The phone sets something."""
    known = stored(account, collection)
    ivs = [turn.world.entropy(IV_SIZE) for _ in settings]
    key = newest_key(turn, account.primary)
    append(turn, account, collection, write_patch(known.standing, settings, key=key, ivs=ivs))


def update_chat(turn: Turn, account: Account, chat: str, wanted: dict[str, Any]) -> None:
    """The person archives, pins or mutes a chat, or marks it as read or unread; what is None stays."""
    require_online(account.primary)
    low: list[Setting] = []
    if (archived := wanted["archived"]) is not None:
        action = SyncActionValue.ArchiveChatAction(archived=archived, messageRange=_range(account.primary, chat))
        low.append(_setting(turn, ["archive", chat], 3, archiveChatAction=action))
    if (pinned := False if wanted["archived"] else wanted["pinned"]) is not None:
        low.append(_setting(turn, ["pin_v1", chat], 5, pinAction=SyncActionValue.PinAction(pinned=pinned)))
    if (read := wanted["read"]) is not None:
        action = SyncActionValue.MarkChatAsReadAction(read=read, messageRange=_range(account.primary, chat))
        low.append(_setting(turn, ["markChatAsRead", chat], 3, markChatAsReadAction=action))
    if low:
        write(turn, account, _LOW, *low)
    if (muted := wanted["muted"]) is not None:
        action = SyncActionValue.MuteAction(muted=muted)
        if muted:
            action.muteEndTimestamp = wanted["until"] or FOR_EVER
        write(turn, account, _HIGH, _setting(turn, ["mute", chat], 2, muteAction=action))


def star(turn: Turn, account: Account, message_id: str, *, starred: bool) -> None:
    """The person stars a message, or no longer."""
    require_online(account.primary)
    action = SyncActionValue.StarAction(starred=starred)
    index = ["star", *_names(find_message(account.primary, message_id))]
    write(turn, account, _LOW, _setting(turn, index, 2, starAction=action))


def set_label(turn: Turn, account: Account, label_id: str, name: str, color: int, *, deleted: bool) -> None:
    """The person makes a label, changes it, or has it no more."""
    require_online(account.primary)
    action = SyncActionValue.LabelEditAction(name=name, color=color, deleted=deleted)
    write(turn, account, _LABELS, _setting(turn, ["label_edit", label_id], 3, labelEditAction=action))


def label_chat(turn: Turn, account: Account, label_id: str, chat: str, *, labelled: bool) -> None:
    """The person puts a label on a chat, or takes it off."""
    require_online(account.primary)
    action = SyncActionValue.LabelAssociationAction(labeled=labelled)
    write(turn, account, _LABELS, _setting(turn, ["label_jid", label_id, chat], 3, labelAssociationAction=action))


def label_message(turn: Turn, account: Account, label_id: str, message_id: str, *, labelled: bool) -> None:
    """The person puts a label on a message, or takes it off."""
    require_online(account.primary)
    action = SyncActionValue.LabelAssociationAction(labeled=labelled)
    index = ["label_message", label_id, *_names(find_message(account.primary, message_id))]
    write(turn, account, _LABELS, _setting(turn, index, 3, labelAssociationAction=action))


def delete_message(turn: Turn, account: Account, message_id: str) -> None:
    """The person deletes a message, for itself alone."""
    require_online(account.primary)
    kept = find_message(account.primary, message_id)
    action = SyncActionValue.DeleteMessageForMeAction(deleteMedia=True, messageTimestamp=int(kept.timestamp))
    index = ["deleteMessageForMe", *_names(kept)]
    write(turn, account, _HIGH, _setting(turn, index, 3, deleteMessageForMeAction=action))


def clear_chat(turn: Turn, account: Account, chat: str, *, keeps_starred: bool) -> None:
    """The person deletes the messages of a chat."""
    require_online(account.primary)
    action = SyncActionValue.ClearChatAction(messageRange=_range(account.primary, chat))
    index = ["clearChat", chat, "0" if keeps_starred else "1", "0"]
    write(turn, account, _HIGH, _setting(turn, index, 6, clearChatAction=action))


def delete_chat(turn: Turn, account: Account, chat: str) -> None:
    """The person deletes a chat."""
    require_online(account.primary)
    action = SyncActionValue.DeleteChatAction(messageRange=_range(account.primary, chat))
    write(turn, account, _HIGH, _setting(turn, ["deleteChat", chat, "1"], 6, deleteChatAction=action))


def damage(account: Account, collection: str) -> None:
    """The last patch of a collection is no longer what the phone wrote; a snapshot still is. `Conflict` without one."""
    known = stored(account, collection)
    if not known.patches:
        raise Conflict("app_state.empty", "nothing was written to that collection")
    patch = SyncdPatch.FromString(known.patches[-1])
    patch.patchMac = bytes(len(patch.patchMac))
    known.patches[-1] = patch.SerializeToString()


def forget_patches(account: Account, collection: str) -> None:
    """The server keeps no patches of a collection any more: who has not read them gets a snapshot."""
    stored(account, collection).patches.clear()


def _setting(turn: Turn, index: Sequence[str], form: int, **action: Any) -> Setting:
    return Setting(index=index, action=SyncActionValue(timestamp=int(turn.now * 1000), **action), form=form)


def _names(kept: Kept) -> list[str]:
    """How a message is named: in a group with its author, unless it is the person's own."""
    in_group = parse_jid(kept.chat).server == GROUP_SERVER
    return [kept.chat, kept.message_id, str(int(kept.own)), kept.sender if in_group and not kept.own else "0"]


def _range(phone: Phone, chat: str) -> SyncActionValue.SyncActionMessageRange:
    """Up to the last message that the phone has in a chat."""
    last = next((kept for kept in reversed(phone.messages.values()) if kept.chat == chat), None)
    if last is None:
        return SyncActionValue.SyncActionMessageRange()
    timestamp = int(last.timestamp)
    message = SyncActionValue.SyncActionMessage(key=last.key, timestamp=timestamp)
    return SyncActionValue.SyncActionMessageRange(lastMessageTimestamp=timestamp, messages=[message])
