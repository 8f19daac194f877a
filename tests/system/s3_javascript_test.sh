#!/bin/bash
# The S3 clients of JavaScript and a real S3 server: as s3_clients_test.sh.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_s3.sh"
need_javascript minio @aws-sdk/lib-storage
cordon_up s3

try_s3 minio-file 1
try_s3 minio-buffer 1
try_s3 aws-buffer 1
try_s3 aws-upload 1
check "the storage holds the clean ones only" \
    [ "$(swift_api "$BUCKET" | sort | tr '\n' ' ')" = \
    "aws-buffer-clean aws-upload-clean minio-buffer-clean minio-file-clean " ]
