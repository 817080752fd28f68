"""One coroutine function per kind of operation: writes all of a round's operations of it in a statement or two.

A new kind is a class in `store/operations` and a line here, where the order says which takes effect first.
"""

from collections.abc import Mapping
from typing import Any, Final

from gateway_worker.store.operations.chats import DropMessage, EmptyChat, SetStar, UpdateChats
from gateway_worker.store.operations.commands import BeginMessage, FinishCommand, RecordCommand
from gateway_worker.store.operations.history import FinishHistory, StoreHistory
from gateway_worker.store.operations.identity import DropCredentials, PutCredentials, PutKeys
from gateway_worker.store.operations.labels import LabelStoredMessage, SetLabel
from gateway_worker.store.operations.media import PutMedia, PutUpload, RetryMedia, SettleMedia
from gateway_worker.store.operations.messages import (
    PutEntries,
    PutSentPlaintext,
    ReceiveMessage,
    ReplaceContent,
    SetExpiry,
    SettleEntries,
)
from gateway_worker.store.operations.operation import Operation
from gateway_worker.store.operations.people import JoinChats, LearnContacts
from gateway_worker.store.operations.receipts import AdvanceParticipant, AdvanceStatus
from gateway_worker.store.operations.sessions import AppendEvent, ChangeState
from gateway_worker.store.operations.set_aside import BeginStanza, EndStanzas, SetAside
from gateway_worker.store.operations.timers import SetTimers
from gateway_worker.store.operations.usage import ReportUsage
from gateway_worker.store.writing.transaction import Writer
from gateway_worker.store.writing.writers import (
    chat_messages,
    chat_states,
    chats,
    commands,
    contacts,
    history,
    identity,
    labels,
    media,
    messages,
    receipts,
    receiving,
    sessions,
    set_aside,
    timers,
    uploads,
    usage,
)

WRITERS: Final[Mapping[type[Operation[Any]], Writer]] = {
    RecordCommand: commands.record,
    BeginMessage: messages.begin,
    DropCredentials: identity.drop_credentials,
    PutCredentials: identity.put_credentials,
    PutKeys: identity.put_keys,
    PutEntries: identity.put_entries,
    SettleEntries: identity.settle_entries,
    PutSentPlaintext: messages.put_plaintexts,
    BeginStanza: set_aside.begin_stanzas,
    EndStanzas: set_aside.end_stanzas,
    SetAside: set_aside.set_aside,
    ReceiveMessage: receiving.receive,
    StoreHistory: history.store,
    FinishHistory: history.finish,
    JoinChats: chats.join,
    LearnContacts: contacts.learn_contacts,
    SetTimers: timers.set_timers,
    UpdateChats: chat_states.update_chats,
    SetLabel: labels.set_labels,
    LabelStoredMessage: labels.label_messages,
    SetStar: chat_messages.star_messages,
    DropMessage: chat_messages.drop_messages,
    EmptyChat: chat_messages.empty_chats,
    ReplaceContent: messages.replace_content,
    SetExpiry: messages.set_expiry,
    PutUpload: uploads.put,
    PutMedia: media.put_media,
    RetryMedia: media.retry_media,
    SettleMedia: media.settle_media,
    AdvanceStatus: messages.advance_status,
    AdvanceParticipant: receipts.advance_participants,
    ReportUsage: usage.report_usage,
    ChangeState: sessions.change_state,
    AppendEvent: sessions.append_event,
    FinishCommand: commands.finish,
}
