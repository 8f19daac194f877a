#!/bin/bash
# A folder with one known file in it, by clients that go on behind a refusal, and the object gateway
# of Ceph: the others are stored, on connections that are used again.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_rgw.sh"
need rclone /usr/bin/aws
cordon_up rgw

try_s3_clients rclone folder
