# People at an appliance: source it behind _cordon.sh or _sync.sh. Real users in the groups of the
# roles; their names are those of this test alone, and gone when it ends:
#
#   $vera, a viewer   $olga, an operator   $anna and $bert, admins

need useradd userdel groupadd groupdel setpriv python3
me=cdp$$
vera=${me}v olga=${me}o anna=${me}a bert=${me}b

# Behind lab_up.
people_up() {
    local role
    for role in viewer operator admin; do lab_group "$me-$role"; done
    lab_user $vera "$me-viewer"
    lab_user $olga "$me-operator"
    lab_user $anna "$me-admin"
    lab_user $bert "$me-admin"
}

# For the configuration. APPROVERS: 2
write_operators() {
    cat << TEXT
[operators]
approvers = ${APPROVERS:-2}
viewer_group = "$me-viewer"
operator_group = "$me-operator"
admin_group = "$me-admin"
TEXT
}

# by USER command…   — cordonctl as that user; what it said is in $WORK/said.
by() {
    local user=$1
    shift
    setpriv --reuid "$user" --regid "$user" --init-groups "$BIN/cordonctl" \
        --run-dir "$WORK/run" "$@" > "$WORK/said" 2>&1
}
# ends STATUS command…
ends() {
    local wanted=$1 status=0
    shift
    "$@" || status=$?
    [ $status = "$wanted" ] || { echo "exit $status" && cat "$WORK/said" && return 1; }
}
says() { grep -q -- "$1" "$WORK/said"; }
hash_said() { sed -n 's/^ *cordonctl approve \([0-9a-f]*\)$/\1/p' "$WORK/said"; }
trail() { ctl audit show --limit 1000; }
on_record() { trail | grep -qE "$1"; }
# json_of EXPRESSION command…   — of the answer, as `a`.
json_of() {
    local expression=$1
    shift
    "$@" --json | python3 -c "import json, sys; a = json.load(sys.stdin); print($expression)"
}
# Behind a kill: sockets that it left would look like those of the next one.
begin_cordond() {
    local role
    for role in cordond viewer operator admin; do rm -f "$WORK/run/$role.sock"; done
    start_cordond "$CONFIG"
    wait_for 5 by $anna mode show || fail "cordond does not answer"
}
restart_cordond() {
    stop_cordond KILL
    begin_cordond
}
