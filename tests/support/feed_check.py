#!/usr/bin/python3
"""Reads a feed as docs/feed-format.md says, with nothing of ours.

feed_check.py FOLDER NODE NODE_KEY DIGESTS: the grant of NODE is opened with its X25519 key (hex),
every listed target with the key in it; the newest set must hold the tags of exactly the digests of
DIGESTS (one "kind hex" a line), of its texts ("pattern TEXT", "expression TEXT") and of its hashes
of pictures ("pdq HEX DISTANCE"), and what is sealed in their records must be those.
"""
import hashlib
import hmac
import json
import struct
import sys

import nacl.bindings as sodium
import nacl.public
import nacl.signing
import zstandard

KINDS = {"sha256": 0, "sha1": 1, "md5": 2, "sha256-tree": 3}
PATTERN, PDQ = 5, 6
RECORD_BYTES = {1: 28, 2: 36, 3: 44, 4: 76, 5: 30}
PIECE = 65536


def canonical(value):
    if isinstance(value, dict):
        members = (canonical(k) + ":" + canonical(v) for k, v in sorted(value.items()))
        return "{" + ",".join(members) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(canonical, value)) + "]"
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return json.dumps(value)


def count_signatures(document, keys, role):
    signed = canonical(document["signed"]).encode()
    valid = set()
    for one in document["signatures"]:
        if one["keyid"] not in role["keyids"]:
            continue
        key = keys[one["keyid"]]
        assert hashlib.sha256(canonical(key).encode()).hexdigest() == one["keyid"]
        public = bytes.fromhex(key["keyval"]["public"])
        nacl.signing.VerifyKey(public).verify(signed, bytes.fromhex(one["sig"]))
        valid.add(public)
    return len(valid)


def read(folder, name, keys, role, announced=None):
    with open(f"{folder}/{name}", "rb") as file:
        data = file.read()
    if announced:
        assert len(data) == announced["length"], name
        assert hashlib.sha256(data).hexdigest() == announced["hashes"]["sha256"], name
    document = json.loads(data)
    assert data == canonical(document).encode(), f"{name} is not canonical"
    own = document["signed"]
    keys, role = keys or own["keys"], role or own["roles"]["root"]
    assert count_signatures(document, keys, role) >= role["threshold"], f"{name} is not signed"
    return own


def open_target(key, name, data, plain_bytes):
    stream_key = hashlib.blake2b(b"cordon feed target\0" + name.encode(), key=key,
                                 digest_size=32).digest()
    state = sodium.crypto_secretstream_xchacha20poly1305_state()
    sodium.crypto_secretstream_xchacha20poly1305_init_pull(state, data[:24], stream_key)
    packed, tag = b"", None
    for at in range(24, len(data), PIECE + 17):
        assert tag != sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
        piece, tag = sodium.crypto_secretstream_xchacha20poly1305_pull(
            state, data[at:at + PIECE + 17])
        packed += piece
    assert tag == sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL
    plain = zstandard.ZstdDecompressor().decompress(packed, max_output_size=plain_bytes)
    assert len(plain) == plain_bytes
    return plain


def apply(records, plain, custom, key):
    """The set {tag: (section, record)} after this file."""
    magic, base, generation, epoch, count = struct.unpack_from("<8sQQII", plain)
    assert magic == b"CDNREC01" and plain[80:96] == bytes(16)
    assert (base, generation, epoch) == (custom["base"], custom["generation"], custom["epoch"])
    check = hmac.digest(key, b"check", "sha256")[:16]
    assert plain[64:80] == check and custom["check"] == check.hex()
    records = dict(records) if base else {}
    at, removed, added = 96 + 24 * count, [], []
    for n in range(count):
        section, size, removals, additions = struct.unpack_from("<IIQQ", plain, 96 + 24 * n)
        assert size == RECORD_BYTES[section]
        for _ in range(removals):
            removed.append((section, plain[at:at + 16]))
            at += 16
        for _ in range(additions):
            end = at + size
            if section == 5:
                end += int.from_bytes(plain[end - 2:end], "little")
            added.append((section, plain[at:end]))
            at = end
    assert at == len(plain)
    for section, tag in removed:
        assert records.pop(tag)[0] == section
    for section, record in added:
        assert record[:16] not in records
        records[record[:16]] = (section, record)
    total = sum(int.from_bytes(hashlib.sha256(bytes([section]) + record).digest(), "big")
                for section, record in records.values()) % 2**256
    assert total.to_bytes(32, "big") == plain[32:64] == bytes.fromhex(custom["state"])
    assert len(records) == custom["count"]
    return records


def open_part(key, section, record):
    """What is sealed in a record of section 4 or 5: (kind, distance, plain)."""
    sealed = record[{4: 28, 5: 30}[section]:]
    part_key = hashlib.blake2b(b"cordon feed part", key=key, digest_size=32).digest()
    plain = sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(
        sealed, b"", record[:16] + bytes(8), part_key)
    return record[22], record[27], plain


def wanted_of(key, line):
    """The tag of a line of DIGESTS, and what is sealed with it."""
    kind, text = line.rstrip("\n").split(" ", 1)
    if kind in ("pattern", "expression"):
        plain = bytes([1 if kind == "pattern" else 2]) + text.encode()
        message = bytes([PATTERN]) + hashlib.sha256(plain).digest()
        part = (PATTERN, 0, plain)
    elif kind == "pdq":
        digits, distance = text.split()
        message, part = bytes([PDQ]) + bytes.fromhex(digits), (PDQ, int(distance),
                                                               bytes.fromhex(digits))
    else:
        message, part = bytes([KINDS[kind]]) + bytes.fromhex(text), None
    return hmac.digest(key, message, "sha256")[:16], part


def open_grant(folder, node, node_key, targets, feed):
    grant = read(folder, f"grants/{node}.grant", targets["delegations"]["keys"], targets["grants"])
    assert (grant["_type"], grant["node"], grant["feed"]) == ("grant", node, feed)
    box = nacl.public.SealedBox(nacl.public.PrivateKey(bytes.fromhex(node_key)))
    epochs = json.loads(box.decrypt(bytes.fromhex(grant["sealed"])))
    return {int(epoch): bytes.fromhex(key) for epoch, key in epochs.items()}


def main(folder, node, node_key, digests):
    root = read(folder, "metadata/1.root.json", None, None)
    assert root["consistent_snapshot"] is True
    role = {name: root["roles"][name] for name in root["roles"]}
    timestamp = read(folder, "metadata/timestamp.json", root["keys"], role["timestamp"])
    about = timestamp["meta"]["snapshot.json"]
    snapshot = read(folder, f"metadata/{about['version']}.snapshot.json", root["keys"],
                    role["snapshot"], about)
    meta = snapshot["meta"]

    def below(name, keys, one):
        version = meta[name + ".json"]["version"]
        return read(folder, f"metadata/{version}.{name}.json", keys, one, meta[name + ".json"])

    targets = below("targets", root["keys"], role["targets"])
    delegated = {one["name"]: one for one in targets["delegations"]["roles"]}
    releases = below("releases", targets["delegations"]["keys"], delegated["releases"])
    below("revocations", targets["delegations"]["keys"], delegated["revocations"])
    epochs = open_grant(folder, node, node_key, targets, root["feed"])
    sets = {0: {}}
    in_order = sorted(releases["targets"].items(), key=lambda t: t[1]["custom"]["generation"])
    for name, target in in_order:
        custom = target["custom"]
        assert custom["purpose"] == "known-csam"
        if custom["base"] not in sets:
            continue
        path, file = name.split("/")
        with open(f"{folder}/targets/{path}/{target['hashes']['sha256']}.{file}", "rb") as data:
            sealed = data.read()
        assert len(sealed) == target["length"]
        assert hashlib.sha256(sealed).hexdigest() == target["hashes"]["sha256"]
        key = epochs[custom["epoch"]]
        plain = open_target(key, name, sealed, custom["bytes"])
        sets[custom["generation"]] = apply(sets[custom["base"]], plain, custom, key)
    with open(digests, encoding="utf-8") as lines:
        wanted = dict(wanted_of(key, line) for line in lines)
    newest = max(sets)
    assert set(sets[newest]) == set(wanted), "other tags than those of the digests"
    for tag, (section, record) in sets[newest].items():
        part = open_part(key, section, record) if section > 3 else None
        assert part == wanted[tag], "something else is sealed"
    print(f"generation {newest}: {len(wanted)} records of {len(sets) - 1} targets")


if __name__ == "__main__":
    main(*sys.argv[1:])
