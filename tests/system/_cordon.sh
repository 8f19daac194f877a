# A whole appliance for a system test: `. "$(dirname "$0")/_cordon.sh"`, then `cordon_up`.
#
# On top of the lab of _init.sh: a configuration, an index with the (harmless, generated) known
# file, a storage, cordond and the dataplane. Words of this file:
#
#   $WORK/known   the file whose SHA-256 is in the index    $KNOWN_SIZE bytes
#   $WORK/clean   another one of the same size
#   $WORK/www     what the storage has stored               $WORK/tmp   its temporary files

. "$(dirname "${BASH_SOURCE[0]}")/_init.sh"
. "$(dirname "${BASH_SOURCE[0]}")/_wire.sh"

KNOWN_SIZE=${KNOWN_SIZE:-300000}
URL4=http://$STO_IP4
URL6=http://[$STO_IP6]
CONFIG=
CASE_PATTERN='TEST-[0-9A-Z*~$=-]*[0-9A-Z*~$=]'

# random_file FILE BYTES SEED
random_file() {
    python3 -c 'import random, sys
open(sys.argv[1], "wb").write(random.Random(int(sys.argv[3])).randbytes(int(sys.argv[2])))' "$@"
}

# write_config   — SERVICE_LINES, LIMIT_LINES, CONTROL_LINES and PORT_LINES may hold more TOML.
write_config() {
    CONFIG=$WORK/cordon.toml
    cat > "$CONFIG" <<TEXT
lab = true
[node]
prefix = "TEST"
operator = "Cordon system test"
[answer]
complaint_url = "https://complaints.example/upload"
contact = "trust-and-safety@storage.example"
legal_basis = "system test"
[ports]
kind = "$PORT_KIND"
client = "cor-cli"
storage = "cor-sto"
${PORT_LINES:-}
[paths]
state_dir = "$WORK/state"
run_dir = "$WORK/run"
bpf_dir = "$WORK/bpf"
steer_object = "$BPF/steer.bpf.o"
index = "$WORK/index.cdx"
store = "$WORK/cordon.sqlite"
[control]
journal_poll_ms = 50
${CONTROL_LINES:-}
[limits]
flows_max = 4096
messages_max = 1024
${LIMIT_LINES:-}
[[service]]
name = "photos"
address = "$STO_IP4"
port = 80
${SERVICE_LINES:-}
[[service]]
name = "photos-v6"
address = "$STO_IP6"
port = 80
${SERVICE_LINES:-}
TEXT
}

write_index() {
    sha256sum "$WORK/known" | cut -d' ' -f1 > "$WORK/known.txt"
    "$BIN/cordonctl" index build --output "$WORK/index.cdx" "$WORK/known.txt" \
        > "$WORK/index.log" 2>&1 || fail "index build: $(cat "$WORK/index.log")"
}

# NOT_STARTED=1: all but the dataplane.
start_cordon() {
    start_cordond "$CONFIG"
    wait_for 10 test -s "$WORK/state/active.options" || fail "cordond compiled no options"
    [ -z "${NOT_STARTED:-}" ] || return 0
    start_dataplane "$WORK/state/active.options"
}

# cordon_up [nginx|apache|naive|forms]   — STATE_SIZE: the state directory is on such a disk.
# WITH_POSTGRES=1: incidents are on a server of the test's own (_postgres.sh).
cordon_up() {
    need "$BIN/cordon-dataplane" "$BIN/cordond" "$BIN/cordonctl" python3 curl
    lab_up
    [ -z "${WITH_POSTGRES:-}" ] || postgres_up
    if [ -n "${STATE_SIZE:-}" ]; then
        mount -t tmpfs -o "size=$STATE_SIZE" cordon-state "$WORK/state"
        _lab_mounts=$WORK/state
    fi
    random_file "$WORK/known" "$KNOWN_SIZE" 1
    random_file "$WORK/clean" "$KNOWN_SIZE" 2
    write_config
    write_index
    "start_${1:-nginx}"
    start_cordon
    [ -n "${NOT_STARTED:-}" ] || wait_for 5 in_cli curl -s -o /dev/null --max-time 1 "$URL4/" ||
        fail "the storage is not reached"
}

# Apache with mod_dav as the storage, without a service or a system-wide configuration.
start_apache() {
    need apache2
    local modules=/usr/lib/apache2/modules
    chmod 777 "$WORK/www" "$WORK/tmp"
    cat > "$WORK/apache.conf" <<TEXT
LoadModule mpm_event_module $modules/mod_mpm_event.so
LoadModule authz_core_module $modules/mod_authz_core.so
LoadModule dav_module $modules/mod_dav.so
LoadModule dav_fs_module $modules/mod_dav_fs.so
LoadModule alias_module $modules/mod_alias.so
ServerName storage.example
ServerRoot $WORK
PidFile $WORK/apache.pid
ErrorLog $WORK/apache.log
Listen 80
DocumentRoot $WORK/www
DavLockDB $WORK/run/davlock
<Directory $WORK/www>
    Dav On
    Require all granted
</Directory>
<Directory $WORK/www/forbidden>
    Require all denied
</Directory>
TEXT
    mkdir -p "$WORK/www/forbidden"
    start_background apache-start $IN_STO apache2 -f "$WORK/apache.conf" -DFOREGROUND
    APACHE_PID=$BACKGROUND_PID
    wait_for 10 test -s "$WORK/apache.pid" || fail "apache did not start"
}

stop_apache() {
    _stop_pid "$APACHE_PID" TERM
    _forget "$APACHE_PID"
    rm -rf "$WORK/apache.pid" "$WORK/www/forbidden" "$WORK/www/.DAV"
}

# A storage that keeps whatever it got.
start_naive() {
    start_background naive $IN_STO python3 "$ROOT/tests/support/naive_server.py" \
        "$STO_IP4" 80 "$WORK/www"
    wait_for 5 grep -q ready "$WORK/naive.log" || fail "the naive server did not start"
}

# A storage that writes the parts of forms, and the payload of S3 chunks, as they come.
# start_forms [ADDRESS [whole]]   — whole: it removes what did not come whole.
start_forms() {
    local name=forms${1:+-$1}
    start_background "$name" $IN_STO python3 "$ROOT/tests/support/form_server.py" \
        "${1:-$STO_IP4}" 80 "$WORK/www" "${@:2}"
    wait_for 5 grep -q ready "$WORK/$name.log" || fail "the server of forms did not start"
}

# need_javascript PACKAGE…   — they come with scripts/setup-debian, when the registry is reached.
need_javascript() {
    need node
    export NODE_PATH=$ROOT/build/javascript/node_modules
    local package
    for package; do
        [ -e "$NODE_PATH/$package" ] ||
            skip "no $package in build/javascript (npm or its registry was not there)"
    done
}

ctl() { "$BIN/cordonctl" --config "$CONFIG" "$@"; }

# upload MANNER TARGET FILE [option…]   — with a client of bad manners; see tests/support/upload.py.
upload() {
    local manner=$1 target=$2 file=$3
    shift 3
    in_cli python3 "$ROOT/tests/support/upload.py" "$manner" "${ADDRESS:-$STO_IP4}" 80 \
        "$target" "$file" "$@" > "$WORK/answer.log" 2>&1 || true
    cat "$WORK/answer.log"
}

# put URL FILE [curl option…]   — status line, head and body of the answer go to $WORK/answer.log.
put() {
    local url=$1 file=$2
    shift 2
    in_cli curl -sS -i --max-time 30 -T "$file" "$@" "$url" > "$WORK/answer.log" 2>&1
}

status_of_answer() {
    sed -n 's,^HTTP/1.1 \([2-9][0-9][0-9]\).*,\1,p' "$WORK/answer.log" | tail -n 1
}

# start_long_upload RATE   — $WORK/long in the background; $long is its process.
start_long_upload() {
    start_background long $IN_CLI curl -sS -i --max-time 60 --limit-rate "$1" -T "$WORK/long" \
        "$URL4/long"
    long=$BACKGROUND_PID
}

stored() { put "$@" && [[ $(status_of_answer) = 20[14] ]]; }

# A complete 403 with a case number, in the reason phrase and in the body.
refused() {
    put "$1" "$2" "${@:3}" || return 1
    [ "$(status_of_answer)" = 403 ] || return 1
    CASE=$(grep -om1 "$CASE_PATTERN" "$WORK/answer.log") || return 1
    [ "$(grep -cF "$CASE" "$WORK/answer.log")" -ge 2 ]
}

# Nothing of NAME is on the storage: no file, no part of it, no temporary file.
no_trace() {
    local n
    for n in $(seq "${TRACE_TRIES:-10}"); do
        [ -z "$(find "$WORK/www" "$WORK/tmp" -type f -name "*${1:-}*" ! -name '.state*')" ] &&
            [ -z "$(find "$WORK/www" "$WORK/tmp" -name '.davfs.tmp*')" ] &&
            [ -z "$(find "$WORK/tmp" -type f)" ] && return 0
        sleep 0.1
    done
    find "$WORK/www" "$WORK/tmp" -type f -ls
    return 1
}

# The same while another upload is under way, whose temporary file is there by right.
no_file() { [ -z "$(find "$WORK/www" "$WORK/tmp" -type f -name "*$1*")" ]; }

# many NAME FILE STATUS   — 16 uploads on connections of their own, four at once, all so answered
many() {
    seq 16 | $IN_CLI xargs -P 4 -I '{}' curl -sS -o /dev/null -w '%{http_code}\n' --max-time 10 \
        -T "$2" "$URL4/$1-{}" > "$WORK/many.log" 2>&1 || true
    [ "$(grep -c "^$3\$" "$WORK/many.log")" = 16 ]
}

# Bytes of NAME that a storage kept, 0 when there is no such file.
kept_bytes() { stat -c %s "$WORK/www/$1" 2> /dev/null || echo 0; }

incidents() { ctl incidents list --json; }
# Each with what it tells of a person, as an operator is shown it; one JSON object after the other.
revealed() {
    local case
    for case in $(incidents | grep -o '"case": *"[^"]*"' | cut -d'"' -f4); do
        ctl incidents show "$case" --reveal --reason "system test" --json || return 1
    done
}
incident_known() { incidents | grep -qF "$1"; }
# incident_count N   — waits until control has that many.
incident_count() { wait_for 5 _incident_count "$1"; }
_incident_count() { [ "$(incidents | grep -o '"case": *"[^"]*"' | sort -u | wc -l)" = "$1" ]; }

# ledger outcomes NAME value | ledger frames CLASS bytes | ledger objects CLASS bytes|objects
ledger() {
    ctl coverage --json | python3 -c 'import json, sys
table, name, field = sys.argv[1:]
for line in json.load(sys.stdin)[table]:
    if name in (line.get("name"), line.get("class")): print(line[field])' "$@"
}
outcome() { ledger outcomes "$1" value; }
# at_least N command…   — waits until the command prints a number that large.
at_least() { wait_for 5 _at_least "$@"; }
_at_least() {
    local n=$1
    shift
    [ "$("$@")" -ge "$n" ]
}
counted() { at_least "${2:-1}" outcome "$1"; }

# At the end of every test whose dataplane lives: every frame that the ports received is in one
# class, and so is every byte of a body.
lab_check() {
    [ -n "$DATAPLANE_PID" ] && kill -0 "$DATAPLANE_PID" 2> /dev/null || return 0
    check "both coverage ledgers balance" wait_for 5 ledgers_balance
}
ledgers_balance() {
    ctl coverage --json > "$WORK/ledgers.log" 2>&1 && python3 -c 'import json, sys
coverage = json.load(open(sys.argv[1]))
frames = coverage["frames"]
objects = coverage["objects"]
ports = coverage["ports"]
body, unframed, still_open = (coverage["object_sum"][name + "_bytes"]
                              for name in ("body", "unframed", "open"))
for unit in ("packets", "bytes"):
    assert sum(line[unit] for line in frames) == sum(
        ports[side]["received"][unit] for side in ports), unit
assert sum(line["bytes"] for line in objects) + still_open == body + unframed, "objects"
assert coverage["sum"]["balanced"] and coverage["object_sum"]["balanced"]' "$WORK/ledgers.log"
}

# nothing_of "NAME…"   — none of these outcomes was counted; says which were.
nothing_of() {
    ctl coverage --json | python3 -c 'import json, sys
met = [one["name"] + " " + str(one["value"]) for one in json.load(sys.stdin)["outcomes"]
       if one["name"] in sys.argv[1].split() and one["value"]]
sys.exit("counted: " + ", ".join(met) if met else 0)' "$1"
}

# workers FIELD   — its value at each worker, in one line.
workers() {
    python3 -c 'import json, socket, sys
with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as s:
    s.connect(sys.argv[1])
    s.recv(1024)
    s.send(b"/cordon/workers")
    told = json.loads(s.recv(65536))["/cordon/workers"]
print(*[told["worker%d" % n][sys.argv[2]] for n in range(len(told))])' \
        "$WORK/run/dpdk/dataplane/dpdk_telemetry.v2" "$1"
}
# Their threads, with commas; PID: of the dataplane, or of testpmd.
worker_threads() {
    grep -l '^rte-worker' /proc/"$1"/task/*/comm | cut -d/ -f5 | paste -sd,
}

# gap_bytes REASON   — what control has on record as passed without the dataplane: 1 not running,
# 2 hung.
gap_bytes() {
    python3 -c 'import sqlite3, sys
store = sqlite3.connect("file:%s/cordon.sqlite?mode=ro" % sys.argv[1], uri=True)
query = "SELECT coalesce(sum(bytes), 0) FROM gap WHERE reason = ?"
print(store.execute(query, (int(sys.argv[2]),)).fetchone()[0])' "$WORK" "$1"
}
