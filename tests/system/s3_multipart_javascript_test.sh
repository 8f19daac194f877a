#!/bin/bash
# As s3_multipart_test.sh, with the clients of JavaScript.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_s3.sh"
need_javascript minio @aws-sdk/lib-storage
KNOWN_SIZE=18874368
cordon_up s3

try_s3_clients parts-javascript
