"""What a property says that means the same wherever it stands; a model's own docstring may say otherwise."""

from collections.abc import Mapping
from typing import Final

PROPERTY_WORDS: Final[Mapping[str, str]] = {
    "address": "Where it is, in words.",
    "announcement": "Only admins write in it.",
    "caption": "The text below it.",
    "chat": "The JID of the chat: a person's, by number where that is known, or a group's.",
    "code": "A stable, dotted code: what programs branch on.",
    "commandId": "The id of the command's envelope.",
    "commandType": "The command's type.",
    "cursor": "Asks for the next page; without it this is the last one. In a command: what the page before gave.",
    "detail": "For programs; its shape belongs to the code.",
    "fromMe": "It is the account's own: of its phone, of another device, or of a command.",
    "groupId": "The JID of the group.",
    "isGroup": "The chat is a group.",
    "jid": "The JID: by number where that is known, else the LID.",
    "joinApproval": "Who comes by the link is let in by an admin.",
    "kind": "What kind of content it is.",
    "latitude": "Degrees, north positive.",
    "lid": "The LID, WhatsApp's address without a number, where it is known.",
    "locked": "Only admins change what the group is called and says about itself.",
    "longitude": "Degrees, east positive.",
    "maxSessions": "How many sessions it takes at most.",
    "media": "The file.",
    "membersAdd": "Not only admins add people.",
    "messageId": "WhatsApp's id of the message. Senders choose it: it names one message together with chat and sender.",
    "phone": "The number, in E.164, where it is known.",
    "pushName": "What the person calls itself.",
    "sessionId": "The session.",
    "timestamp": "When it was, by WhatsApp's clock where WhatsApp says it.",
    "userId": "Whose session it is, in the backend's words.",
    "version": "The gateway's version.",
    "workerId": "The worker.",
}
