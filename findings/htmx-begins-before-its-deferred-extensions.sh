#!/usr/bin/env bash
# htmx 4.0.1: with `defer` on its scripts, a page that needs an extension works or hears nothing, by which script comes over the network when.
# Guess: deferred scripts run in their order before DOMContentLoaded, htmx begins there, so the extension beside it is always known by then. Seen: htmx looks at document.readyState, which is no longer
# 'loading' while deferred scripts run, and begins after a timer of 0 instead; the next deferred script may still be on its way. Elements were looked through without the extension (here the one for
# server-sent events) and are not looked at again: no stream is ever opened, and nothing is said. Without `defer` on htmx itself, or when both come at once, all is well.
# Needs Debian's chromium.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund htmx.org@4.0.1
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check playwright==1.65.2 aiohttp==3.14.5
venv/bin/python - <<'PYTHON'
import asyncio
import pathlib
import shutil

from aiohttp import web
from playwright.async_api import async_playwright

DIST = pathlib.Path("node_modules/htmx.org/dist")
PAGE = """<!doctype html><title>x</title><script src="/htmx.js" {how}></script><script src="/sse.js?late={late}" defer></script>
<p hx-sse:connect="/stream">waiting</p>"""
streams = 0


async def script(request):
    if request.path == "/sse.js":
        await asyncio.sleep(float(request.query["late"]))
        return web.Response(text=(DIST / "ext/hx-sse.js").read_text(), content_type="text/javascript")
    return web.Response(text=(DIST / "htmx.js").read_text(), content_type="text/javascript")


async def page(request):
    return web.Response(text=PAGE.format(**request.query), content_type="text/html")


async def stream(request):
    global streams
    streams += 1
    answer = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
    await answer.prepare(request)
    await answer.write(b"data: <b>heard</b>\n\n")
    await asyncio.sleep(5)
    return answer


async def main():
    application = web.Application()
    application.add_routes([web.get("/", page), web.get("/stream", stream)] + [web.get(each, script) for each in ("/htmx.js", "/sse.js")])
    runner = web.AppRunner(application, shutdown_timeout=0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    port = site._server.sockets[0].getsockname()[1]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        seen = {}
        for how, late in (("defer", 0), ("defer", 0.5), ("", 0.5)):
            before, tab = streams, await browser.new_page()
            await tab.goto(f"http://127.0.0.1:{port}/?how={how}&late={late}")
            await tab.wait_for_timeout(2000)
            seen[how, late] = streams > before
            print(f"htmx {how or 'not deferred'}, extension {late} s late: stream opened: {seen[how, late]}")
            await tab.close()
        await browser.close()
    await runner.cleanup()
    assert not seen["defer", 0.5]
    assert seen["", 0.5]


asyncio.run(main())
PYTHON
