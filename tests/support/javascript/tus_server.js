// The tus server of the protocol's authors: tus_server.js ADDRESS PORT DIRECTORY. Uploads are at
// /files/, and a complete one is published in DIRECTORY under the file name of its metadata.
//
// Two things it does not do are done before it. Its stores do not join partial uploads (`Upload-
// Concat: final`). And a PATCH with `X-Cut: BYTES` loses its connection after that many, once for
// each upload.
"use strict";
const fs = require("fs");
const http = require("http");
const path = require("path");
const {Server} = require("@tus/server");
const {FileStore} = require("@tus/file-store");

const [address, port, directory] = process.argv.slice(2);
const uploads = fs.mkdtempSync(path.join(directory, "..", "tus-"));

class JoiningStore extends FileStore {
    hasExtension(name) {
        return name === "concatentation" || super.hasExtension(name);  // as its caller spells it
    }
}

function publish(id, name) {
    if (name) fs.copyFileSync(path.join(uploads, id), path.join(directory, path.basename(name)));
}

const server = new Server({
    path: "/files",
    datastore: new JoiningStore({directory: uploads}),
    relativeLocation: true,
    async onUploadFinish(request, response, upload) {
        publish(upload.id, upload.metadata && upload.metadata.filename);
        return response;
    },
});

function join(request, response) {
    const id = `joined-${Date.now()}-${Math.random()}`;
    const parts = request.headers["upload-concat"].slice("final;".length).trim().split(/ +/);
    for (const part of parts)
        fs.appendFileSync(path.join(uploads, id), fs.readFileSync(path.join(uploads,
                                                                            path.basename(part))));
    const words = (request.headers["upload-metadata"] || "").split(",").map((one) => one.split(" "));
    const coded = Object.fromEntries(words).filename;
    publish(id, coded && Buffer.from(coded, "base64").toString());
    response.writeHead(201, {"Location": `/files/${id}`, "Tus-Resumable": "1.0.0"});
    response.end();
}

const was_cut = new Set();
function cut_once(request) {
    const bytes = Number(request.headers["x-cut"]);
    if (request.method !== "PATCH" || !bytes || was_cut.has(request.url)) return;
    was_cut.add(request.url);
    let taken = 0;
    request.on("data", (data) => {
        taken += data.length;
        if (taken >= bytes) request.socket.resetAndDestroy();
    });
}

http.createServer((request, response) => {
    cut_once(request);
    console.log(`${request.method} ${request.url}`);
    if ((request.headers["upload-concat"] || "").startsWith("final;")) join(request, response);
    else server.handle(request, response);
}).listen(Number(port), address, () => console.log("ready"));
