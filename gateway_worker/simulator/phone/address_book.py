"""What a person calls others: saved on the phone, which tells its companions by app state. Pure."""

from gateway_worker.simulator.errors import Conflict, NotFound
from gateway_worker.simulator.phone.phone import require_online
from gateway_worker.simulator.whatsapp.appstate import MAX_PATCHES, append
from gateway_worker.simulator.wire.app_state import IV_SIZE, AppStateKey, write_patch
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import SyncActionValue
from gateway_worker.simulator.world.model import Account, Phone
from gateway_worker.simulator.world.turn import Turn

_COLLECTION = "critical_unblock_low"
_SETTINGS = "critical_block"
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
    if len(account.collections.get(_COLLECTION, ())) >= MAX_PATCHES:
        raise Conflict("contacts.full", f"a phone saves {MAX_PATCHES} times")
    contact = SyncActionValue.ContactAction(
        fullName=name, firstName=name.split(" ", 1)[0], lidJid=person.lid_jid, saveOnPrimaryAddressbook=True
    )
    action = SyncActionValue(timestamp=int(turn.now * 1000), contactAction=contact)
    _write(turn, account, _COLLECTION, ["contact", person.pn_jid], action)


def publish_own_name(turn: Turn, account: Account) -> None:
    """The companions learn what the person is called: by a setting of the account's, when it is another than before."""
    if account.announced_name == account.name or len(account.collections.get(_SETTINGS, ())) >= MAX_PATCHES:
        return
    account.announced_name = account.name
    name = SyncActionValue.PushNameSetting(name=account.name)
    action = SyncActionValue(timestamp=int(turn.now * 1000), pushNameSetting=name)
    _write(turn, account, _SETTINGS, ["setting_pushName"], action)


def _write(turn: Turn, account: Account, collection: str, index: list[str], action: SyncActionValue) -> None:
    patch = write_patch(
        collection,
        account.collections.setdefault(collection, []),
        index=index,
        action=action,
        key=app_state_key(turn, account.primary),
        iv=turn.world.entropy(IV_SIZE),
    )
    append(turn, account, collection, patch)
