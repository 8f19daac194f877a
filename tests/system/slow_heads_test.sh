#!/bin/bash
# Connections that say a byte of their head a second take all messages: they are ended one by one
# (408) for those who upload.
# Alone: its crowd takes a processor.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_overload.sh"
need "$CROWD"
eval "$(declare -f write_config | sed '1s/write_config/_all_config/')"
write_config() {
    _all_config
    sed -i 's/^messages_max = .*/messages_max = 64/' "$CONFIG"
}
cordon_up
served 0
before=$(resident_kb)
crowd_up slow cli trickle "$STO_IP4" 80 200 'GET /'
slow=$CROWD_PID
served_on
crowd_down "$slow"
check "slow messages were ended" counted message_slow
check "with an answer" [ "$(said slow timeouts)" -gt 0 ]
check "others waited" counted messages_full
check "the dataplane has not grown" no_growth "$before"
