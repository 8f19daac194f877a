// A tus server in wide use: tus_server.js ADDRESS PORT DIRECTORY. Uploads are at /files/, and a
// complete one is published in DIRECTORY under the file name of its metadata.
const fs = require('fs');
const path = require('path');
const {Server} = require('@tus/server');
const {FileStore} = require('@tus/file-store');

const [address, port, directory] = process.argv.slice(2);
const uploads = fs.mkdtempSync(path.join(directory, '..', 'tus-'));
const server = new Server({
    path: '/files',
    datastore: new FileStore({directory: uploads}),
    relativeLocation: true,
    async onUploadFinish(request, response, upload) {
        if (upload.metadata && upload.metadata.filename) {
            fs.copyFileSync(path.join(uploads, upload.id),
                            path.join(directory, path.basename(upload.metadata.filename)));
        }
        return response;
    },
});
server.listen({host: address, port: Number(port)}, () => console.log('ready'));
