#!/bin/bash
# Metrics as a Prometheus reads them, on the loopback and at a Unix socket: right by promtool and by
# a reader of OpenMetrics, all that status and coverage know, and there when the dataplane is not.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_metrics.sh"
port=$((20000 + $$ % 10000))
METRICS_AT=127.0.0.1:$port
cordon_up

openmetrics() {
    scrape -H 'Accept: application/openmetrics-text; version=1.0.0' > "$WORK/open" &&
        /usr/bin/python3 -c 'import sys
from prometheus_client.openmetrics.parser import text_string_to_metric_families as families
names = [one.name for one in families(sys.stdin.read())]
assert "cordon_objects" in names and len(names) > 60, names' < "$WORK/open"
}

check "a file is stored" stored "$URL4/clean" "$WORK/clean"
check "the known one is refused" refused "$URL4/known" "$WORK/known"
check "its incident is there" incident_count 1
check "metrics are answered" scrape_to
check "promtool finds nothing wrong with them" lints
if /usr/bin/python3 -c 'import prometheus_client' 2> /dev/null; then
    check "a reader of OpenMetrics takes them" openmetrics
fi
check "every value of status and coverage is one" complete
check "the dataplane is there" is cordon_up 1
check "the block is counted" is 'cordon_outcomes_total{outcome="match_blocked",unit="objects"}' 1
check "the incident is counted" is 'cordon_service_incidents{service="photos",action="block"}' 1
inspected() { value 'cordon_objects_total{class="inspected",reason=""}'; }
check "the stored object is counted" at_least 1 inspected
check "and the block as a verdict of its service" is \
    'cordon_verdicts_total{service="photos",verdict="blocked"}' 1
timed() { value 'cordon_verdict_seconds_count{service="photos"}'; }
check "how long verdicts took is told" at_least 2 timed
check "the mode is told" is 'cordon_mode{service="photos",mode="enforce"}' 1
no_backlog() { scrape_to && is cordon_journal_backlog_records 0; }
check "the journal has no backlog in the end" wait_for 5 no_backlog
secret="$(cat "$WORK/known.txt")|$CLI_IP4|$STO_IP4|$CASE|/known"
check "no digest, address, case or path" eval '! grep -E "$secret" "$WORK/metrics"'

ctl mode set photos observe --reason "a test" > "$WORK/mode.log"
fresh
check "a change of mode is told" is 'cordon_mode{service="photos",mode="observe"}' 1

# Who asks slowly costs a place for five seconds, and nobody waits for it.
for n in 1 2 3 4 5; do
    start_background slow$n python3 -c 'import socket, sys, time
s = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
for n in range(100):
    s.sendall(b"G" if n else b"GET /metrics HTTP/1.1\r\nX: ")
    time.sleep(0.1)' $port
done
check "others are answered meanwhile" scrape_to
check "and operators" eval 'ctl --timeout 1000 status > "$WORK/status" || [ $? = 4 ]'
slow_are_cut() { scrape_to && is cordon_metrics_overdue_total 5; }
check "the slow ones are cut" wait_for 9 slow_are_cut

kill -STOP "$DATAPLANE_PID"
sleep 1.1
check "metrics come with a dataplane that hangs" scrape_to
check "and say so" is cordon_up 0
kill -CONT "$DATAPLANE_PID"
stop_dataplane KILL
fresh
check "metrics come without a dataplane" is cordon_up 0
check "they are right" lints
check "the incidents are still told" \
    is 'cordon_service_incidents{service="photos",action="block"}' 1

taken_port() {
    ! "$BIN/cordond" --config "$WORK/other.toml" 2> "$WORK/err" && grep -q "$port" "$WORK/err"
}
mkdir "$WORK/other"
sed "s,$WORK/run\",$WORK/other\",; s,$WORK/state\",$WORK/other\"," "$CONFIG" > "$WORK/other.toml"
check "a port that is taken is told by its number" taken_port
stop_cordond
METRICS_AT=$WORK/run/metrics.sock
write_config
start_cordond "$CONFIG"
check "metrics at a Unix socket" scrape_to
check "they are right as well" lints
check "nobody else may ask" eval '[ "$(stat -c %a "$METRICS_AT")" = 660 ]'
stop_cordond
check "the socket goes with cordond" [ ! -e "$METRICS_AT" ]
