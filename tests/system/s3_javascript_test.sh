#!/bin/bash
# The S3 clients of JavaScript and a real S3 server: as s3_clients_test.sh.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_s3.sh"
need_javascript minio @aws-sdk/lib-storage
cordon_up s3

try_s3_clients javascript
