#!/bin/bash
# No server takes from the bytes that we would forward another request than the one we inspected:
# the corpus of framing cases, and mutations of it, against nginx, Apache and HAProxy themselves.
# FRAMING_MUTATIONS (200) and FRAMING_SEED (1) make it longer.
. "$(dirname "$0")/_init.sh"
. "$(dirname "$0")/_framing.sh"
lab_up
start_framing_servers

printf 'what must not pass unseen' > "$WORK/payload"
framing_cases "$WORK/payload"
check "the corpus is framed as the servers do" differ direct
framing_cases "$WORK/payload" "${FRAMING_SEED:-1}" "${FRAMING_MUTATIONS:-200}"
check "its mutations are" differ direct
