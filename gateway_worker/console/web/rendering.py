"""Templates: every value is escaped, and a name that nobody gave is an error."""

import json
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from gateway_worker.console import words

_TEMPLATES: Final = Path(__file__).resolve().parents[1] / "templates"


class Pages:
    """The templates. `assets`: the version of what pages load; browsers keep it as long as it is the same."""

    def __init__(self, assets: str) -> None:
        self.assets = assets
        self._environment = Environment(
            loader=FileSystemLoader(_TEMPLATES),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "tone": words.state_tone,
            "word": words.state_word,
            "size": words.size_word,
            "instant": words.instant,
            "moment": _moment,
            "pretty": _pretty,
            "part": _part,
            "slug": slug,
        }
        shared: dict[str, Any] = {"assets": assets, "age": words.age_word, "ticks": words.TICKS}
        self._environment.globals |= shared

    def render(self, template: str, **values: Any) -> str:
        """A template with these values."""
        return self._environment.get_template(template).render(values)


def slug(text: str) -> str:
    """An id for an element: what no id of a stranger's can break out of, and no two share."""
    return text.encode().hex()


def _moment(moment: datetime | None) -> Markup:
    """A time, in the reader's zone once the page's script has seen it."""
    if moment is None:
        return Markup("–")  # noqa: RUF001 (a dash for nothing)
    shown = moment.strftime("%Y-%m-%d %H:%M:%S UTC")
    return Markup('<time datetime="{}">{}</time>').format(words.instant(moment), shown)


def _pretty(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2, default=str)


def _part(text: str) -> str:
    """A part of an address."""
    return quote(text, safe="@")
