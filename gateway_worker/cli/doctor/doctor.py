"""All examinations, side by side, and the table of what they found."""

import asyncio
from collections.abc import Sequence
from typing import Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from gateway_worker.broker.errors import BrokerError
from gateway_worker.cli.doctor import broker, database, keys, place, stores
from gateway_worker.cli.doctor.examination import SECONDS, Examination, Finding, UnwellError
from gateway_worker.cli.terminal import console
from gateway_worker.settings.settings import Settings
from gateway_worker.store.errors import SchemaMismatch, StoreError, StoreUnavailable
from gateway_worker.store.postgres.driver_errors import complaint

_WIDTH: Final = 600  # where there is no terminal

EXAMINATIONS: Final[Sequence[Examination]] = (
    Examination(
        name="rabbitmq", look=broker.rabbitmq, remedy="set GATEWAY_AMQP_URL, or start private services: make up"
    ),
    Examination(
        name="rabbitmq rights",
        look=broker.rights,
        remedy="give the worker its rights (gateway-worker topology --definitions), or remove what is in its way",
    ),
    Examination(name="postgresql", look=database.postgresql, remedy="set GATEWAY_DATABASE_URL and create the database"),
    Examination(name="schema", look=database.schema, remedy="run: gateway-worker migrate"),
    Examination(
        name="postgresql rights",
        look=database.rights,
        remedy="let migrate and the worker use one role: deploy/operate/connections.md",
    ),
    Examination(
        name="database lock",
        look=database.sessions_of_the_server,
        remedy="set GATEWAY_DATABASE_DIRECT_URL past the pooler: deploy/operate/production.md says which will do",
    ),
    Examination(name="durability", look=database.durability, remedy="let a commit wait for the disk", required=False),
    Examination(
        name="partitions",
        look=database.partitions,
        remedy="workers make them, at start and every hour: see partitions.busy in their logs",
        required=False,
    ),
    Examination(
        name="continuity",
        look=database.lineage,
        remedy="start a worker: it makes new Signal sessions and tells session.restored before anything is sent",
        required=False,
    ),
    Examination(
        name="redis",
        look=stores.redis,
        remedy="set GATEWAY_REDIS_URL; without it routing and live QR codes are missing",
    ),
    Examination(
        name="s3",
        look=stores.s3,
        remedy="set GATEWAY_S3_ENDPOINT, _ACCESS_KEY, _SECRET_KEY, _SECURE, _REGION; rights: .env.example",
    ),
    Examination(
        name="encryption keys",
        look=keys.encryption_keys,
        remedy="set GATEWAY_ENCRYPTION_KEYS, e.g. to: openssl rand -base64 32",
    ),
    Examination(
        name="node", look=place.node, remedy="pip install 'whatsapp-gateway-worker[worker]' (in a checkout: make setup)"
    ),
    Examination(
        name="baileys", look=place.baileys, remedy="run: gateway-worker bridge install (in a checkout: make setup)"
    ),
    Examination(name="spool", look=place.spool, remedy="set GATEWAY_MEDIA_SPOOL to a folder of the worker's own user"),
    Examination(name="port", look=place.port, remedy="set GATEWAY_HTTP_PORT to a free one"),
    Examination(
        name="whatsapp", look=place.whatsapp, remedy="let the worker reach web.whatsapp.com:443", required=False
    ),
)


async def examine(settings: Settings, examinations: Sequence[Examination] = EXAMINATIONS) -> int:
    """Look at everything side by side, print a table, and return 0 when nothing required is missing, else 1."""
    findings = await asyncio.gather(*(_find(examination, settings) for examination in examinations))
    table = Table(box=None, pad_edge=False)
    for column in ("", "dependency", "finding", "what to do"):
        table.add_column(column, overflow="fold")
    for finding in findings:
        table.add_row(*_row(finding))
    # what reads it from a pipe gets each finding in one line
    paper = console if console.is_terminal else Console(file=console.file, highlight=False, width=_WIDTH)
    paper.print(table)
    return 1 if any(finding.error and finding.examination.required for finding in findings) else 0


async def _find(examination: Examination, settings: Settings) -> Finding:
    try:
        async with asyncio.timeout(2 * SECONDS):
            return Finding(examination=examination, praise=await examination.look(settings))
    except (UnwellError, BrokerError, SchemaMismatch) as trouble:
        return Finding(examination=examination, error=str(trouble))
    except (StoreError, StoreUnavailable) as unusable:
        return Finding(examination=examination, error=complaint(unusable, str(settings.database_url)))
    except TimeoutError:
        return Finding(examination=examination, error=f"no answer within {2 * SECONDS:.0f} s")
    except Exception as unwell:  # noqa: BLE001 (a doctor hears every complaint; texts of drivers may hold addresses)
        return Finding(examination=examination, error=type(unwell).__name__)


def _row(finding: Finding) -> tuple[str, str, str, str]:
    name = finding.examination.name
    if finding.error is None:
        return "[green]✓[/]", name, escape(finding.praise), ""
    mark = "[red]✗[/]" if finding.examination.required else "[yellow]![/]"
    return mark, name, escape(finding.error), finding.examination.remedy
