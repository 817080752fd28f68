"""What errors say in `detail` is what the contract's document says that they do."""

import pytest

from gateway_worker.connections.lifecycle import causes, reasons
from gateway_worker.media.errors import forbidden, too_large, unreachable, unsupported
from gateway_worker.store.sessions.renewal import WENT_BACK
from gateway_worker.store.snapshots.restoring import RESTORED
from schemas.error_details import DETAILS
from schemas.errors import (
    Breach,
    CommandExpired,
    CommandForbidden,
    CommandInvalid,
    GatewayError,
    MessageNotFound,
    MessageRecipientUnknown,
    MessageRejectedByWhatsApp,
    PasskeyInvalid,
    PasskeyRefused,
    RateLimited,
    SessionNotConnected,
    error_codes,
)
from schemas.events.sessions import Reason
from schemas.reasons import REASON_CODES

ERRORS = [
    CommandInvalid.at("data.to", "is required"),
    CommandForbidden(Breach.REPLY_TO),
    CommandExpired(detail={"reason": "fleet.full"}),
    SessionNotConnected(detail={"state": "failed", "reason": "session.replaced"}),
    PasskeyInvalid("assertion.type", "must be public-key"),
    PasskeyRefused("400"),
    MessageNotFound(detail={"messageId": "3EB0"}),
    MessageRecipientUnknown(detail={"whatsappCode": "404"}),
    MessageRejectedByWhatsApp("463"),
    too_large("pixels", limit=100, width=9_000, height=9_000),
    unreachable("status", status=404),
    forbidden("address"),
    unsupported("type", found="text/plain", accepted=["image/jpeg"]),
    RateLimited(30),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: error.code)
def test_a_detail_is_as_its_code_says(error: GatewayError) -> None:
    assert DETAILS[error.code].model_validate(error.detail).to_data() == error.detail


def test_every_code_with_a_detail_was_tried_and_is_one_of_the_codes() -> None:
    assert {error.code for error in ERRORS} == DETAILS.keys() <= error_codes()


def test_every_reason_has_a_code_of_the_contract() -> None:
    seen = [verdict.reason for verdict in causes.VERDICTS.values() if verdict.reason is not None]
    seen += [reason for module in (causes, reasons) for reason in vars(module).values() if isinstance(reason, Reason)]
    seen += [causes.SILENT.reason, RESTORED, WENT_BACK]
    assert {reason.code for reason in seen if reason is not None} == REASON_CODES.keys()
