#!/bin/bash
# 18 MB in parts to a real S3 server: four at once, in any order. A clean file is stored as it is; a
# known one is refused when its parts are to become an object, and there is none.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_s3.sh"
need s3cmd
KNOWN_SIZE=18874368
cordon_up s3

try_s3_clients parts
check "as one object" eval 'incidents | grep -qE "\"form\": *\"assembled\""'
