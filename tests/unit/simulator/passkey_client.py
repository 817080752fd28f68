"""The companion's half of a passkey ceremony over a `Client`; each step can be made wrong in one point."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from gateway_worker.simulator.wire.curve import KeyPair
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import ClientPayload, DeviceProps, PrimaryEphemeralIdentity
from gateway_worker.simulator.wire.linking.passkey_pairing import (
    PairingKeys,
    envelope_key,
    handoff_proof,
    seal_keys,
    verification_code,
    write_prologue,
)
from gateway_worker.simulator.wire.linking.webauthn import sign
from gateway_worker.simulator.wire.nodes import Node
from gateway_worker.simulator.world.model import Account
from tests.unit.simulator.stage import Client, Stage

CHROME = 1


@dataclass(slots=True, kw_only=True)
class Companion:
    """A client whose person has scanned its QR code, and what it knows of the ceremony."""

    account: Account
    client: Client
    ephemeral: KeyPair = field(default_factory=KeyPair.generate)
    nonce: bytes = bytes(range(32, 64))
    secret: bytes = bytes(range(64, 96))
    """The new ADV secret."""
    ref: str = ""
    device_type: int = CHROME
    primary: PrimaryEphemeralIdentity = field(default_factory=PrimaryEphemeralIdentity)

    @property
    def stage(self) -> Stage:
        return self.client.stage

    @property
    def causes(self) -> dict[str, int]:
        """Why its steps were refused."""
        return self.stage.core.world.stats.passkey_refusal_causes

    @property
    def options(self) -> dict[str, Any]:
        (gate,) = self.client.got("notification", type="passkey_prologue_request")
        return json.loads(gate.need("passkey_request_options").data)

    def assertion(self, **how: Any) -> dict[str, Any]:
        """The person unlocks the passkey."""
        assert self.account.passkey is not None
        return sign(self.account.passkey, self.options, **how)

    def ask(self, step: Node, kind: str = "set") -> Node:
        return self.client.ask("md", step, kind=kind)

    def get_ref(self) -> None:
        self.ref = self.ask(Node("ref"), "get").need("ref").text

    def prologue(
        self,
        assertion: dict[str, Any] | None = None,
        *,
        proof: Callable[[bytes], bytes] | None = None,
        credential: bytes | None = None,
    ) -> Node:
        """The prologue; with a `proof` the handoff proof is what that makes of the payload."""
        assert self.account.passkey is not None
        assertion = self.assertion() if assertion is None else assertion
        payload, _ = write_prologue(
            public=self.ephemeral.public, device_type=self.device_type, ref=self.ref, nonce=self.nonce
        )
        content = [
            Node("credential_id", {}, self.account.passkey.credential_id if credential is None else credential),
            Node("webauthn_assertion", {}, json.dumps(assertion).encode()),
            Node("prologue_payload", {}, payload),
        ]
        if proof is not None:
            content.append(Node("pairing_handoff_proof", {}, proof(payload)))
        return Node("passkey_prologue", {}, content)

    def prove(self, payload: bytes) -> bytes:
        return handoff_proof(self.client.secret, payload)

    def hear_the_phone(self) -> None:
        self.stage.run()
        continuation = self.client.got("notification", type="crsc_continuation")[0]
        self.primary = PrimaryEphemeralIdentity.FromString(continuation.need("primary_ephemeral_identity").data)

    @property
    def code(self) -> str:
        """The code that it would show."""
        return verification_code(
            companion_nonce=self.nonce, primary_nonce=self.primary.nonce, primary_public=self.primary.publicKey
        )

    def keys(self) -> PairingKeys:
        client = self.client
        return PairingKeys(noise=client.noise.public, identity=client.signal.identity.public, adv_secret=self.secret)

    def envelope(self, keys: PairingKeys | None = None, *, device_type: int | None = None) -> Node:
        kind = self.device_type if device_type is None else device_type
        key = envelope_key(self.ephemeral, self.primary.publicKey, device_type=kind, ref=self.ref)
        return Node("encrypted_pairing_request", {}, seal_keys(key, keys or self.keys(), iv=bytes(12)))

    def come_to_the_nonce(self) -> None:
        """All steps before the companion's nonce."""
        self.get_ref()
        assert self.ask(self.prologue(proof=self.prove)).attrs["type"] == "result"
        self.hear_the_phone()

    def come_to_the_envelope(self) -> None:
        """All steps before the envelope."""
        self.come_to_the_nonce()
        assert self.ask(Node("companion_nonce", {}, self.nonce)).attrs["type"] == "result"


def scanned(*, acknowledges: bool = True) -> Companion:
    """A companion that a person with a passkey has scanned; it has acknowledged that it is asked for an assertion."""
    stage = Stage()
    account, client = stage.person(passkey=True), Client(stage)
    registration = client.registration()
    registration.deviceProps = DeviceProps(platformType=DeviceProps.CHROME).SerializeToString()
    client.connect(ClientPayload(devicePairingData=registration))
    client.scanned_by(account)
    (gate,) = client.got("notification", type="passkey_prologue_request")
    if acknowledges:
        client.say(Node("ack", {"id": gate.attrs["id"], "class": "notification", "to": "s.whatsapp.net"}))
    return Companion(account=account, client=client)
