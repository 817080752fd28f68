#!/usr/bin/env bash
# aiohttp==3.14.5: which authorities a client trusts is settled when aiohttp is imported; SSL_CERT_FILE that is set later does nothing.
# Guess: as with ssl.create_default_context(), the environment counts when a connection (or at least a session) is made. Seen: the default context is a module's
# constant, made by `import aiohttp`. A program that reads its settings (.env, a config file) into os.environ after its imports, or a process that was forked from a
# warm parent with an environment of its own, refuses a server that the same line of code trusts when the variable stood there first. ssl's own default context, made in the
# same process at the same moment, trusts it. Needs openssl.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiohttp==3.14.5
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=DNS:localhost \
    -keyout "$folder/key.pem" -out "$folder/certificate.pem" 2> /dev/null
cat > "$folder/look.py" <<'PYTHON'
import asyncio
import os
import ssl
import sys

folder, when = sys.argv[1:]
if when == "before":
    os.environ["SSL_CERT_FILE"] = f"{folder}/certificate.pem"
import aiohttp
from aiohttp import web

os.environ["SSL_CERT_FILE"] = f"{folder}/certificate.pem"


async def main():
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(f"{folder}/certificate.pem", f"{folder}/key.pem")
    application = web.Application()
    application.router.add_get("/", lambda _: web.Response(text="fine"))
    runner = web.AppRunner(application)
    await runner.setup()
    site = web.TCPSite(runner, "localhost", 0, ssl_context=context)
    await site.start()
    address = f"https://localhost:{runner.addresses[0][1]}/"
    told = []
    async with aiohttp.ClientSession() as session:
        for trust in (True, ssl.create_default_context()):
            try:
                async with session.get(address, ssl=trust) as answer:
                    told.append(await answer.text())
            except aiohttp.ClientConnectorCertificateError:
                told.append("refused")
    await runner.cleanup()
    print(*told)


asyncio.run(main())
PYTHON
before=$("$folder/venv/bin/python" "$folder/look.py" "$folder" before)
after=$("$folder/venv/bin/python" "$folder/look.py" "$folder" after)
echo "by default, with ssl's own context; set before the import: $before; set after it: $after"
[ "$before" = "fine fine" ] && [ "$after" = "refused fine" ]
