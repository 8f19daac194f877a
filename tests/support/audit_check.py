#!/usr/bin/env python3
"""Checks an audit trail without any code of Cordon: audit_check.py FILE [HEAD].

FILE is audit.jsonl; the files that it filled before are beside it, called by their first record.
Prints the sequence and the hash of its last record; ends with 1 where the chain is broken.
"""
import glob
import hashlib
import json
import sys

path = sys.argv[1]
files = sorted(glob.glob(path.replace(".jsonl", "-" + "[0-9]" * 12 + ".jsonl"))) + [path]
head, sequence, seen = "0" * 64, 0, set()
for name in files:
    lines, torn = open(name, "rb").read().split(b"\n"), b""
    for number, line in enumerate(lines[:-1], 1):
        body, _, rest = line.rpartition(b',"hash":"')
        digest = hashlib.sha256(body).hexdigest()
        if rest != digest.encode() + b'"}':
            torn += line + b"\n"  # left by a crash, or changed: the next record has to quote it
            continue
        record = json.loads(line)
        told = "torn=%d/%s" % (len(torn), hashlib.sha256(torn).hexdigest())
        if torn and (record["action"], record["ref"]) != ("audit.torn", told):
            sys.exit("%s: line %d is no record" % (name, number - torn.count(b"\n")))
        if record["prev"] != head or record["seq"] != sequence + 1:
            sys.exit("%s: line %d does not follow the one before" % (name, number))
        head, sequence, torn = digest, record["seq"], b""
        seen.add(head)
    if torn or lines[-1]:
        sys.exit(name + ": the end is no record")
if len(sys.argv) > 2 and sys.argv[2] not in seen:
    sys.exit("the head is not in it: records are missing")
print(sequence, head)
