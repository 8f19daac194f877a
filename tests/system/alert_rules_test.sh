#!/bin/bash
# The alert rules say what they should of an appliance that is well and of one that is not, by
# promtool; rules and dashboard ask for metrics that exist.
set -eu
cd "$(dirname "$0")/../.."
command -v promtool > /dev/null || { echo "SKIP: promtool is not installed"; exit 125; }
rules=configs/alerts/cordon.rules.yml
there=$(mktemp -d)
trap 'rm -rf "$there"' EXIT
cp $rules tests/alerts/*.yml "$there"
fail() { echo "FAIL: $*"; exit 1; }

promtool check rules $rules
for tests in "$there"/*_test.yml; do promtool test rules "$tests"; done
untested=$(grep -oP '(?<=- alert: )\w+' $rules | sort |
    comm -23 - <(grep -ohP '(?<=alertname=")\w+' tests/alerts/*.yml | sort -u))
[ -z "$untested" ] || fail "no test lets these fire: $untested"
[ -z "$(grep -oP '(?<=- alert: )\w+' $rules | sort | uniq -d)" ] || fail "two alerts of one name"

names() { python3 tests/support/metric_names.py build/bin/cordonctl "$@"; }
names $rules configs/grafana/cordon.json || fail "metrics that are none"

# It finds what is wrong.
sed 's/cordon_up/cordon_upp/' $rules > "$there/wrong.yml"
! names "$there/wrong.yml" > /dev/null || fail "a metric that is none was not found"
sed 's/by (class)/by (klass)/' configs/grafana/cordon.json > "$there/wrong.json"
! names "$there/wrong.json" > /dev/null || fail "a label that is none was not found"
