"""Disappearing chats on the phones: who sets a timer, who hears of it, and what is written there meanwhile. Pure."""

from gateway_worker.simulator.content.outside import outside_of
from gateway_worker.simulator.content.reading import parts_with_context, unwrap
from gateway_worker.simulator.errors import Invalid
from gateway_worker.simulator.phone.phone import require_online
from gateway_worker.simulator.phone.sending import dispatch
from gateway_worker.simulator.whatsapp.groups.changes import set_disappearing
from gateway_worker.simulator.whatsapp.groups.groups import group_of
from gateway_worker.simulator.whatsapp.notifications import set_new_chats
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import ContextInfo, DisappearingMode, Message
from gateway_worker.simulator.world.jids import GROUP_SERVER, parse_jid
from gateway_worker.simulator.world.model import Account, Phone, World
from gateway_worker.simulator.world.phone_records import NO_TIMER, TIMERS, ChatTimer
from gateway_worker.simulator.world.turn import Turn

_Protocol = Message.ProtocolMessage


def set_timer(turn: Turn, account: Account, to: str, seconds: int) -> None:
    """The person sets the timer of a chat. `Invalid` for one that WhatsApp does not offer."""
    phone = account.primary
    require_online(phone)
    _offered(seconds)
    if parse_jid(to).server == GROUP_SERVER:
        set_disappearing(turn, phone.device, group_of(turn, to, account), seconds)
        return
    setting = _Protocol(
        type=_Protocol.Type.EPHEMERAL_SETTING,
        ephemeralExpiration=seconds,
        ephemeralSettingTimestamp=int(turn.now),
    )
    dispatch(turn, phone, to, Message(protocolMessage=setting), "3A" + turn.token(9))
    phone.timers[_chat(turn.world, to)] = ChatTimer(seconds=seconds, changed_at=int(turn.now))


def set_for_new_chats(turn: Turn, account: Account, seconds: int) -> None:
    """The person sets what new chats begin with. `Invalid` for a timer that WhatsApp does not offer."""
    require_online(account.primary)
    _offered(seconds)
    set_new_chats(turn, account.primary.device, seconds)


def _offered(seconds: int) -> None:
    if seconds not in TIMERS:
        raise Invalid("request.invalid", f"seconds must be one of: {', '.join(map(str, TIMERS))}")


def begin_chat(turn: Turn, phone: Phone, chat: str) -> None:
    """The person writes there: a chat that is new begins with the timer of new chats."""
    seconds, name = phone.account.new_chats.seconds, _chat(turn.world, chat)
    is_new = seconds and parse_jid(chat).server != GROUP_SERVER and name not in phone.timers
    if is_new and all(_chat(turn.world, kept.chat) != name for kept in phone.messages.values()):
        phone.timers[name] = ChatTimer(seconds=seconds, changed_at=int(turn.now), of_new_chats=True)


def take_context(turn: Turn, phone: Phone, chat: str, message: Message) -> None:
    """A message says when the timer of its chat was set: what was set last counts."""
    name = _chat(turn.world, chat)
    known = phone.timers.get(name, NO_TIMER)
    for part in parts_with_context(unwrap(message)):
        context: ContextInfo = part.contextInfo
        if parse_jid(chat).server != GROUP_SERVER and context.ephemeralSettingTimestamp > known.changed_at:
            phone.timers[name] = ChatTimer(seconds=context.expiration, changed_at=context.ephemeralSettingTimestamp)


def take_timer(turn: Turn, phone: Phone, chat: str, message: Message) -> None:
    """A message that sets the timer of a chat takes effect, if none was set later."""
    setting = message.protocolMessage
    if setting.type != _Protocol.Type.EPHEMERAL_SETTING:
        return
    changed_at = setting.ephemeralSettingTimestamp or int(turn.now)
    name = _chat(turn.world, chat)
    if name not in phone.timers or phone.timers[name].changed_at <= changed_at:
        phone.timers[name] = ChatTimer(seconds=setting.ephemeralExpiration, changed_at=changed_at)


def timer_of(world: World, phone: Phone, chat: str) -> ChatTimer | None:
    """The timer of a chat; None where messages stay."""
    group = world.groups.get(parse_jid(chat).user) if parse_jid(chat).server == GROUP_SERVER else None
    of_group = None if group is None else ChatTimer(seconds=group.disappearing, changed_at=0)
    timer = of_group or phone.timers.get(_chat(world, chat))
    return timer if timer is not None and timer.seconds else None


def marked(world: World, phone: Phone, chat: str, message: Message) -> Message:
    """A message as the phone writes it into that chat: it says when it goes. What only changes another says nothing."""
    timer = timer_of(world, phone, chat)
    if timer is None or outside_of(message).hidden or message.HasField("protocolMessage"):
        return message
    if message.HasField("conversation"):
        text = Message.ExtendedTextMessage(text=message.conversation)
        message.ClearField("conversation")
        message.extendedTextMessage.CopyFrom(text)
    for part in parts_with_context(unwrap(message)):
        context: ContextInfo = part.contextInfo
        context.expiration = timer.seconds
        if timer.changed_at:
            context.ephemeralSettingTimestamp = timer.changed_at
        if timer.of_new_chats:
            context.disappearingMode.initiator = DisappearingMode.Initiator.INITIATED_BY_ME
            context.disappearingMode.trigger = DisappearingMode.Trigger.ACCOUNT_SETTING
        else:
            context.disappearingMode.initiator = DisappearingMode.Initiator.CHANGED_IN_CHAT
    return message


def _chat(world: World, chat: str) -> str:
    """A person has two addresses, and one chat."""
    person, _ = world.find(chat)
    return chat if person is None else person.pn_jid
