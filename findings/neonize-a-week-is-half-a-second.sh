#!/usr/bin/env bash
# neonize 0.5.2 (whatsmeow for Python): timedelta(days=7) as the timer of a chat is handed to whatsmeow as 0.6 seconds.
# Guess: a timedelta is the same time wherever it is taken. Seen: the docstring says nanoseconds, set_default_disappearing_timer() converts to nanoseconds, set_disappearing_timer() to
# milliseconds, which Go takes for nanoseconds all the same: the chat's timer is off instead of a week. The moment of the setting mixes seconds with milliseconds: `setting_ts` five seconds
# ahead is handed over as a day in January 1970. Nothing is sent here: what crosses into Go is looked at.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check neonize==0.5.2
"$folder/venv/bin/python" - <<'PYTHON'
import time
from datetime import timedelta

from neonize.client import NewClient
from neonize.utils import build_jid

WEEK = timedelta(days=7)
handed = {}


class Go:
    def __getattr__(self, name):
        return lambda *arguments: handed.__setitem__(name, arguments) or b""


client = NewClient.__new__(NewClient)
client._NewClient__client, client.uuid = Go(), b"one"
client.set_default_disappearing_timer(WEEK)
client.set_disappearing_timer(build_jid("15550001111"), WEEK, timedelta(seconds=5))
default, (*_, chat, setting) = handed["SetDefaultDisappearingTimer"][1], handed["SetDisappearingTimer"]
print("a week by default, ns:", default, "of a chat:", chat, "set at, ms:", setting)
assert default == WEEK.total_seconds() * 1e9
assert chat == WEEK.total_seconds() * 1e3
assert setting < time.time() * 2, "seconds, with five thousand added"
assert "interpreted as nanoseconds" in NewClient.set_disappearing_timer.__doc__
PYTHON
