#!/bin/bash
# A file whose chunks nobody saw becomes visible: policy would refuse it, but where it is it can be
# judged. The request is held until that is on record, and what is listed is deleted.
SERVICE_LINES='on_midstream = "refuse"'
. "$(dirname "$0")/_verifier.sh"
VERIFY="api = 'webdav', endpoint = 'http://$STO_IP4', credentials = '\$WORK/dav.credentials'"
cordon_up

# The storage has joined the chunks: nginx only moves what is there.
joined() {
    local folder="$WORK/www/remote.php/dav/uploads/user/$1"
    mkdir -p "$folder" && cp "$2" "$folder/.file" && chmod -R a+rwX "$WORK/www/remote.php"
}
# move_chunks ID TARGET
move_chunks() {
    in_cli curl -sS -m 20 -o "$WORK/answer.log" -w '%{http_code}' -X MOVE \
        -H "Destination: $URL4$2" "$URL4/remote.php/dav/uploads/user/$1/.file"
}
moved() { case $(move_chunks "$@") in 201 | 204) ;; *) return 1 ;; esac; }

joined one "$WORK/known"
joined two "$WORK/clean"
check "a commit of chunks that nobody saw passes" moved one '/found%20here'
check "… and is to be verified" counted verify_requested
check "under the name that it got" wait_for 5 came_to "$URL4/found%20here" waiting
check "another one as well" moved two /clean-two
start_verifier
check "the known one is found and deleted" comes_to "$URL4/found%20here" deleted
check "nothing of it is left" [ ! -e "$WORK/www/found here" ]
check "one incident" incident_count 1
check "the other one is clean" comes_to "$URL4/clean-two" clean
check "… and stays" cmp "$WORK/clean" "$WORK/www/clean-two"
