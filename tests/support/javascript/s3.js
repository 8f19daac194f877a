// An upload by one of the JavaScript clients: `node s3.js CLIENT FILE BUCKET KEY`.
//
//   minio-file, minio-buffer, minio-stream    minio-js: fPutObject, putObject of a buffer, of a stream
//   aws-buffer                                 aws-sdk-js: PutObject of a buffer
//   aws-stream                                 of a stream: unsigned chunks, a checksum behind
//   aws-upload                                 its lib-storage: parts of 5 MiB, 4 at once
//   minio-folder, aws-folder                   every file in FILE, one after the other by one client,
//                                              KEY before their names
//
// S3_HOST says where; NODE_PATH where the packages are. Prints the error as the client shows it.
"use strict";
const fs = require("fs");

const [client, file, bucket, key] = process.argv.slice(2);
const host = process.env.S3_HOST;
const [accessKey, secretKey] = [process.env.AWS_ACCESS_KEY_ID, process.env.AWS_SECRET_ACCESS_KEY];

function minio() {
    const { Client } = require("minio");
    return new Client({ endPoint: host, port: 80, useSSL: false, accessKey, secretKey,
                        region: "us-east-1", pathStyle: true, partSize: 5 << 20 });
}

function aws() {
    const { S3Client } = require("@aws-sdk/client-s3");
    return new S3Client({ endpoint: `http://${host}`, region: "us-east-1", forcePathStyle: true,
                          credentials: { accessKeyId: accessKey, secretAccessKey: secretKey } });
}

// Goes on behind what is refused, as a program that syncs a folder does.
async function folder(put) {
    const refused = [];
    for (const name of fs.readdirSync(file).sort()) {
        await put(key + name, fs.readFileSync(`${file}/${name}`)).catch(
            (error) => refused.push(`${name}: ${error.message}`));
    }
    if (refused.length > 0) throw new Error(refused.join(", "));
}

const uploads = {
    "minio-folder": () => {
        const client = minio();
        return folder((to, content) => client.putObject(bucket, to, content));
    },
    "aws-folder": () => {
        const { PutObjectCommand } = require("@aws-sdk/client-s3");
        const client = aws();
        return folder((to, content) =>
            client.send(new PutObjectCommand({ Bucket: bucket, Key: to, Body: content })));
    },
    "minio-file": () => minio().fPutObject(bucket, key, file),
    "minio-buffer": () => minio().putObject(bucket, key, fs.readFileSync(file)),
    "minio-stream": async () => {
        const stream = fs.createReadStream(file);
        // An empty one it would send in one piece.
        await new Promise((resolve) => stream.once("readable", resolve));
        return minio().putObject(bucket, key, stream);
    },
    "aws-buffer": () => {
        const { PutObjectCommand } = require("@aws-sdk/client-s3");
        return aws().send(new PutObjectCommand({ Bucket: bucket, Key: key,
                                                 Body: fs.readFileSync(file) }));
    },
    "aws-stream": () => {
        const { PutObjectCommand } = require("@aws-sdk/client-s3");
        return aws().send(new PutObjectCommand({ Bucket: bucket, Key: key,
                                                 ContentLength: fs.statSync(file).size,
                                                 Body: fs.createReadStream(file) }));
    },
    "aws-upload": () => {
        const { Upload } = require("@aws-sdk/lib-storage");
        return new Upload({ client: aws(), queueSize: 4, partSize: 5 << 20,
                            params: { Bucket: bucket, Key: key,
                                      Body: fs.readFileSync(file) } }).done();
    },
};

uploads[client]().then(
    () => console.log("stored"),
    (error) => {
        console.log(`${error.name} ${error.code}: ${error.message}`);
        process.exit(1);
    });
