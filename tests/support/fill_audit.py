#!/usr/bin/env python3
"""Writes records behind those of an audit trail, harmless ones: fill_audit.py FILE BYTES.

Until the file has so many bytes. Of a trail that nobody else writes to meanwhile.
"""
import hashlib
import json
import sys

path, wanted = sys.argv[1], int(sys.argv[2])
with open(path, "rb") as file:
    text = file.read()
last = json.loads(text.splitlines()[-1])
size, head, sequence = len(text), last["hash"], last["seq"]
with open(path, "ab") as file:
    while size < wanted:
        sequence += 1
        body = json.dumps(
            {"seq": sequence, "time": last["time"], "uid": 0, "name": "filler", "role": "system",
             "action": "test.filled", "what": "record %d of many" % sequence,
             "reason": "a test", "ref": "", "prev": head},
            separators=(",", ":"))[:-1]
        head = hashlib.sha256(body.encode()).hexdigest()
        line = '%s,"hash":"%s"}\n' % (body, head)
        size += len(line)
        file.write(line.encode())
