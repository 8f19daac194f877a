#!/bin/bash
# S3 clients and a real S3 server: what they upload is stored as it is, a known file is refused in
# words that they show, and they give up.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_s3.sh"
need s3cmd rclone /usr/bin/aws
cordon_up s3

try_s3 s3cmd 1
try_s3 awscli 1
try_s3 boto3-put 1
try_s3 boto3-upload 1
try_s3 rclone 3 # its own --retries
check "the storage holds the clean ones only" \
    [ "$(swift_api "$BUCKET" | sort | tr '\n' ' ')" = \
    "awscli-clean boto3-put-clean boto3-upload-clean rclone-clean s3cmd-clean " ]
