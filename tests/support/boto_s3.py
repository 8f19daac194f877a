#!/usr/bin/python3
"""An upload by boto3: boto_s3.py put|upload FILE BUCKET KEY [THREADS]

put: PutObject; upload: its transfer manager, parts of 5 MiB. S3_HOST says where.
"""
import os
import sys

import boto3
import boto3.s3.transfer
import botocore.config
import botocore.exceptions

MANNER, FILE, BUCKET, KEY = sys.argv[1:5]
PART = 5 << 20

client = boto3.client("s3", endpoint_url="http://" + os.environ["S3_HOST"],
                      region_name="us-east-1",
                      config=botocore.config.Config(s3={"addressing_style": "path"}))
try:
    if MANNER == "put":
        with open(FILE, "rb") as file:
            client.put_object(Bucket=BUCKET, Key=KEY, Body=file)
    else:
        threads = int(sys.argv[5]) if len(sys.argv) > 5 else 4
        client.upload_file(FILE, BUCKET, KEY, Config=boto3.s3.transfer.TransferConfig(
            multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=threads))
except (botocore.exceptions.ClientError, boto3.exceptions.S3UploadFailedError) as error:
    sys.exit(f"{type(error).__name__}: {error}")
print("stored")
