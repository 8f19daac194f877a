# For tests of uploads whose rest the kernel bridges: `. "$(dirname "$0")/_shunt.sh"` after
# _cordon.sh and before cordon_up.

# By size: every record of the index has one.
SERVICE_LINES=${SERVICE_LINES:-'dismiss = "size"
embedded_archives = "ignore"'}

write_index() {
    printf '%s,%s\n' "$(sha256sum "$WORK/known" | cut -d' ' -f1)" "$KNOWN_SIZE" \
        > "$WORK/known.txt"
    "$BIN/cordonctl" index build --output "$WORK/index.cdx" "$WORK/known.txt" \
        > "$WORK/index.log" 2>&1 || fail "index build: $(cat "$WORK/index.log")"
}

# large_file BYTES   — $WORK/large
large_file() {
    openssl enc -aes-128-ctr -K 00 -iv 00 -in /dev/zero 2> /dev/null | head -c "$1" \
        > "$WORK/large"
}
