#!/bin/bash
# As s3_multipart_javascript_test.sh, with the object gateway of Ceph.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_rgw.sh"
need_javascript minio @aws-sdk/lib-storage
KNOWN_SIZE=18874368
cordon_up rgw

try_s3_clients parts-javascript
