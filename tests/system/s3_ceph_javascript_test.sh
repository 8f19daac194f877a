#!/bin/bash
# As s3_javascript_test.sh, with the object gateway of Ceph; and a folder with one known file in it.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_rgw.sh"
need_javascript minio @aws-sdk/lib-storage
cordon_up rgw

try_s3_clients javascript folder-javascript
