#!/usr/bin/env python3
"""Tree fingerprints of synthetic content, level by level from the definition: prints the table of
tests/unit/fingerprint_tree_test.cpp. Written without a look at the code it checks."""

import hashlib

MIB = 1 << 20
SIZES = [0, 1, 63, 64, 65, MIB - 1, MIB, MIB + 1, 2 * MIB, 2 * MIB + 1, 3 * MIB, 3 * MIB + 500000,
         4 * MIB, 5 * MIB, 6 * MIB, 6 * MIB + 64, 7 * MIB, 7 * MIB + 12345, 8 * MIB, 9 * MIB - 1]


def content(size):
    """Byte blocks of 32: SHA-256 of the block's number, little endian in 8 bytes."""
    blocks = (hashlib.sha256(n.to_bytes(8, "little")).digest() for n in range((size + 31) // 32))
    return b"".join(blocks)[:size]


def tree_hash(data):
    level = [hashlib.sha256(data[at:at + MIB]).digest() for at in range(0, len(data), MIB)]
    level = level or [hashlib.sha256(b"").digest()]
    while len(level) > 1:
        above = []
        for at in range(0, len(level), 2):
            pair = level[at:at + 2]
            above.append(hashlib.sha256(b"".join(pair)).digest() if len(pair) == 2 else pair[0])
        level = above
    return level[0].hex()


everything = content(max(SIZES))
for one in SIZES:
    print(f'    {{{one}, "{tree_hash(everything[:one])}"}},')
