# Swift with its S3 API as the storage, and S3 clients (_s3_clients.sh): `. tests/system/_s3.sh`
# after _cordon.sh, then `cordon_up s3`. What a client does is seen at the storage itself, beside
# the appliance.

need python3
/usr/bin/python3 -c 'import swift, boto3' 2> /dev/null || skip "python3-swift is not installed"

export AWS_ACCESS_KEY_ID=test:tester AWS_SECRET_ACCESS_KEY=testing
. "$(dirname "${BASH_SOURCE[0]}")/_s3_clients.sh"

start_s3() {
    mkdir "$WORK/swift"
    _has_attributes || {
        mount -t tmpfs cordon-swift "$WORK/swift"
        _lab_mounts="$_lab_mounts $WORK/swift"
        _has_attributes || skip "no file system here keeps extended attributes"
    }
    start_background swift $IN_STO /usr/bin/python3 "$ROOT/tests/support/swift_server.py" \
        "$WORK/swift" "$STO_IP4" 80 "$STO_IP6" 80
    wait_for 20 grep -qx ready "$WORK/swift.log" || fail "swift did not start"
    wait_for 5 _s3_sign_in || fail "swift lets nobody in: $(cat "$WORK/token.log")"
    [ "$(swift_api -o /dev/null -w '%{http_code}' -X PUT "$BUCKET")" = 201 ] || fail "no bucket"
    write_client_configs
}
_has_attributes() {
    python3 -c 'import os, sys; os.setxattr(sys.argv[1], "user.try", b"1")' "$WORK/swift" \
        2> /dev/null
}
_s3_sign_in() {
    in_sto curl -sS -i --max-time 5 -H 'X-Storage-User: test:tester' \
        -H 'X-Storage-Pass: testing' "$URL4/auth/v1.0" > "$WORK/token.log" 2>&1
    TOKEN=$(sed -n 's/^X-Auth-Token: *\([^[:space:]]*\).*/\1/Ip' "$WORK/token.log")
    [ -n "$TOKEN" ]
}

# swift_api [curl option…] PATH   — by Swift's own API, on the storage itself.
swift_api() {
    in_sto curl -sS --max-time 20 -H "X-Auth-Token: $TOKEN" "${@:1:$#-1}" \
        "$URL4/v1/AUTH_test/${*: -1}"
}

stored_equal() { swift_api -f -o "$WORK/back" "$BUCKET/$1" && cmp "$WORK/back" "$2"; }
absent() { [ "$(swift_api -o /dev/null -w '%{http_code}' "$BUCKET/$1")" = 404 ]; }
stored_names() { swift_api "$BUCKET"; }
# in_parts KEY N   — the storage has taken at least N parts of it.
in_parts() {
    [ "$(grep -E "^PUT /$BUCKET/$1\?.* HTTP/1.1 200" "$WORK/swift.log" |
        grep -o 'partNumber=[0-9]*' | sort -u | wc -l)" -ge "$2" ]
}
