#!/bin/bash
# S3 clients and a real S3 server: what they upload is stored as it is, a known file is refused in
# words that they show, and they give up.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_s3.sh"
need s3cmd rclone /usr/bin/aws
cordon_up s3

try_s3_clients tools python rclone
