"""``gateway-worker migrate``: the database's schema."""

from gateway_worker.cli.terminal import complain, console
from gateway_worker.settings.settings import Settings
from gateway_worker.store.errors import StoreError, StoreUnavailable
from gateway_worker.store.migrations.upgrading import migrate
from gateway_worker.store.postgres.driver_errors import complaint


async def bring_up_to_date(settings: Settings) -> int:
    """Migrate; the exit code: 0 done, 1 not, and then a line says why."""
    url = settings.direct_database or str(settings.database_url)
    try:
        await migrate(url)
    except (StoreError, StoreUnavailable) as error:
        complain(complaint(error, url))
        return 1
    console.print("The schema is up to date.")
    return 0
