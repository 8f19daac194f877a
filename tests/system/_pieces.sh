# Uploads in pieces: `. tests/system/_pieces.sh` after _cordon.sh, then `cordon_up pieces`.
# tests/support/pieces_server.py is the storage, tests/support/send_pieces.py the client.

PIECE=${PIECE:-100000}
AS=${AS:-}  # ends the names of the objects

start_pieces() {
    start_background pieces $IN_STO python3 "$ROOT/tests/support/pieces_server.py" \
        "$STO_IP4" 80 "$WORK/www"
    wait_for 5 grep -q ready "$WORK/pieces.log" || fail "the storage of pieces did not start"
}

# send_pieces RECIPE FILE NAME [option…]
send_pieces() {
    local status=0
    in_cli timeout 30 python3 "$ROOT/tests/support/send_pieces.py" "$1" "$STO_IP4" 80 "$2" "$3" \
        --piece "$PIECE" "${@:4}" > "$WORK/answer.log" 2>&1 || status=$?
    return $status
}

clean_in_pieces() { send_pieces "$1" "$WORK/clean" "$1-clean$AS" "${@:2}" &&
    cmp "$WORK/clean" "$WORK/www/$1-clean$AS"; }

# The client is told so, and the file is not there.
known_refused() {
    local status=0
    send_pieces "$1" "$WORK/known" "$1-known$AS" "${@:2}" || status=$?
    [ $status = 3 ] || return 1
    CASE=$(grep -om1 "$CASE_PATTERN" "$WORK/answer.log")
}
not_stored() { ! cmp -s "$WORK/known" "$WORK/www/$1"; }
assembled_in_case() { incidents | grep -A40 -F "$CASE" | grep -qE '"form": *"assembled"'; }

# try_pieces RECIPE [option of send_pieces.py]…
try_pieces() {
    local how="$1${2:+ ${*:2}}"
    rm -f "$WORK/www/"*
    check "$how: a clean file is stored as it is" clean_in_pieces "$@"
    check "$how: a known one is refused" known_refused "$@"
    check "$how: and is not there" not_stored "$1-known$AS"
    check "$how: the case is recorded as assembled" wait_for 5 assembled_in_case
}
