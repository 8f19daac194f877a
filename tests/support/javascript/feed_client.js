// A feed, followed and fetched by a TUF client that is not ours: `node feed_client.js URL ROOT DIR`.
//
// Trust begins with the file ROOT and is kept in DIR from call to call. Prints the version of every
// role and the name and length of every target that was downloaded, delegations included.
"use strict";
const fs = require("fs");
const path = require("path");
const { Updater } = require("tuf-js");

const [url, root, directory] = process.argv.slice(2);
const metadataDir = path.join(directory, "metadata");
const targetDir = path.join(directory, "targets");

async function main() {
    fs.mkdirSync(metadataDir, { recursive: true });
    fs.mkdirSync(targetDir, { recursive: true });
    const trusted = path.join(metadataDir, "root.json");
    if (!fs.existsSync(trusted)) fs.copyFileSync(root, trusted);
    const updater = new Updater({ metadataDir, targetDir, metadataBaseUrl: url + "/metadata",
                                  targetBaseUrl: url + "/targets",
                                  config: { fetchRetries: 0, fetchTimeout: 5000 } });
    await updater.refresh();
    // Whatever releases lists is asked for by its name, as a client does that knows the name only.
    await updater.getTargetInfo("full/1.rec");
    const releases = JSON.parse(fs.readFileSync(path.join(metadataDir, "releases.json")));
    for (const name of Object.keys(releases.signed.targets).sort()) {
        const info = await updater.getTargetInfo(name);
        const file = await updater.downloadTarget(info, path.join(targetDir, encodeURIComponent(name)));
        console.log(name, fs.statSync(file).size, info.custom.generation);
    }
    await updater.getTargetInfo("revocations/none");
    for (const role of ["root", "timestamp", "snapshot", "targets", "releases", "revocations"]) {
        const document = JSON.parse(fs.readFileSync(path.join(metadataDir, role + ".json")));
        console.log(role, document.signed.version);
    }
}

main().catch((error) => {
    console.log("refused:", error.constructor.name, error.message);
    process.exit(1);
});
