#!/bin/bash
# As s3_clients_test.sh, with the object gateway of Ceph; also a client that waits for
# 100 Continue, and the form of a page by POST.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_rgw.sh"
need s3cmd /usr/bin/aws
cordon_up rgw

try_s3_clients tools python other
