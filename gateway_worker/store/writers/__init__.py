"""One coroutine function per kind of operation: writes all of a round's operations of it in a statement or two."""

from collections.abc import Mapping
from typing import Any, Final

from gateway_worker.store.operations import (
    AdvanceParticipant,
    AdvanceStatus,
    AppendEvent,
    BeginMessage,
    ChangeState,
    DropCredentials,
    FinishCommand,
    FinishHistory,
    JoinChats,
    Operation,
    PutCredentials,
    PutEntries,
    PutKeys,
    PutMedia,
    PutSentPlaintext,
    PutUpload,
    ReceiveMessage,
    RecordCommand,
    ReplaceContent,
    RetryMedia,
    SettleEntries,
    SettleMedia,
    StoreHistory,
)
from gateway_worker.store.transaction import Writer
from gateway_worker.store.writers import (
    chats,
    commands,
    history,
    identity,
    media,
    messages,
    receipts,
    sessions,
    uploads,
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
    ReceiveMessage: messages.receive,
    StoreHistory: history.store,
    FinishHistory: history.finish,
    JoinChats: chats.join,
    ReplaceContent: messages.replace_content,
    PutUpload: uploads.put,
    PutMedia: media.put_media,
    RetryMedia: media.retry_media,
    SettleMedia: media.settle_media,
    AdvanceStatus: messages.advance_status,
    AdvanceParticipant: receipts.advance_participants,
    ChangeState: sessions.change_state,
    AppendEvent: sessions.append_event,
    FinishCommand: commands.finish,
}
