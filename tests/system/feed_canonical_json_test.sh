#!/bin/bash
# Our canonical JSON is that of the TUF project's library and that of a few lines of Python, over
# random values: control characters, escapes, characters beyond the first plane, odd names.
. "$(dirname "$0")/_feed.sh"
need_tuf_js
/usr/bin/python3 -c 'import nacl, zstandard' 2>/dev/null ||
    skip "no python3-nacl or python3-zstandard"
feed_up
seed=${SEED:-$RANDOM}
say "  seed  $seed"
/usr/bin/python3 - "$seed" > "$WORK/values" <<'PYTHON'
import json, random, sys
pick = random.Random(int(sys.argv[1]))
texts = ["", "a", "\"", "\\", "/", "\n", "\x00", "\x1f", "\x7f", "ä", "\u2028", "\U0001f600",
         "\\u0041"]
def text(): return "".join(pick.choice(texts) for _ in range(pick.randrange(6)))
def name(): return "".join(chr(pick.randrange(0x20, 0x7f)) for _ in range(pick.randrange(5)))
def value(depth):
    kind = pick.randrange(7 if depth < 5 else 5)
    if kind == 0: return pick.choice([True, False, None])
    if kind == 1: return pick.randrange(-2**53, 2**53)
    if kind == 2: return pick.randrange(-3, 4)
    if kind <= 4: return text()
    if kind == 5: return [value(depth + 1) for _ in range(pick.randrange(4))]
    return {name(): value(depth + 1) for _ in range(pick.randrange(5))}
for _ in range(3000):
    print(json.dumps(value(0), ensure_ascii=pick.choice([True, False])))
PYTHON
/usr/bin/python3 -c "import sys
sys.path.insert(0, '$ROOT/tests/support')
import json
from feed_check import canonical
for line in open('$WORK/values', encoding='utf-8'):
    sys.stdout.buffer.write(canonical(json.loads(line)).encode() + b'\0')" > "$WORK/python"
node "$ROOT/tests/support/javascript/canonical.js" < "$WORK/values" > "$WORK/theirs"
"$BIN/../tests/support/canonical_lines" < "$WORK/values" > "$WORK/ours"
check "as @tufjs/canonical-json writes it" cmp "$WORK/theirs" "$WORK/ours"
check "as Python writes it" cmp "$WORK/python" "$WORK/ours"
check "that is not nothing" test "$(wc -c < "$WORK/ours")" -gt 30000
