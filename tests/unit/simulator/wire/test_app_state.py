"""Patches of the app state, compared with those that Baileys 7.0.0-rc14 writes."""

import pytest

from gateway_worker.simulator.wire.app_state import (
    IV_SIZE,
    AppStateKey,
    Collection,
    Setting,
    read_patch,
    snapshot_of,
    write_patch,
)
from gateway_worker.simulator.wire.errors import AppStateError
from gateway_worker.simulator.wire.gen.whatsapp_pb2 import SyncActionValue, SyncdPatch, SyncdSnapshot

KEY = AppStateKey(id=bytes.fromhex("000001020304"), secret=bytes(range(32)))
SECRETS = {KEY.id: KEY.secret}
COLLECTION = "critical_unblock_low"
SAVED = (("15550000002", "Bob the builder"), ("15550000003", "Eve"), ("15550000002", "Bob"))
BY_BAILEYS = (
    (
        "12c901080012c4010a220a2056681cc0c956050d7281f708d8e7028d4972818627ab04a1d3ed3e6eadda01ea1293010a9001"
        "36c71d6cf17ed2599157f09c26b83bf8d70cdc5bd091ab78eeb9b92fd876280734bf93792fa1ff8558fb4a9070ef922ce212"
        "20ea3d805ce3070951ff339d7ab58a5d0039fcae5b936224905f243bb7139369ce258aa0ff2a205efa70c5e39b854298f5b8"
        "3b7c6761c62dd785c1363b7b05cf5b806fbabe130d7fce881ce56caeff5382a1b7bee80c1503369e567037f11a080a060000"
        "01020304222051089e530f4617c277c50e72773c88337b282f5d57fd438cc009fde15cdd03962a20ca9c2b486e60930568bd"
        "9ec561f20cc833b8f99d65c6d599e101917038576ec832080a06000001020304"
    ),
    (
        "12b901080012b4010a220a20c66f0e80eb469765c0507bd37434f277416f08120be0df2e182d4094dbc8b66d1283010a8001"
        "3446903734652f20b4ad7edd05ec5e2fde9adbbcd807b2cd14d4ba1ed56e4651a3c4b4cb812565982facbd559a31faabc36a"
        "905e139f6189308e9b3a3bbc8f5525370316223d2bed74fac48fcbb39be8f8cae95c4f8f03a4f2f338dd2ee7157256ef0487"
        "dfd45b377fd1c2f0c8dee23b35e62244b5af4f14e49b52fb2b998e171a080a060000010203042220215198cadd38823b6860"
        "38f0c2fb65182250b54ce8ea3884c0367dc7f06e17d22a20d16d4b9b693b334c11d100190fdbfe60b63dfaff8325dcbf5026"
        "1ed5d1478ed132080a06000001020304"
    ),
    (
        "12b901080012b4010a220a2056681cc0c956050d7281f708d8e7028d4972818627ab04a1d3ed3e6eadda01ea1283010a8001"
        "7f5a41400c4fd770a3a64d389e94c113e2ad595f820f9037251293ff1742e786c2a8f39fb73b0c5f650ffbca9416b137df91"
        "2ffff5d4d5e7ba4da722512db444aa6829ef729cfbf1a07477e21566235ffa0693ae729aa746b048ac87a53aaa0b10b41d3c"
        "165b4814818d4f3f6d3d76873f4f4bbb98375774067bf2bfe299c45b1a080a060000010203042220cd4f0097bb07f0d39c07"
        "998774bdefdac7719ae8ed364749864a53996012c3912a201879c0f46ead4206ca811304a8a2a9f0c0963c21105bb9d461d1"
        "1c5661cb13f432080a06000001020304"
    ),
)


def saved(number: str, name: str) -> Setting:
    contact = SyncActionValue.ContactAction(
        fullName=name, firstName=name.split(" ", maxsplit=1)[0], lidJid="42@lid", saveOnPrimaryAddressbook=True
    )
    action = SyncActionValue(timestamp=1_795_000_000_000, contactAction=contact)
    return Setting(index=["contact", f"{number}@s.whatsapp.net"], action=action)


def test_a_phone_writes_the_same_patches_as_baileys() -> None:
    collection = Collection(name=COLLECTION)
    for (number, name), expected in zip(SAVED, map(bytes.fromhex, BY_BAILEYS), strict=True):
        iv = SyncdPatch.FromString(expected).mutations[0].record.value.blob[:IV_SIZE]
        patch = write_patch(collection, [saved(number, name)], key=KEY, ivs=[iv])
        written, wanted = SyncdPatch.FromString(patch), SyncdPatch.FromString(expected)
        wanted.ClearField("version")  # the server numbers them
        assert written == wanted
        collection = collection.after(written)


def test_what_baileys_wrote_is_read() -> None:
    collection, read = Collection(name=COLLECTION), list[Setting]()
    for patch in map(SyncdPatch.FromString, map(bytes.fromhex, BY_BAILEYS)):
        read += read_patch(collection, patch, SECRETS)
        collection = collection.after(patch)
    assert [(each.index, each.action) for each in read] == [(saved(*each).index, saved(*each).action) for each in SAVED]
    assert (collection.version, len(collection.records)) == (3, 2)


@pytest.mark.parametrize(
    ("part", "cause"), [("patchMac", "patch_mac"), ("snapshotMac", "patch_mac"), ("value", "value_mac"), ("key", "key")]
)
def test_a_patch_that_is_not_what_its_macs_say_is_refused(part: str, cause: str) -> None:
    patch = SyncdPatch.FromString(bytes.fromhex(BY_BAILEYS[0]))
    record = patch.mutations[0].record
    match part:
        case "value":
            record.value.blob = bytes([record.value.blob[0] ^ 1]) + record.value.blob[1:]
        case "key":
            patch.keyId.id = b"other"
        case _:
            setattr(patch, part, bytes(32))
    with pytest.raises(AppStateError) as refused:
        read_patch(Collection(name=COLLECTION), patch, SECRETS)
    assert refused.value.cause == cause


def test_a_patch_for_another_version_is_refused() -> None:
    patch = SyncdPatch.FromString(bytes.fromhex(BY_BAILEYS[1]))
    with pytest.raises(AppStateError):
        read_patch(Collection(name=COLLECTION), patch, SECRETS)


def test_what_is_removed_is_as_if_it_had_never_been() -> None:
    empty = Collection(name=COLLECTION)
    first = SyncdPatch.FromString(bytes.fromhex(BY_BAILEYS[0]))
    collection = empty.after(first)
    gone = Setting(index=saved(*SAVED[0]).index, action=None)
    removal = SyncdPatch.FromString(write_patch(collection, [gone], key=KEY, ivs=[bytes(IV_SIZE)]))
    assert [(each.index, each.action) for each in read_patch(collection, removal, SECRETS)] == [(gone.index, None)]
    collection = collection.after(removal)
    assert (collection.total, collection.records, collection.version) == (empty.total, {}, 2)


def test_a_snapshot_has_what_stands_and_the_mac_of_the_last_patch() -> None:
    collection = Collection(name=COLLECTION)
    for patch in map(SyncdPatch.FromString, map(bytes.fromhex, BY_BAILEYS)):
        collection = collection.after(patch)
    snapshot = SyncdSnapshot.FromString(snapshot_of(collection))
    assert (snapshot.version.version, len(snapshot.records)) == (3, 2)
    assert snapshot.mac == SyncdPatch.FromString(bytes.fromhex(BY_BAILEYS[2])).snapshotMac
