"""`make docs` shows the whole contract on one page, and its links lead somewhere."""

import re
from functools import cache

from deploy.tools.docs import prose, render
from schemas.asyncapi.asyncapi import document


@cache
def page() -> str:
    return render(document())


def test_every_message_and_every_schema_stands_on_the_page() -> None:
    shown = set(re.findall(r'<article id="([^"]+)"', page()))
    components = document()["components"]
    messages = {f"message-{name.replace('.', '-')}" for name in components["messages"]}
    schemas = {f"schema-{name}" for name, schema in components["schemas"].items() if "allOf" not in schema}
    assert messages | schemas <= shown


def test_every_link_leads_to_something_and_nothing_stands_there_twice() -> None:
    anchors = re.findall(r'id="([^"]+)"', page())
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r'href="#([^"]+)"', page())) <= set(anchors)


def test_it_is_read_without_a_network_and_what_descriptions_say_is_text() -> None:
    assert re.findall(r'(?:src|href)="https?://', page()) == []
    assert prose("a <b> in `x<y>`") == "a &lt;b&gt; in <code>x&lt;y&gt;</code>"
