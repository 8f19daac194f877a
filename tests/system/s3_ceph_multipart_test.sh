#!/bin/bash
# As s3_multipart_test.sh, with the object gateway of Ceph.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_rgw.sh"
need s3cmd
KNOWN_SIZE=18874368
cordon_up rgw

try_s3_clients parts
