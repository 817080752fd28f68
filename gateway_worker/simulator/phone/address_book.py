"""What a person calls others: saved on the phone, which tells its companions by app state. Pure."""

from gateway_worker.simulator.errors import NotFound
from gateway_worker.simulator.phone.app_state import write
from gateway_worker.simulator.phone.phone import require_online
from gateway_worker.simulator.wire.app_state import Setting
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import SyncActionValue
from gateway_worker.simulator.world.model import Account
from gateway_worker.simulator.world.turn import Turn

_COLLECTION = "critical_unblock_low"
_SETTINGS = "critical_block"


def save_contact(turn: Turn, account: Account, jid: str, name: str) -> None:
    """The person calls somebody `name` from now on. `NotFound` if nobody is there, `Conflict` for a phone offline."""
    require_online(account.primary)
    person, _ = turn.world.find(jid)
    if person is None:
        raise NotFound("recipient.unknown", "nobody has that address")
    contact = SyncActionValue.ContactAction(
        fullName=name, firstName=name.split(" ", 1)[0], lidJid=person.lid_jid, saveOnPrimaryAddressbook=True
    )
    action = SyncActionValue(timestamp=int(turn.now * 1000), contactAction=contact)
    write(turn, account, _COLLECTION, Setting(index=["contact", person.pn_jid], action=action))


def remove_contact(turn: Turn, account: Account, jid: str) -> None:
    """The person has somebody in the address book no longer. `NotFound` if nobody is there."""
    require_online(account.primary)
    person, _ = turn.world.find(jid)
    if person is None:
        raise NotFound("recipient.unknown", "nobody has that address")
    write(turn, account, _COLLECTION, Setting(index=["contact", person.pn_jid], action=None))


def publish_own_name(turn: Turn, account: Account) -> None:
    """The companions learn what the person is called: by a setting of the account's, when it is another than before."""
    if account.announced_name == account.name:
        return
    account.announced_name = account.name
    name = SyncActionValue.PushNameSetting(name=account.name)
    action = SyncActionValue(timestamp=int(turn.now * 1000), pushNameSetting=name)
    write(turn, account, _SETTINGS, Setting(index=["setting_pushName"], action=action, form=1))
