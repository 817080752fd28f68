#!/usr/bin/env bash
# standardwebhooks 1.1.0 (the reference library for Python): sign() takes an aware datetime for UTC whatever its zone.
# Guess: the signature is over the Unix seconds of that instant. Seen: the zone is replaced, not converted, so 12:00+05:00 is signed as 12:00Z, five hours off;
# the receiver, who signs the header's own seconds, refuses the delivery. Only datetimes in UTC, or naive ones that mean UTC, can be signed.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check standardwebhooks==1.1.0
"$folder/venv/bin/python" - <<'PYTHON'
from datetime import datetime, timedelta, timezone

from standardwebhooks import Webhook, WebhookVerificationError

webhook = Webhook("whsec_" + "a2tr" * 8)
now = datetime.now(timezone.utc).replace(microsecond=0)
there = now.astimezone(timezone(timedelta(hours=5)))
assert there == now  # the same instant


def verdict(moment):
    signed = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": webhook.sign("msg_1", moment, "{}"),
    }
    try:
        webhook.verify("{}", signed)
    except WebhookVerificationError as error:
        return str(error)
    return "verified"


print(verdict(now), "/", verdict(there))
assert verdict(now) == "verified"
assert verdict(there) == "No matching signature found"
assert webhook.sign("msg_1", there, "{}") == webhook.sign("msg_1", now + timedelta(hours=5), "{}")
PYTHON
