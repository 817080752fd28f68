"""What a person is told of a service that is away, refuses, is too old or too new: one line, whatever the command."""

from gateway_worker.broker.errors import BrokerError
from gateway_worker.client import ClientError
from gateway_worker.objects.errors import complaint as complaint_of_s3
from gateway_worker.settings.settings import Settings
from gateway_worker.store.errors import StoreError, StoreUnavailable
from gateway_worker.store.postgres.driver_errors import complaint as complaint_of_postgresql


def one_line(error: Exception, settings: Settings) -> str:
    """What, where (no secret), and what to do, of an error of the store, the broker, the client or S3."""
    match error:
        case StoreError() | StoreUnavailable():
            return complaint_of_postgresql(error, str(settings.database_url))
        case BrokerError() | ClientError():
            return str(error)
        case OSError():
            return complaint_of_s3(error, settings.s3_endpoint)
        case _:
            return f"{type(error).__name__}: {error}"
