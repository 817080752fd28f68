#!/usr/bin/env bash
# standardwebhooks 1.1.0 (the reference library for Python): verify() takes the body as bytes, sign() takes them too and signs their repr.
# Guess: bytes are signed as they are, or refused with a TypeError. Seen: an f-string makes b'{}' of them; the signature is of that text, so that no receiver of
# any language accepts it, and nothing is raised where it was made.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check standardwebhooks==1.1.0
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import datetime, timezone

from standardwebhooks import Webhook

webhook = Webhook("whsec_" + "a2tr" * 8)
now = datetime.now(timezone.utc)
body = b'{"status": "sent"}'
signed = {
    "of the bytes": webhook.sign("msg_1", now, body),
    "of the text": webhook.sign("msg_1", now, body.decode()),
    "of the repr": webhook.sign("msg_1", now, repr(body)),
}
print(signed)
headers = {"webhook-id": "msg_1", "webhook-timestamp": str(int(now.timestamp()))}
assert webhook.verify(body, {**headers, "webhook-signature": signed["of the text"]}) == {"status": "sent"}
assert signed["of the bytes"] == signed["of the repr"] != signed["of the text"]
PYTHON
