"""What every page is given."""

from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from gateway_worker.client import Gateway
from gateway_worker.console.files import Files
from gateway_worker.console.metrics import ConsoleMetrics
from gateway_worker.console.phones import Phones
from gateway_worker.console.watch.dead import DeadCounts
from gateway_worker.console.watch.watch import Watch
from gateway_worker.console.web.access import Access, Visitor
from gateway_worker.console.web.rendering import Pages
from gateway_worker.console.web.tokens import EventTokens
from gateway_worker.timing.clock import Clock
from schemas.topology.channels import Topology


@dataclass(frozen=True, slots=True, kw_only=True)
class Console:
    """The console's parts.

    Attributes:
        amqp_url: for the dead queue, which is worked on over a connection of its own.
        dead: how many dead letters there are.
        files: the media bucket; None: the console may not read it.
        phones: of the simulator; None: there is none.
        event_tokens: of backends' own pages; None: they are not served.
        read_only: nothing is changed from here.
    """

    gateway: Gateway
    watch: Watch
    clock: Clock
    pages: Pages
    access: Access
    topology: Topology
    amqp_url: str
    cookie_name: str
    dead: DeadCounts
    metrics: ConsoleMetrics
    files: Files | None = None
    phones: Phones | None = None
    event_tokens: EventTokens | None = None
    origins: frozenset[str] = frozenset()
    read_only: bool = False

    def page(self, request: web.Request, template: str, **values: Any) -> web.Response:
        """A whole page, or a part of one."""
        shared = {
            "visitor": request[VISITOR],
            "read_only": self.read_only,
            "trouble": self.watch.trouble,
            "now": self.clock.now(),
            "phones": self.phones is not None,
            "has_files": self.files is not None,
            "can_log_out": self.access.token is not None,
            "path": request.path,
        }
        text = self.pages.render(template, **shared, **values)
        return web.Response(text=text, content_type="text/html")

    def notice(self, request: web.Request, text: str, *, tone: str = "good", **headers: str) -> web.Response:
        """A line that comes and goes, instead of what was asked for."""
        answer = self.page(request, "parts/notice.html", text=text, tone=tone)
        answer.headers.update({"HX-Retarget": "#notices", "HX-Reswap": "beforeend", **headers})
        return answer


CONSOLE: Final = web.AppKey("console", Console)
VISITOR: Final = web.RequestKey("visitor", Visitor)


def console_of(request: web.Request) -> Console:
    """The console that a request is for."""
    return request.app[CONSOLE]
