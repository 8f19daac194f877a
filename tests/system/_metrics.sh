# An appliance that tells metrics: source it behind _cordon.sh or _sync.sh. METRICS_AT is an
# address, or the path of a socket: one in $WORK/run when nothing is set.

need promtool "$BIN/../tests/support/unnamed_values"

eval "write_config_without_metrics() $(declare -f write_config | sed 1d)"
write_config() {
    write_config_without_metrics
    : "${METRICS_AT:=$WORK/run/metrics.sock}"
    printf '[metrics]\nlisten = "%s"\n' "$METRICS_AT" >> "$CONFIG"
}

scrape() {
    case $METRICS_AT in
        /*) curl -sS --max-time 5 --unix-socket "$METRICS_AT" "$@" http://box/metrics ;;
        *) curl -sS --max-time 5 "$@" "http://$METRICS_AT/metrics" ;;
    esac
}
scrape_to() { scrape > "$WORK/metrics"; }
# What was gathered a moment ago is told again.
fresh() { sleep 1.1 && scrape_to; }

# value 'NAME{LABELS}'   — of one sample of the last scrape
value() { grep -v '^#' "$WORK/metrics" | grep -F -- "$1 " | sed 's/.* //'; }
is() { [ "$(value "$1")" = "$2" ] || { grep -F "${1%%\{*}" "$WORK/metrics"; return 1; }; }

lints() { promtool check metrics < "$WORK/metrics"; }

# Whether every value that our two commands show is a metric, or left out by name.
complete() {
    { ctl status --json || true; ctl coverage --json; } | python3 -c 'import json, sys
status, coverage = (json.loads(line) for line in sys.stdin)
for key in ("verified_after_write", "services"): coverage.pop(key)
for key in ("lab", "state", "problems", "critical"): status.pop(key)
print(json.dumps(dict(status, coverage=coverage)))' | "$BIN/../tests/support/unnamed_values"
}
