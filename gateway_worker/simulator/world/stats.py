"""What the server counts: `GET /stats`. Pure."""

from dataclasses import dataclass, field, fields


@dataclass(slots=True)
class Stats:
    """Counters since the start. Their names are the keys of `GET /stats`, in camelCase."""

    connections_total: int = 0
    """Connections that finished their handshake."""
    handshakes_refused: int = 0
    """Connections that never got through Noise, or whose payload was none."""
    logins: int = 0
    logins_refused: int = 0
    """Answered by `<failure>`: unknown or unlinked device, wrong Noise static key, fault."""
    registrations: int = 0
    """Connections that asked to be paired."""
    pairings: int = 0
    passkey_gated: int = 0
    """Scans by phones whose account is gated by a passkey."""
    passkey_pairings: int = 0
    """Passkey ceremonies that came to `pair-success`."""
    passkey_refusals: int = 0
    """Steps of passkey ceremonies that were refused; `passkeyRefusalCauses` counts each cause."""
    passkey_refusal_causes: dict[str, int] = field(default_factory=dict[str, int])
    wrong_codes: int = 0
    """Pairing codes that did not fit the companion's."""
    messages: int = 0
    """Messages accepted from companions and phones (each once, whatever its number of devices)."""
    messages_delivered: int = 0
    """Message stanzas handed to connected devices, redeliveries included."""
    messages_redelivered: int = 0
    receipts: int = 0
    """Receipts accepted from companions and phones."""
    retries: int = 0
    """Those of them that ask for a resend."""
    receipts_lost: int = 0
    """Receipts of companions that a fault lost: not counted as accepted."""
    acks: int = 0
    """Acks sent for messages."""
    nacks: int = 0
    """Acks sent for messages that refuse them."""
    refused_by_clients: int = 0
    """Acks with an error received from companions."""
    queue_overflows: int = 0
    """Stanzas dropped because a device's offline queue was full."""
    phone_messages_sent: int = 0
    phone_messages_read: int = 0
    """Messages that phones decrypted, copies included."""
    decrypt_failures: int = 0
    """Messages that a phone could not read, whatever the reason; `decryptFailureCauses` counts each."""
    decrypt_failure_causes: dict[str, int] = field(default_factory=dict[str, int])
    app_state_patches: int = 0
    """Patches of the app state that were taken, phones' own included."""
    app_state_snapshots: int = 0
    """Collections that were given whole."""
    app_state_refused: int = 0
    """Patches of companions that are not what follows; `appStateRefusedCauses` counts each cause."""
    app_state_refused_causes: dict[str, int] = field(default_factory=dict[str, int])
    dropped: int = 0
    """Messages that a phone read and dropped: their stanza says something else; `droppedCauses` counts each cause."""
    dropped_causes: dict[str, int] = field(default_factory=dict[str, int])
    misnamed: int = 0
    """Quotes and mentions that name people otherwise than their chat does; `misnamedParts` counts both apart."""
    misnamed_parts: dict[str, int] = field(default_factory=dict[str, int])
    copies: int = 0
    """Messages that came to a phone which had one with their id already."""
    bad_signatures: int = 0
    """Refused: signed prekeys, device signatures and identities that do not verify."""
    reused_prekeys: int = 0
    """Refused: one-time prekeys uploaded again after use, or used again with a phone."""
    reused_counters: int = 0
    """Refused: message counters that a phone had read before."""
    broken_ratchets: int = 0
    """Those of them in a message that the phone does not have: its sender used a counter twice, and it is lost."""
    media_uploads: int = 0
    """Blobs put on the media host by clients and phones."""
    media_downloads: int = 0
    """Blobs handed out to clients."""
    media_refused: int = 0
    """Uploads and downloads refused: by a fault, or because nothing is there (any more)."""
    media_reuploads: int = 0
    """Blobs that a phone uploaded again because its companion asked for it."""
    media_failures: int = 0
    """Files that a phone could not fetch, or that were not what their message says."""
    malformed: int = 0
    """Refused: stanzas without what is required of them."""
    unknown_devices: int = 0
    """Participants of a message that are no device of the chat."""
    unknown_receipts: int = 0
    """Receipts of a type that nobody knows: acknowledged, told to nobody."""
    unknown_iqs: int = 0
    """Queries answered with 501 because nobody here knows them."""
    faults_struck: int = 0

    def count_failure(self, cause: str) -> None:
        """A phone could not read a message, for this reason."""
        self.decrypt_failures += 1
        self.decrypt_failure_causes[cause] = self.decrypt_failure_causes.get(cause, 0) + 1

    def count_passkey_refusal(self, cause: str) -> None:
        """A step of a passkey ceremony broke this rule."""
        self.passkey_refusals += 1
        self.passkey_refusal_causes[cause] = self.passkey_refusal_causes.get(cause, 0) + 1

    def refused_app_state(self, cause: str) -> None:
        """A companion's patch is wrong."""
        self.app_state_refused += 1
        self.app_state_refused_causes[cause] = self.app_state_refused_causes.get(cause, 0) + 1

    def count_dropped(self, cause: str) -> None:
        """A phone dropped a message, for this reason."""
        self.dropped += 1
        self.dropped_causes[cause] = self.dropped_causes.get(cause, 0) + 1

    def count_misnamed(self, part: str) -> None:
        """A phone did not understand a part of a message."""
        self.misnamed += 1
        self.misnamed_parts[part] = self.misnamed_parts.get(part, 0) + 1

    def to_json(self) -> dict[str, int | dict[str, int]]:
        """All counters by their camelCase names."""
        return {_camel(counter.name): getattr(self, counter.name) for counter in fields(self)}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
