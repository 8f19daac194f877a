#!/bin/bash
# The same as framing_differential_test, with servers that were told to take what is malformed:
# names that are no token, header lines with odd bytes, HTTP/0.9.
. "$(dirname "$0")/_init.sh"
. "$(dirname "$0")/_framing.sh"
lab_up
LENIENT=1
start_framing_servers

printf 'what must not pass unseen' > "$WORK/payload"
framing_cases "$WORK/payload"
check "the corpus is framed as lenient servers do" differ direct
framing_cases "$WORK/payload" "${FRAMING_SEED:-2}" "${FRAMING_MUTATIONS:-200}"
check "its mutations are" differ direct
