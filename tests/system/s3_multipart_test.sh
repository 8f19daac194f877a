#!/bin/bash
# Uploads in parts of S3, four at once and in any order: a clean file is stored byte for byte, a
# known one is refused when it is to be put together, and never becomes an object.
. "$(dirname "$0")/_cordon.sh"
. "$(dirname "$0")/_s3.sh"
need /usr/bin/aws
KNOWN_SIZE=18874368
cordon_up s3

try_s3 boto3-upload 1
check "it came in parts" in_parts boto3-upload-known 4
try_s3 awscli 1
check "it came in parts" in_parts awscli-known 3
