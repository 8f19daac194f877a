#!/bin/bash
# Two workers on ports with two queues: a flow's frames come in by either queue, and each worker has
# its own flows. What is listed is refused whichever worker has it, what is not is stored as it was
# sent, also over a lossy wire and on connections that are kept; a swap reaches both; both stand
# still, and both inspect again.
LAB_QUEUES=2
LIMIT_LINES='workers = 2'
KNOWN_SIZE=200000
. "$(dirname "$0")/_cordon.sh"
cordon_up
[ "$PORT_KIND" = af_xdp ] || skip "queues and their workers are those of AF_XDP"

each_at_least() {
    local value
    for value in $(workers "$2"); do [ "$value" -ge "$1" ] || return 1; done
}

all_whole() {
    local n
    for n in $(seq 16); do cmp "$2" "$WORK/www/$1-$n" || return 1; done
}

check "uploads are stored" many clean "$WORK/clean" 201
check "as they were sent" all_whole clean "$WORK/clean"
check "the known file is refused, whichever worker has it" many known "$WORK/known" 403
check "nothing of it is stored" no_file known
check "each is an incident" incident_count 16
check "both workers had frames" each_at_least 500 frames
check "and handed over what was the other's" each_at_least 100 handed_over

upload keep-alive /kept "$WORK/clean" --also "$WORK/clean" "$WORK/known" > /dev/null
check "a kept connection stores two files" [ "$(grep -c '^20[14]' "$WORK/answer.log")" = 2 ]
check "and is refused the third" grep -q '^403' "$WORK/answer.log"

random_file "$WORK/later" "$KNOWN_SIZE" 4
sha256sum "$WORK/known" "$WORK/later" | cut -d' ' -f1 > "$WORK/both.txt"
swaps=$(outcome generation_swapped)
"$BIN/cordonctl" index build --output "$WORK/index.cdx" "$WORK/both.txt" >> "$WORK/index.log" 2>&1
check "an index is in force at both" at_least $((swaps + 2)) outcome generation_swapped
check "what it lists is refused by both" many later "$WORK/later" 403

kill -STOP "$DATAPLANE_PID"
sleep 0.4
kill -CONT "$DATAPLANE_PID"
check "both inspect again after they stood still" wait_for 5 many again "$WORK/known" 403

wire_up cli --loss 2 --reorder 2 --seed 7
check "uploads over a lossy wire are stored" many lossy "$WORK/clean" 201
check "as they were sent" all_whole lossy "$WORK/clean"
check "the known file is refused over it" many lost "$WORK/known" 403
check "nothing of what was refused is stored" eval 'no_file lost && no_file later'
# The kernel refuses a frame that lies outside of what the driver has told it of the buffers.
port_errors() {
    ctl coverage --json | python3 -c 'import json, sys
print(sum(port["errors"] for port in json.load(sys.stdin)["ports"].values()))'
}
check "every frame could be sent from where it lay" [ "$(port_errors)" = 0 ]
