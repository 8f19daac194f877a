#!/bin/bash
# `cordonctl top` at a terminal and in a pipe: what passes is shown by service, keys do what the
# foot says, a dataplane that dies is away and comes back, the terminal is left as it was.
. "$(dirname "$0")/_cordon.sh"
need tmux
cordon_up

server="tmux -S $WORK/tmux -f /dev/null"
screen() { $server capture-pane -p; }
shows() { screen | grep -qE -- "$1"; }
press() { $server send-keys "$@"; }

$server new-session -d -x 150 -y 30 env HOME="$WORK" PS1='> ' LC_ALL=C.UTF-8 bash --norc
_remember "$($server display-message -p '#{pid}')"
$server set-option -g status off
press "clear; echo here before" Enter
wait_for 5 shows '^here before'
press "'$BIN/cordonctl' --config '$CONFIG' top --interval 1s" Enter
check "a screen comes up" wait_for 5 shows '^SERVICE +MODE'
check "with the appliance" shows '^cordon .*LAB'
check "its services" eval "shows '^photos +enforce' && shows '^photos-v6 +enforce'"
check "and what keys do" shows '^q quit +s order: name'

press t
check "t shows verdicts in all" wait_for 3 shows 'verdicts: in all'
check "a file is stored" stored "$URL4/clean" "$WORK/clean"
check "the known one is refused" refused "$URL4/known" "$WORK/known"
both='^photos +enforce +[0-9.]+ +[0-9.]+ +[1-9][0-9]* +0 +1 +0'
check "both are on the screen" wait_for 5 shows "$both"
busy() {
    put "$URL4/more" "$WORK/clean"
    shows '^photos .* 100 % +[0-9]+ .s +[0-9]+ .s$'
}
check "how much was seen, and how long verdicts took" wait_for 15 busy
press s s
check "s changes the order" wait_for 3 shows 'order: bytes'

stop_dataplane KILL
check "a dead dataplane is said to be" wait_for 15 shows 'dataplane.* answer|cannot be reached'
start_dataplane "$WORK/state/active.options"
check "one that is back is shown again" wait_for 15 shows '^photos +enforce'
stop_cordond
check "without cordond the dataplane is asked" wait_for 15 shows 'cordond is away'
check "and its services are there" wait_for 15 shows '^photos +enforce'
$server resize-window -x 60 -y 12
check "a small terminal gets what fits" wait_for 5 shows '^q quit'
$server resize-window -x 150 -y 30
check "and a large one all again" wait_for 5 shows '^SERVICE .* MEDIAN +99 %'
press q
check "q gives the terminal back" wait_for 5 shows '^here before'
start_cordond "$CONFIG"

ctl top --interval 1s --limit 1 > "$WORK/once"
check "a pipe gets tables, without a screen" eval \
    "grep -q '^photos  *enforce' '$WORK/once' && ! grep -q \$'\\033' '$WORK/once'"
ctl top --interval 1s --limit 2 --json > "$WORK/lines"
check "and lines of JSON" python3 - "$WORK/lines" << 'PYTHON'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1])]
assert len(lines) == 2, lines
for line in lines:
    assert line["problem"] is None and 0.5 < line["seconds"] < 30, line
    assert [s["service"] for s in line["services"]] == ["photos", "photos-v6"], line
    assert set(line["services"][0]["verdicts"]) == {
        "clean", "dismissed", "blocked", "reported", "observed", "uninspected"}, line
PYTHON
check "an unknown terminal is no obstacle" eval \
    'TERM=none script -qec "$BIN/cordonctl --config $CONFIG top --interval 1s --limit 1" /dev/null \
        < /dev/null | grep -q "^photos"'
code=0
ctl top --interval 2h 2> /dev/null || code=$?
check "an interval of hours is refused" [ $code = 2 ]
