#!/bin/bash
# As s3_multipart_test.sh, with the tools of the command line, several parts at once.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_s3.sh"
need rclone /usr/bin/aws
KNOWN_SIZE=18874368
cordon_up s3

try_s3_clients parts-tools
