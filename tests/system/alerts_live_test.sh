#!/bin/bash
# A real Prometheus with our alert rules watches an appliance: every panel of the dashboard is
# answered, a bypass and a dead dataplane raise their alerts, and these go again.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_metrics.sh"
need prometheus
METRICS_AT=127.0.0.1:$((20000 + $$ % 10000))
PROMETHEUS=127.0.0.1:$((30000 + $$ % 10000))
cordon_up

mkdir "$WORK/prometheus"
# As an operator would write it; only faster.
cat > "$WORK/prometheus.yml" <<TEXT
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [$WORK/cordon.rules.yml]
scrape_configs:
  - job_name: cordon
    static_configs: [{targets: ["$METRICS_AT"]}]
TEXT
sed 's/for: 30s/for: 2s/' "$ROOT/configs/alerts/cordon.rules.yml" > "$WORK/cordon.rules.yml"
start_background prometheus prometheus --config.file="$WORK/prometheus.yml" \
    --storage.tsdb.path="$WORK/prometheus" --web.listen-address="$PROMETHEUS"

# ask QUERY   — how many samples it has.
ask() {
    curl -sS --max-time 5 --data-urlencode "query=$1" "http://$PROMETHEUS/api/v1/query" |
        python3 -c 'import json, sys
answer = json.load(sys.stdin)
assert answer["status"] == "success", answer
print(len(answer["data"]["result"]))'
}
has() { [ "$(ask "$1")" -ge 1 ]; }
has_none() { [ "$(ask "$1")" = 0 ]; }
alert() { has "ALERTS{alertname=\"$1\",alertstate=\"firing\"}"; }
no_alert() { has_none "ALERTS{alertname=\"$1\",alertstate=\"firing\"}"; }

check "the known file is refused" refused "$URL4/known" "$WORK/known"
check "Prometheus scrapes the appliance" wait_for 15 has 'up{job="cordon"} == 1'
check "it takes what it is told as OpenMetrics" has 'cordon_objects_total{class="inspected"}'
check "the block is there" wait_for 5 has 'cordon_outcomes_total{outcome="match_blocked"} == 1'
sleep 2
check "an appliance that is well has no alert" has_none 'ALERTS{severity!="info"}'

# Every panel is answered, and those that show something of any appliance do. Outcomes that rules
# and dashboard name are outcomes.
dashboard() {
    python3 - "http://$PROMETHEUS" "$ROOT/configs/grafana/cordon.json" \
        "$ROOT/configs/alerts/cordon.rules.yml" <<'TEXT'
import json, re, sys, urllib.parse, urllib.request
server, board, rules = sys.argv[1:]
sometimes = ("> 0", "_feed_", "_grant_", "_service_incidents", "[1d]", "[1h]", "[10m]")

def samples(query):
    url = server + "/api/v1/query?" + urllib.parse.urlencode({"query": query})
    return len(json.load(urllib.request.urlopen(url, timeout=5))["data"]["result"])

panels = json.load(open(board))["panels"]
queries = [target["expr"] for panel in panels for target in panel.get("targets", [])]
for query in queries:
    asked = query.replace("$instance", ".*").replace("$service", ".*")
    found = samples(asked.replace("$__rate_interval", "30s"))
    assert found or any(word in query for word in sometimes), query
assert len(queries) > 30
for words in re.findall(r'outcome=~?"([a-z_|]+)"', "\n".join(queries) + open(rules).read()):
    for word in words.split("|"):
        assert samples('{__name__=~"cordon_(verify_)?outcomes.*",outcome="%s"}' % word), word
TEXT
}
check "every panel of the dashboard is answered" dashboard

ctl bypass photos --for 1h --reason "a test" > "$WORK/mode.log"
check "a bypass raises its alert" wait_for 8 alert CordonBypass
ctl bypass photos --end > "$WORK/mode.log"
check "which goes with it" wait_for 8 no_alert CordonBypass
stop_dataplane KILL
check "a dead dataplane raises its alert" wait_for 12 alert CordonDataplaneDown
put "$URL4/clean" "$WORK/clean"
start_dataplane "$WORK/state/active.options"
check "which goes when it is back" wait_for 8 no_alert CordonDataplaneDown
check "and then what passed meanwhile has its own" wait_for 8 alert CordonPassedWithoutDataplane
