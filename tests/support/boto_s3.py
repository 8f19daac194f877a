#!/usr/bin/python3
"""An upload by boto3: boto_s3.py MANNER FILE BUCKET KEY [THREADS]

put: PutObject; upload: its transfer manager, parts of 5 MiB; folder: PutObject of every file in
FILE, one after the other on one connection, KEY before their names; form: the form of a page, by
POST, with the policy that boto3 signs for it; copy: KEY-source by PutObject, and then a copy of it
by the transfer manager, in parts; halves: two objects with a half of FILE in each by PutObject, and
an object of the two halves, copied by UploadPartCopy. S3_HOST says where.
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


def copy():
    put(FILE, KEY + "-source")
    client.copy({"Bucket": BUCKET, "Key": KEY + "-source"}, BUCKET, KEY,
                Config=boto3.s3.transfer.TransferConfig(
                    multipart_threshold=PART, multipart_chunksize=PART))


def halves():
    with open(FILE, "rb") as file:
        content = file.read()
    half = len(content) // 2
    padding = bytes(1 << 20)
    client.put_object(Bucket=BUCKET, Key=KEY + "-half 1", Body=content[:half] + padding)
    client.put_object(Bucket=BUCKET, Key=KEY + "-half 2", Body=padding + content[half:])
    upload = client.create_multipart_upload(Bucket=BUCKET, Key=KEY)["UploadId"]
    parts = []
    for number, begin in ((1, 0), (2, len(padding))):
        result = client.upload_part_copy(
            Bucket=BUCKET, Key=KEY, UploadId=upload, PartNumber=number,
            CopySource={"Bucket": BUCKET, "Key": f"{KEY}-half {number}"},
            CopySourceRange=f"bytes={begin}-{begin + half - 1}")
        parts.append({"PartNumber": number, "ETag": result["CopyPartResult"]["ETag"]})
    client.complete_multipart_upload(Bucket=BUCKET, Key=KEY, UploadId=upload,
                                     MultipartUpload={"Parts": parts})


try:
    {"put": lambda: put(FILE, KEY), "upload": upload, "folder": folder, "form": form, "copy": copy,
     "halves": halves}[MANNER]()
except (botocore.exceptions.ClientError, boto3.exceptions.S3UploadFailedError) as error:
    sys.exit(f"{type(error).__name__}: {error}")
print("stored")
