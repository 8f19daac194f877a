#!/usr/bin/python3
"""An upload by boto3: boto_s3.py MANNER FILE BUCKET KEY [THREADS]

put: PutObject; upload: its transfer manager, parts of 5 MiB; folder: PutObject of every file in
FILE, one after the other on one connection, KEY before their names; form: the form of a page, by
POST, with the policy that boto3 signs for it. S3_HOST says where.
"""
import os
import sys
import urllib.parse

import boto3
import boto3.s3.transfer
import botocore.config
import botocore.exceptions

MANNER, FILE, BUCKET, KEY = sys.argv[1:5]
PART = 5 << 20

client = boto3.client("s3", endpoint_url="http://" + os.environ["S3_HOST"],
                      region_name="us-east-1",
                      config=botocore.config.Config(s3={"addressing_style": "path"}))


def put(path, key):
    with open(path, "rb") as file:
        client.put_object(Bucket=BUCKET, Key=key, Body=file)


def upload():
    threads = int(sys.argv[5]) if len(sys.argv) > 5 else 4
    client.upload_file(FILE, BUCKET, KEY, Config=boto3.s3.transfer.TransferConfig(
        multipart_threshold=PART, multipart_chunksize=PART, max_concurrency=threads))


def folder():
    refused = []
    for name in sorted(os.listdir(FILE)):
        try:
            put(os.path.join(FILE, name), KEY + name)
        except botocore.exceptions.ClientError as error:
            refused.append(f"{name}: {error}")
    if refused:
        sys.exit("\n".join(refused))


def form():
    import requests
    post = client.generate_presigned_post(BUCKET, KEY)
    with open(FILE, "rb") as file:
        answer = requests.post(urllib.parse.urljoin(client.meta.endpoint_url, BUCKET),
                               data=post["fields"], files={"file": file}, timeout=15)
    if not answer.ok:
        sys.exit(f"{answer.status_code} {answer.reason}: {answer.text}")


try:
    {"put": lambda: put(FILE, KEY), "upload": upload, "folder": folder, "form": form}[MANNER]()
except (botocore.exceptions.ClientError, boto3.exceptions.S3UploadFailedError) as error:
    sys.exit(f"{type(error).__name__}: {error}")
print("stored")
