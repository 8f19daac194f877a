#!/bin/bash
# A known file by ranges and sessions (Google, WebDAV, tus, container registries) and in chunk
# folders is refused with the request that completes it or makes it visible.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_pieces.sh"
cordon_up pieces

try_pieces google
try_pieces google-unknown
try_pieces dav-range
try_pieces registry
try_pieces tus --connections 2
try_pieces nextcloud
try_pieces nextcloud --order shuffled --connections 4
try_pieces owncloud --order backward
