#!/usr/bin/env bash
# neonize 0.5.2 (whatsmeow for Python): the first message that somebody writes in a group has the type of its envelope.
# Guess: get_message_type() of a picture is the picture, in a group as elsewhere. Seen: the field with the lowest number that ends in "Message" is taken, and the sender's key for the group, which travels
# in the same protobuf with a sender's first message (and again after each change of members), has number 2. A plain text (`conversation`, number 1) is right. What arrives wrapped
# (view once, disappearing) has the type of the wrapper. message_has_contextinfo() asks the same field and says that the picture can have no quote. Needs libmagic (Debian's libmagic1).
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check neonize==0.5.2
"$folder/venv/bin/python" - <<'PYTHON'
from neonize.proto.waE2E.WAWebProtobufsE2E_pb2 import ImageMessage, Message, SenderKeyDistributionMessage
from neonize.utils.message import get_message_type, message_has_contextinfo

key = SenderKeyDistributionMessage(groupID="1203630000000000@g.us")
picture = ImageMessage(caption="look")
second = Message(imageMessage=picture)
first = Message(imageMessage=picture, senderKeyDistributionMessage=key)
for name, message in (("second", second), ("first", first)):
    print(name, "message:", type(get_message_type(message)).__name__, message_has_contextinfo(message))
assert type(get_message_type(second)) is ImageMessage and message_has_contextinfo(second)
assert type(get_message_type(first)) is SenderKeyDistributionMessage and not message_has_contextinfo(first)
assert get_message_type(Message(conversation="hi", senderKeyDistributionMessage=key)) == "hi"
once = Message(viewOnceMessage={"message": second})
assert type(get_message_type(once)) is not ImageMessage
PYTHON
