#!/bin/bash
# Every command of cordonctl is asked for JSON, of an appliance that has something to say: each
# field that it prints is in the table of fields with its type, and each that the table promises is
# there. The table is what docs/json-fields.md is printed from.
SERVICE_LINES='on_unparsable = "pass"
account_from = "header"
account_header = "X-Account"'
. "$(dirname "$0")/_selftest.sh"
need useradd userdel groupadd groupdel setpriv python3
me=cdj$$  # names of this test alone
vera=${me}v olga=${me}o anna=${me}a

more_config() {
    cat << TEXT
[operators]
approvers = 2
viewer_group = "$me-viewer"
operator_group = "$me-operator"
admin_group = "$me-admin"
[log]
events = "$WORK/events.json"
[metrics]
listen = "$WORK/run/metrics.sock"
TEXT
}
write_live_config() {
    FEED_LINES='poll_seconds = 3600
curator = "Hotline of the test"
legal_basis = "contract 7"' write_feed_config
    sed -i -e 1d -e "s|^on_unparsable.*|&\nverify = { api = \"webdav\", endpoint = \"$URL4\", \
credentials = \"$WORK/dav.credentials\" }|" "$CONFIG"
}

need "$BIN/cordon-dataplane" "$BIN/cordon-verifier" "$FEED" openssl nginx curl
lab_up
for role in viewer operator admin; do lab_group "$me-$role"; done
lab_user $vera "$me-viewer"
lab_user $olga "$me-operator"
lab_user $anna "$me-admin"
random_file "$WORK/known" "$KNOWN_SIZE" 1
random_file "$WORK/clean" "$KNOWN_SIZE" 2
start_nginx
begin_held_feed
join_centre
make_certificates
start_mirror
write_live_config
start_cordon
start_verifier
chmod a+x "$WORK"
cp -r "$WORK/feed/public" "$WORK/copy"
chmod -R a+rX "$WORK/copy"
wait_for 5 in_cli curl -s -o /dev/null --max-time 1 "$URL4/" || fail "the storage is not reached"

# --- what is asked -------------------------------------------------------------------------------

"$BIN/cordonctl" help fields --json > "$WORK/fields.json"
"$BIN/cordonctl" help --json | python3 -c 'import json, sys
print("\n".join(row["command"] for row in json.load(sys.stdin)["commands"]))' > "$WORK/commands"

# The longest command that the words begin with.
command_of() {
    local words
    words="$*"
    while read -r one; do
        case "$words " in "$one "*) echo "${#one} $one" ;; esac
    done < "$WORK/commands" | sort -n | tail -n 1 | cut -d' ' -f2-
}
# asks USER command…   — what it printed is in $WORK/said; its exit status says other things.
asks() {
    local user=$1
    shift
    if [ "$user" = root ]; then
        ctl "$@" --json > "$WORK/said" 2> "$WORK/complaint" || true
    else
        setpriv --reuid "$user" --regid "$user" --init-groups "$BIN/cordonctl" \
            --run-dir "$WORK/run" "$@" --json > "$WORK/said" 2> "$WORK/complaint" || true
    fi
    python3 "$ROOT/tests/support/json_fields.py" look "$WORK/fields.json" "$WORK/seen" \
        "$(command_of "$@")" < "$WORK/said" || { cat "$WORK/said" "$WORK/complaint" && return 1; }
}
it() { check "$*" asks "$@"; }
said() { python3 -c "import json, sys; a = json.load(open(sys.argv[1])); print($1)" "$WORK/said"; }

it $olga feed enrol centre
enrolled() {
    key=$(said "a['key']")
    feed enrol "$WORK/feed" box-1 --node-key "$key" --legal-basis "a contract" &&
        feed grant "$WORK/feed" box-1
}
check "the Centre enrols it" enrolled
it $olga feed sync centre
it $olga feed sync
python3 -c 'import gzip, random, sys
coded = gzip.compress(random.Random(5).randbytes(20000))
open(sys.argv[1], "wb").write(coded[:-8] + bytes(8))' "$WORK/damaged"
check "a known file is reported" stored "$URL4/known" "$WORK/known" -H "X-Account: person-4711"
check "what cannot be read is to be verified" stored "$URL4/odd" "$WORK/damaged" \
    -H 'Content-Encoding: gzip'
check "there is a case" incident_count 1
CASE=$(incidents | grep -om1 "$CASE_PATTERN")
check "and a verification" wait_for 5 eval 'ctl verify list --json | grep -q "\"id\""'
in_cli curl -s --max-time 1 "$URL4:81/" > /dev/null || true  # no service lists this port
number=$(ctl verify list --json | grep -o '"id": *[0-9]*' | grep -om1 '[0-9]*$')

for words in "status" "check" "coverage" "coverage --unlisted" "top -n 1 --interval 1s" \
    "incidents list" "incidents" "incidents show $CASE" "incidents tail" "explain $CASE" \
    "list show" "list" "mode show" "mode" "audit show" "audit" "audit verify" "feed status" "feed" \
    "feed history centre" "feed verify centre" "feed verify" "config diff" "config history"; do
    it $vera $words
done
for words in "incidents show $CASE --reveal --reason test" \
    "incidents hold $CASE --for 100d --reason test" "incidents release $CASE --reason test" \
    "verify list" "verify" "verify show $number" "verify retry" "selftest --service photos"; do
    it $olga $words
done
it root selftest

# --- what is changed -----------------------------------------------------------------------------

asks_and_waits() { asks "$@" && [ "$(said "a['pending']")" = True ]; }
waits() { check "$* waits" asks_and_waits "$@"; }
approved() { it $anna approve "$(said "a['hash']")"; }
waits $olga feed trust centre --reason test
approved
waits $olga mode set photos observe --reason test
it $vera pending
it $vera status
ctl pending --json > "$WORK/said"
it $anna approve "$(said "a['pending'][0]['hash']")"
it $olga mode set photos enforce
waits $olga bypass photos --for 30m --reason test
it $olga reject "$(said "a['hash']")" --reason test
it $olga bypass photos-v6 --for 10m --break-glass --reason test
it $vera status
it $vera mode show
it $olga bypass photos-v6 --end
waits $olga suspend "$CASE" --for 1d --reason test
approved
it $vera explain "$CASE"
it $vera feed status
it $olga suspend "$CASE" --end --reason test
digest=sha256:$(sha256sum "$WORK/clean" | cut -d' ' -f1)
waits $olga list add "$digest" --origin order --id A-1 --reason test
it $anna list approve "$(said "a['hash']")" "$digest"
check "a file on the own list is stored" stored "$URL4/own" "$WORK/clean"
check "and a case" incident_count 2
own=$(incidents | grep -o "$CASE_PATTERN" | grep -vm1 "$CASE")
it $vera list show
it $vera explain "$own"
it $olga list remove 1 --reason test
it $vera list show
it $olga feed pause centre --until 1h --reason test
it $olga feed pin centre current --until 1h --reason test
it $olga feed resume centre
it $olga feed import centre "$WORK/copy" --reason test
for n in 1 2 3; do
    ip -n $CLI addr add "10.99.0.$((100 + n))/24" dev cli0
    put "$URL4/from$n" "$WORK/known" --interface "10.99.0.$((100 + n))" || true
done
check "three clients of what is new here are an alarm" wait_for 10 in_feed "newcomers: reference"
it $vera feed status
it $olga feed confirm centre --reason test

sed -i 's/^on_unparsable = .*/on_unparsable = "refuse"/' "$CONFIG"
it root config propose --reason test
sed -i 's/^on_unparsable = .*/on_unparsable = "pass"/' "$CONFIG"
it $vera config diff
waits $olga config propose --reason test
it $anna config approve "$(said "a['hash']")"
sed -i '/^\[control\]$/a link_timeout_ms = 900' "$CONFIG"
it $olga config commit --confirm 5m --reason test
it $vera config history
it $olga config commit
it $olga config rollback --reason test
it $olga config reload

# --- cordonctl alone -----------------------------------------------------------------------------

echo 'prefix = 1' > "$WORK/wrong.toml"
sha256sum "$WORK/known" | cut -d' ' -f1 > "$WORK/known.txt"
it root index build -o "$WORK/own.cdx" "$WORK/known.txt"
it root index list "$WORK/known"
it root index show "$WORK/own.cdx"
it root index check "$WORK/own.cdx"
it root config check "$CONFIG"
it root config check "$WORK/wrong.toml"
it root config compile "$CONFIG" -o "$WORK/compiled.options"
it root completion bash
it root completion words feed
it root version
for topic in "" exit-codes metrics events fields mode; do it root help $topic; done

stop_cordond
for words in status check coverage "mode show" "mode set photos enforce" \
    "bypass photos --for 1m --break-glass --reason test" "bypass photos --end"; do
    it root $words
done
stop_dataplane
check "nothing answers: that as well" eval 'ctl mode show --json > "$WORK/said";
    [ "$(said "list(a) == [\"error\"] and a[\"error\"][\"name\"]")" = unreachable ]'
it root check

# What a command that fails prints is no answer; a store is away only where it is on a server.
check "every command was asked, and every object is printed" \
    python3 "$ROOT/tests/support/json_fields.py" ended "$WORK/fields.json" "$WORK/seen" \
    failed store_away
check "docs/json-fields.md is of this table" \
    cmp <("$ROOT/scripts/json-fields" "$BIN/cordonctl") "$ROOT/docs/json-fields.md"

# --- the test itself -----------------------------------------------------------------------------

# What it must find, in an answer that was right.
finds() {
    ! python3 -c "import json, sys
a = json.load(open(sys.argv[1])); $1; print(json.dumps(a))" "$WORK/modes.json" |
        python3 "$ROOT/tests/support/json_fields.py" look "$WORK/fields.json" /dev/null \
            "mode show" > "$WORK/found.log" 2>&1 && grep -q "$2" "$WORK/found.log"
}
start_cordond "$CONFIG"
check "modes once more" wait_for 5 eval 'ctl mode show --json > "$WORK/modes.json"'
check "it finds a field that is new" finds "a['services'][0]['news'] = 1" "not in the table"
check "one that is missing" finds "del a['services'][0]['mode']" "mode is missing"
check "and another type" finds "a['services'][0]['mode'] = 1" "is no string"
check "it misses a command that was not asked" eval 'grep -v "command status" "$WORK/seen" \
    > "$WORK/less"; ! python3 "$ROOT/tests/support/json_fields.py" ended "$WORK/fields.json" \
    "$WORK/less" failed store_away > "$WORK/found.log" 2>&1 &&
    grep -q "not asked: status" "$WORK/found.log"'
