// Uploads a file with the tus client in wide use: tus_send.js URL FILE NAME [KEY=VALUE…].
//
//   chunk=BYTES     of each PATCH; without it one PATCH has all
//   creation=1      the first bytes come with the creation
//   parallel=N      N partial uploads at once, joined by a final one
//   pause=BYTES     stops there, and goes on with what the server says it has
//   close=BYTES     the connection is closed there, once; reset=BYTES: it is reset
//   cut=BYTES       asks tus_server.js to cut the connection there
//   upload=URL      goes on with that upload
//   retries=N       on errors that the client takes for passing ones (4, after 0, 1, 3 and 5 s)
//
// Exits 0 when it is stored, 3 when it was refused with 403, 1 else. Prints the requests, the place
// of the upload, and the text of a refusal.
"use strict";
const fs = require("fs");
const http = require("http");
const tus = require("tus-js-client");

const [url, file, name, ...options] = process.argv.slice(2);
const wanted = Object.fromEntries(options.map((option) => option.split(/=(.*)/s)));
const delays = [0, 1000, 3000, 5000].slice(0, Number(wanted.retries || 4));
let has_paused = false;

// Its first connection ends after so many bytes of a request.
let is_cut = false;
class LosingAgent extends http.Agent {
    createConnection(options, done) {
        const socket = super.createConnection(options, done);
        const write = socket.write.bind(socket);
        let left = Number(wanted.close || wanted.reset);
        const lose = () => (wanted.reset ? socket.resetAndDestroy() : socket.destroy());
        socket.write = (data, ...more) => {
            left -= data.length;
            if (is_cut || left > 0) return write(data, ...more);
            is_cut = true;
            return write(data.slice(0, left), lose);
        };
        return socket;
    }
}

const upload = new tus.Upload(fs.createReadStream(file), {
    endpoint: url,
    uploadUrl: wanted.upload || null,
    chunkSize: Number(wanted.chunk || Infinity),
    uploadDataDuringCreation: wanted.creation === "1",
    parallelUploads: Number(wanted.parallel || 1),
    headers: wanted.cut ? {"X-Cut": wanted.cut} : {},
    httpStack: new tus.DefaultHttpStack(
        wanted.close || wanted.reset ? {agent: new LosingAgent({keepAlive: true})} : {}),
    retryDelays: delays,
    metadata: {filename: name},
    onAfterResponse(request, response) {
        console.log(`${request.getMethod()} ${response.getStatus()}`);
    },
    async onProgress(bytes) {
        if (!wanted.pause || has_paused || bytes < Number(wanted.pause)) return;
        has_paused = true;
        await upload.abort();
        console.log("paused");
        setTimeout(() => upload.start(), 200);
    },
    onError(error) {
        const answer = error.originalResponse;
        console.log(upload.url);
        console.log(answer ? `${answer.getStatus()}\n${answer.getBody()}` : String(error));
        process.exit(answer && answer.getStatus() === 403 ? 3 : 1);
    },
    onSuccess() {
        console.log(`stored ${upload.url}`);
        process.exit(0);
    },
});
upload.start();
