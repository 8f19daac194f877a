#!/usr/bin/env python3
"""Checks an audit trail without any code of Cordon: audit_check.py FILE [HEAD].

Prints the sequence and the hash of its last record; ends with 1 where the chain is broken.
"""
import hashlib
import json
import sys

lines = open(sys.argv[1], "rb").read().split(b"\n")
head, sequence, torn, seen = "0" * 64, 0, b"", set()
for number, line in enumerate(lines[:-1], 1):
    body, _, rest = line.rpartition(b',"hash":"')
    digest = hashlib.sha256(body).hexdigest()
    if rest != digest.encode() + b'"}':
        torn += line + b"\n"  # left by a crash, or changed: the next record has to quote it
        continue
    record = json.loads(line)
    told = "torn=%d/%s" % (len(torn), hashlib.sha256(torn).hexdigest())
    if torn and (record["action"], record["ref"]) != ("audit.torn", told):
        sys.exit("line %d is no record" % (number - torn.count(b"\n")))
    if record["prev"] != head or record["seq"] != sequence + 1:
        sys.exit("line %d does not follow the one before" % number)
    head, sequence, torn = digest, record["seq"], b""
    seen.add(head)
if torn or lines[-1]:
    sys.exit("the end is no record")
if len(sys.argv) > 2 and sys.argv[2] not in seen:
    sys.exit("the head is not in it: records are missing")
print(sequence, head)
