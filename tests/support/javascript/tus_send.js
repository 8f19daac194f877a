// Uploads a file with the tus client in wide use: tus_send.js URL FILE NAME [KEY=VALUE…], with
// chunk (bytes) and creation (1: the first bytes come with the creation). Exits 0 when it is
// stored, 3 when it was refused with 403, 1 else; prints the text of a refusal.
const fs = require('fs');
const tus = require('tus-js-client');

const [url, file, name, ...options] = process.argv.slice(2);
const wanted = Object.fromEntries(options.map((option) => option.split('=')));
const chunk = Number(wanted.chunk || 100000);

new tus.Upload(fs.readFileSync(file), {
    endpoint: url,
    chunkSize: chunk,
    uploadDataDuringCreation: wanted.creation === '1',
    retryDelays: null,
    metadata: {filename: name},
    onError(error) {
        const answer = error.originalResponse;
        console.log(answer ? `${answer.getStatus()}\n${answer.getBody()}` : String(error));
        process.exit(answer && answer.getStatus() === 403 ? 3 : 1);
    },
    onSuccess() {
        console.log('stored');
        process.exit(0);
    },
}).start();
