# The object gateway of Ceph as the storage, and S3 clients (_s3_clients.sh): after _cordon.sh
# `. tests/system/_rgw.sh`, then `cordon_up rgw`. It decodes and checks signed chunks, which Swift
# does not.
#
# A monitor, one OSD that keeps all in memory, and the gateway: its own user, all state in
# $WORK/ceph, about four seconds. The monitor listens on the loopback of the storage's namespace.

need ceph ceph-mon ceph-osd radosgw radosgw-admin monmaptool python3
export AWS_ACCESS_KEY_ID=tester AWS_SECRET_ACCESS_KEY=testing
. "$(dirname "${BASH_SOURCE[0]}")/_s3_clients.sh"

write_ceph_config() {
    CEPH=$WORK/ceph
    CEPH_ID=$(python3 -c 'import uuid; print(uuid.uuid4())')
    OSD_ID=$(python3 -c 'import uuid; print(uuid.uuid4())')
    export CEPH_CONF=$CEPH/ceph.conf
    mkdir -p "$CEPH/mon" "$CEPH/osd" "$CEPH/rgw" "$CEPH/run"
    cat > "$CEPH_CONF" <<TEXT
[global]
fsid = $CEPH_ID
mon_host = [v1:127.0.0.1:6789]
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_num = 1
osd_pool_default_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
mon_tick_interval = 1
osd_heartbeat_interval = 1
osd_objectstore = memstore
memstore_device_bytes = 1073741824
osd_class_load_list = *
osd_class_default_list = *
ms_bind_ipv6 = false
run_dir = $CEPH/run
admin_socket = $CEPH/run/\$name.asok
log_to_stderr = true
err_to_stderr = true
log_to_file = false
mon_data = $CEPH/mon
mon_cluster_log_file = $CEPH/cluster.log
osd_data = $CEPH/osd
osd_journal = $CEPH/osd/journal
rgw_data = $CEPH/rgw
rgw_frontends = beast endpoint=$STO_IP4:80
rgw_run_sync_thread = false
rgw_enable_gc_threads = false
rgw_enable_lc_threads = false
rgw_enable_quota_threads = false
TEXT
    chown -R ceph:ceph "$CEPH"
}

# run_ceph NAME PROGRAM…   — as its user, on the storage.
as_ceph="--setuser ceph --setgroup ceph"
run_ceph() { in_sto timeout 20 "${@:2}" > "$WORK/$1.log" 2>&1 || fail "ceph: $1"; }
# A monitor that has just begun may refuse the first command (EPERM, no descriptions yet).
osd_is_new() {
    in_sto timeout 20 ceph --connect-timeout 15 osd new "$OSD_ID" > "$WORK/osd-new.log" 2>&1
}
osd_is_up() { grep -q 'state: booting -> active' "$WORK/osd.log"; }
rgw_answers() { in_sto curl -s -o /dev/null --max-time 2 "$URL4/"; }
# One start in five stands still before the first map comes.
start_osd() {
    start_background osd $IN_STO ceph-osd -i 0 -f $as_ceph
    wait_for 6 osd_is_up && return 0
    _stop_pid $BACKGROUND_PID KILL
    _forget $BACKGROUND_PID
    return 1
}

start_rgw() {
    write_ceph_config
    run_ceph monmap monmaptool --create --fsid "$CEPH_ID" --addv a '[v1:127.0.0.1:6789]' \
        "$CEPH/monmap"
    run_ceph mon-make ceph-mon --mkfs -i a --monmap "$CEPH/monmap" --keyring /dev/null $as_ceph
    start_background mon $IN_STO ceph-mon -i a -f $as_ceph
    wait_for 10 osd_is_new || fail "ceph: osd-new"
    run_ceph osd-make ceph-osd -i 0 --mkfs --osd-uuid "$OSD_ID" $as_ceph
    start_osd || start_osd || start_osd || fail "the OSD of Ceph is not up"
    start_background rgw $IN_STO radosgw -f -n client.rgw $as_ceph
    wait_for 30 rgw_answers || fail "the gateway of Ceph did not start"
    run_ceph user radosgw-admin user create --uid=tester --display-name=tester \
        --access-key="$AWS_ACCESS_KEY_ID" --secret-key="$AWS_SECRET_ACCESS_KEY"
    [ "$(rgw_api -o /dev/null -w '%{http_code}' -X PUT "$BUCKET")" = 200 ] || fail "no bucket"
    write_client_configs
}

# rgw_api [curl option…] PATH   — on the storage itself.
rgw_api() {
    in_sto curl -sS --max-time 20 --aws-sigv4 aws:amz:us-east-1:s3 \
        -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' \
        --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" "${@:1:$#-1}" "$URL4/${*: -1}"
}
stored_equal() { rgw_api -f -o "$WORK/back" "$BUCKET/$1" && cmp "$WORK/back" "$2"; }
absent() { [ "$(rgw_api -o /dev/null -w '%{http_code}' "$BUCKET/$1")" = 404 ]; }
stored_names() { rgw_api -f "$BUCKET" | grep -o '<Key>[^<]*' | cut -c6-; }
# in_parts KEY N   — the storage has taken at least N parts of it.
in_parts() {
    [ "$(grep -F "\"PUT /$BUCKET/$1?" "$WORK/rgw.log" | grep -F ' HTTP/1.1" 200 ' |
        grep -o 'partNumber=[0-9]*' | sort -u | wc -l)" -ge "$2" ]
}
