#!/bin/bash
# As s3_multipart_test.sh, with small parts of rclone, several at once, and s3cmd, one after another.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_s3.sh"
need s3cmd rclone
KNOWN_SIZE=18874368
cordon_up s3

try_s3 rclone-parts 3 # its own --retries
check "it came in parts" in_parts rclone-parts-known 4
try_s3 s3cmd-parts 1
check "it came in parts" in_parts s3cmd-parts-known 4
