#!/bin/bash
# A browser and a page: what its form and its scripts upload is stored as it is; of a known file the
# user is shown the refusal, also where the page comes from another server than the one it uploads
# to, and nothing of it is stored.
. "$(dirname "$0")/_cordon.sh"
# The programs themselves: Debian's wrapper would be stopped, and its browser stay.
for browser in /usr/lib/chromium/chromium-headless-shell /usr/lib/chromium/chromium ""; do
    if [ -n "$browser" ] && command -v $browser > /dev/null; then break; fi
done
[ -n "$browser" ] || skip "no Chromium is installed"
need_javascript playwright-core

start_pages() {
    start_forms "$STO_IP4" whole
    start_forms "$STO_IP6" whole
}
cordon_up pages
start_background browser $IN_CLI $browser --headless --no-sandbox --disable-gpu --disable-quic \
    --no-first-run --disable-background-networking --disable-component-update --disable-sync \
    --user-data-dir="$WORK/browser" --remote-debugging-port=9222 about:blank
wait_for 10 grep -q "DevTools listening" "$WORK/browser.log" || fail "the browser did not start"

# browse MANNER QUERY FILE   — FILE and a second clean one beside it; what the user is shown goes to
# $WORK/answer.log.
random_file "$WORK/beside" 5000 3
browse() {
    in_cli env TMPDIR="$WORK" node "$ROOT/tests/support/javascript/browser.js" 9222 \
        "$URL4/upload.html$2" "$1" "$WORK/beside" "$WORK/$3" > "$WORK/answer.log" 2>&1
}
stored_by_page() { browse "$1" "$2" clean && cmp "$WORK/clean" "$WORK/www/clean"; }
refused_on_page() {
    local status=0
    browse "$1" "$2" known || status=$?
    [ $status = 1 ] && grep -q '^403 ' "$WORK/answer.log" || return 1
    CASE=$(grep -om1 "$CASE_PATTERN" "$WORK/answer.log")
}
attempts=0
# try_page MANNER [QUERY]
try_page() {
    attempts=$((attempts + 1))
    rm -f "$WORK/www/"*
    check "$*: a clean file is stored as it is" stored_by_page "$1" "${2:-}"
    check "$*: the user is shown the refusal of a known one" refused_on_page "$1" "${2:-}"
    check "$*: nothing of it is stored" no_file known
    check "$*: it is on record" wait_for 5 incident_known "$CASE"
    check "$*: tried once" incident_count $attempts
}
for manner in form fetch-form fetch-put xhr-form xhr-put; do
    try_page $manner
    case $manner in
        *-form) check "$manner: what was beside it is stored" cmp "$WORK/beside" \
            "$WORK/www/beside" ;;
    esac
done
for manner in fetch-form xhr-put; do try_page $manner "?to=$URL6"; done
try_page fetch-put "?to=$URL6&with=include"
