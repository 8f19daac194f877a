#!/usr/bin/python3
"""What must be true after every kill: storm_verify.py WORK CLOSED_ADDRESS [--end].

Compares what clients were told (WORK/uploads.json, see storm_load.py), what control has stored
(WORK/cordon.sqlite) and what is on the storage (WORK/www):

  - a client with a case number has exactly one incident, and no upload has two
  - no clean file has an incident
  - the records of each journal are numbered without a hole or a double
  - a known file is whole on the storage only if the kernel bridged its service meanwhile, and then
    a `gap` record says so and no block of it is called enforced; under fail = "closed"
    (CLOSED_ADDRESS) never

Without --end what is not there yet may still come: the caller asks again. Prints what is wrong, one
line each, and exits 1. Known files that are accounted for are removed from the storage.
"""

import json
import os
import sqlite3
import sys
from collections import Counter

from nacl.bindings import crypto_aead_xchacha20poly1305_ietf_decrypt

clock_slack = 0.1  # the kernel's times and ours


def read_uploads(work):
    with open(os.path.join(work, "uploads.json")) as log:
        whole = [line for line in log if line.endswith("\n")]
    return {upload["name"]: upload for upload in map(json.loads, whole)}


def target_of(sealed, key, case):
    """What control/store/personal.h seals: nonce, then padded JSON."""
    opened = crypto_aead_xchacha20poly1305_ietf_decrypt(
        sealed[24:], b"cordon personal 1 " + case.encode(), sealed[:24], key
    )
    return json.loads(opened[: opened.rindex(b"\x80")])["target"]


def read_store(work):
    store = sqlite3.connect(f"file:{work}/cordon.sqlite?mode=ro", uri=True)
    keys = sqlite3.connect(f"file:{work}/cordon.sqlite.keys?mode=ro", uri=True)
    key_of = dict(keys.execute("SELECT id, key FROM case_key"))
    keys.close()
    incidents = [
        (case, target_of(sealed, key_of[key_id], case), enforced)
        for case, enforced, key_id, sealed in store.execute(
            "SELECT case_number, enforced_ns IS NOT NULL, key_id, sealed"
            " FROM incident JOIN personal ON incident = id"
        )
    ]
    records = store.execute("SELECT journal, sequence FROM record").fetchall()
    gaps = store.execute("SELECT service, from_ns / 1e9, to_ns / 1e9 FROM gap").fetchall()
    faults = store.execute("SELECT kind, segment, first_sequence, count FROM fault").fetchall()
    odd = store.execute("SELECT sequence, reason FROM odd_record").fetchall()
    store.close()
    return incidents, records, gaps, faults + odd


def wrong_incidents(uploads, incidents):
    by_case = Counter(case for case, _, _ in incidents)
    by_target = Counter(target for _, target, _ in incidents)
    for upload in uploads.values():
        if upload["case"] and by_case[upload["case"]] != 1:
            yield f"{upload['name']}: {by_case[upload['case']]} incidents {upload['case']}"
    for target, count in by_target.items():
        if target.startswith("/clean"):
            yield f"{target}: an incident of a clean file"
        elif count != 1:
            yield f"{target}: {count} incidents"


def wrong_records(records):
    for journal in {journal for journal, _ in records}:
        sequences = sorted(sequence for of, sequence in records if of == journal)
        if sequences != list(range(1, len(sequences) + 1)):
            yield f"journal {journal.hex()}: {len(sequences)} records up to {sequences[-1]}"


def wrong_files(work, closed_address, uploads, incidents, gaps):
    size = os.path.getsize(os.path.join(work, "known"))
    enforced = {target for _, target, is_enforced in incidents if is_enforced}
    for name in os.listdir(os.path.join(work, "www")):
        path = os.path.join(work, "www", name)
        if not name.startswith("known") or os.path.getsize(path) != size or name not in uploads:
            continue
        upload = uploads[name]
        start, end = upload["start"] - clock_slack, os.stat(path).st_mtime + clock_slack
        bridged = any(start <= to and begin <= end for _, begin, to in gaps)
        if upload["address"] == closed_address:
            yield f"{name}: whole on the storage, and its service fails closed"
        elif upload["case"] or f"/{name}" in enforced:
            yield f"{name}: whole on the storage, and it was refused"
        elif not bridged:
            yield f"{name}: whole on the storage, from {start:.3f} to {end:.3f}, and no gap then"
        else:
            os.unlink(path)


def main():
    work, closed_address, at_end = sys.argv[1], sys.argv[2], "--end" in sys.argv
    uploads = read_uploads(work)
    incidents, records, gaps, faults = read_store(work)
    wrong = [
        *wrong_incidents(uploads, incidents),
        *wrong_records(records),
        *wrong_files(work, closed_address, uploads, incidents, gaps),
        *(f"store: {fault}" for fault in faults),
    ]
    if at_end:
        known = [upload for upload in uploads.values() if upload["name"].startswith("known")]
        print(
            f"{len(uploads)} uploads, {len(known)} of the known file:"
            f" {sum(1 for u in known if u['case'])} refused with a case,"
            f" {sum(1 for u in known if u['status'] in (201, 204))} stored while bridged,"
            f" {len(incidents)} incidents, {len(gaps)} gaps,"
            f" {sum(u['tries'] - 1 for u in uploads.values())} clean files put again"
        )
        if not any(upload["case"] for upload in known):
            wrong.append("no known file was refused: the test saw nothing")
    for line in wrong:
        print(line)
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
