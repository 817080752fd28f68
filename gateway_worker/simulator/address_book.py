"""What a person calls others: saved on the phone, which tells its companions by app state. Pure."""

from gateway_worker.simulator.appstate import MAX_PATCHES, append
from gateway_worker.simulator.effects import Turn
from gateway_worker.simulator.errors import Conflict, NotFound
from gateway_worker.simulator.model import Account
from gateway_worker.simulator.phones import Phone, require_online
from gateway_worker.simulator.wire.app_state import IV_SIZE, AppStateKey, write_patch
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import SyncActionValue

_COLLECTION = "critical_unblock_low"
_KEY_PREFIX = b"\x00\x00"


def app_state_key(turn: Turn, phone: Phone) -> AppStateKey:
    """The key that the phone shares with its companions; made when it is first needed."""
    if phone.app_state_key is None:
        phone.app_state_key = (_KEY_PREFIX + turn.world.entropy(4), turn.world.entropy(32))
    id_, secret = phone.app_state_key
    return AppStateKey(id=id_, secret=secret)


def save_contact(turn: Turn, account: Account, jid: str, name: str) -> None:
    """The person calls somebody `name` from now on. `NotFound` if nobody is there, `Conflict` for a phone offline."""
    require_online(account.primary)
    person, _ = turn.world.find(jid)
    if person is None:
        raise NotFound("recipient.unknown", "nobody has that address")
    log = account.collections.setdefault(_COLLECTION, [])
    if len(log) >= MAX_PATCHES:
        raise Conflict("contacts.full", f"a phone saves {MAX_PATCHES} times")
    contact = SyncActionValue.ContactAction(
        fullName=name, firstName=name.split(" ", 1)[0], lidJid=person.lid_jid, saveOnPrimaryAddressbook=True
    )
    action = SyncActionValue(timestamp=int(turn.now * 1000), contactAction=contact)
    patch = write_patch(
        _COLLECTION,
        log,
        index=["contact", person.pn_jid],
        action=action,
        key=app_state_key(turn, account.primary),
        iv=turn.world.entropy(IV_SIZE),
    )
    append(turn, account, _COLLECTION, patch)
