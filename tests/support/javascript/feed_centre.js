// A Centre whose documents are not ours: `node feed_centre.js KEEP SEALED SERVED ACTION…`.
//
// Every document of the feed in SERVED is built and signed by the TUF project's own models, with
// Ed25519 keys of Node; only the targets (sealed records) are those that cordon-feed made in SEALED.
// KEEP remembers keys and versions from call to call. Actions, in their order:
//
//   init               keys of all roles, the first root; grants are signed by SEALED's key
//   generation N       what SEALED lists up to N is listed
//   suspend REFERENCE  for a day
//   rotate-root        all root keys are others; the old and the new ones sign
//   rotate-online      new keys of snapshot and timestamp, in a new root
//   steal-root         the next root, signed by its new keys only
//   publish            new versions of all that is below root
//   publish-bad HOW    the same, but: one-curator (a threshold is not met), on-call (the delegate of
//                      revocations signs releases), top-level (holders of targets do), other-paths
//                      (a delegation of more than its own), altered (a signed document is changed),
//                      no-consistent-names (targets lie under their plain names)
"use strict";
const crypto = require("crypto");
const fs = require("fs");
const path = require("path");
const { canonicalize } = require("@tufjs/canonical-json");
const tuf = require("@tufjs/models");

const [keepFile, sealed, served, ...actions] = process.argv.slice(2);
const specVersion = "1.0.31";
const hour = 3600, day = 24 * hour;

// How many keys each role has, and how many of them must sign.
const holders = { root: [5, 3], targets: [3, 2], releases: [3, 2], revocations: [2, 1],
                  snapshot: [1, 1], timestamp: [1, 1] };
const topLevel = ["root", "targets", "snapshot", "timestamp"];
const pathsOf = { releases: ["full/*", "delta/*"], revocations: ["revocations/*"] };

let keep = fs.existsSync(keepFile) ? JSON.parse(fs.readFileSync(keepFile)) : null;

function time(later) {
    return new Date(Date.now() + later * 1000).toISOString().replace(/\.\d+Z/, "Z");
}
function sha256(bytes) {
    return crypto.createHash("sha256").update(bytes).digest("hex");
}

// --- keys ---------------------------------------------------------------------------------------

function newKeys(role) {
    return Array.from({ length: holders[role][0] }, () =>
        crypto.generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }));
}
function keyOf(pem) {
    const publicKey = crypto.createPublicKey(crypto.createPrivateKey(pem));
    const raw = publicKey.export({ type: "spki", format: "der" }).subarray(-32).toString("hex");
    const json = { keytype: "ed25519", scheme: "ed25519", keyval: { public: raw } };
    return tuf.Key.fromJSON(sha256(canonicalize(json)), json);
}
function signerOf(pem) {
    return (data) => new tuf.Signature({
        keyID: keyOf(pem).keyID, sig: crypto.sign(null, data, pem).toString("hex") });
}
function signed(document, pems) {
    const metadata = new tuf.Metadata(document);
    for (const pem of pems) metadata.sign(signerOf(pem), true);
    return metadata;
}
// As many of the role's holders as must sign; not always the first ones.
function enough(role) {
    return keep.keys[role].slice(-holders[role][1]);
}

// --- documents ----------------------------------------------------------------------------------

function next(role) {
    return keep.versions[role] = (keep.versions[role] || 0) + 1;
}
// Laid out for people: the signed form is canonical, a file need not be.
function write(name, metadata) {
    const text = JSON.stringify(metadata.toJSON(), null, 1) + "\n";
    const file = path.join(served, "metadata", name);
    fs.mkdirSync(path.dirname(file), { recursive: true });
    fs.writeFileSync(file + ".new", text);
    fs.renameSync(file + ".new", file);
    return new tuf.MetaFile({ version: metadata.signed.version, length: Buffer.byteLength(text),
                              hashes: { sha256: sha256(text) } });
}

// The models build roles and delegations from JSON only; this is that of their members.
function commonOf(type, role, later) {
    return { _type: type, spec_version: specVersion, version: next(role), expires: time(later) };
}
function roleOf(role) {
    return { keyids: keep.keys[role].map((pem) => keyOf(pem).keyID), threshold: holders[role][1] };
}
function keysOf(roles) {
    const pems = roles.flatMap((role) => keep.keys[role]);
    return Object.fromEntries(pems.map((pem) => [keyOf(pem).keyID, keyOf(pem).toJSON()]));
}

function writeNumbered(role, document, signers) {
    return write(document.version + "." + role + ".json", signed(document, signers));
}

function publishRoot(signers) {
    const root = tuf.Root.fromJSON({
        ...commonOf("root", "root", 365 * day), consistent_snapshot: true, keys: keysOf(topLevel),
        roles: Object.fromEntries(topLevel.map((role) => [role, roleOf(role)])),
        feed: keep.feed, lab: true });
    writeNumbered("root", root, signers);
}

// SEALED's own targets say who signs grants and what the curators may do.
function sealedDocument(role) {
    const folder = path.join(sealed, "metadata");
    const newest = fs.readdirSync(folder).filter((name) => name.endsWith("." + role + ".json"))
        .sort((a, b) => parseInt(b) - parseInt(a))[0];
    return JSON.parse(fs.readFileSync(path.join(folder, newest))).signed;
}

function targetsDocument(bad) {
    const ours = sealedDocument("targets");
    const keys = keysOf(["releases", "revocations"]);
    for (const id of ours.grants.keyids) keys[id] = ours.delegations.keys[id];
    const roles = ["releases", "revocations"].map((name) => ({
        name, terminating: true, ...roleOf(name),
        paths: bad === "other-paths" && name === "revocations" ? ["*"] : pathsOf[name] }));
    return tuf.Targets.fromJSON({ ...commonOf("targets", "targets", 90 * day), targets: {},
                                  delegations: { keys, roles }, caps: ours.caps,
                                  grants: ours.grants });
}

function releasesDocument(bad) {
    const listed = {};
    for (const [name, target] of Object.entries(sealedDocument("releases").targets)) {
        if (target.custom.generation > keep.generation) continue;
        listed[name] = target;
        const hashed = path.join(path.dirname(name),
                                 target.hashes.sha256 + "." + path.basename(name));
        const to = bad === "no-consistent-names" ? name : hashed;
        fs.mkdirSync(path.join(served, "targets", path.dirname(name)), { recursive: true });
        fs.rmSync(path.join(served, "targets", hashed), { force: true });
        fs.copyFileSync(path.join(sealed, "targets", hashed), path.join(served, "targets", to));
    }
    return tuf.Targets.fromJSON({ ...commonOf("targets", "releases", 7 * day), targets: listed });
}

function revocationsDocument() {
    return tuf.Targets.fromJSON({ ...commonOf("targets", "revocations", day), targets: {},
                                  suspensions: keep.suspensions });
}

function publish(bad) {
    const meta = {};
    meta["targets.json"] = writeNumbered("targets", targetsDocument(bad), enough("targets"));
    const curators = bad === "one-curator" ? enough("releases").slice(0, 1)
        : bad === "on-call" ? keep.keys.revocations
        : bad === "top-level" ? enough("targets") : enough("releases");
    const releases = signed(releasesDocument(bad), curators);
    if (bad === "altered") releases.signed.unrecognizedFields.note = "added afterwards";
    meta["releases.json"] = write(releases.signed.version + ".releases.json", releases);
    meta["revocations.json"] = writeNumbered("revocations", revocationsDocument(),
                                             enough("revocations"));

    const snapshot = new tuf.Snapshot({ version: next("snapshot"), specVersion, expires: time(day),
                                        meta });
    const snapshotMeta = writeNumbered("snapshot", snapshot, enough("snapshot"));
    const timestamp = new tuf.Timestamp({ version: next("timestamp"), specVersion,
                                          expires: time(hour), snapshotMeta,
                                          unrecognizedFields: { issued: time(0) } });
    write("timestamp.json", signed(timestamp, enough("timestamp")));
}

// --- actions ------------------------------------------------------------------------------------

const run = {
    init() {
        keep = { keys: {}, versions: {}, generation: 0, suspensions: [],
                 feed: sealedDocument("root").feed };
        for (const role of Object.keys(holders)) keep.keys[role] = newKeys(role);
        publishRoot(enough("root"));
    },
    generation(number) { keep.generation = parseInt(number); },
    suspend(reference) {
        keep.suspensions.push({ what: "reference", value: parseInt(reference), since: time(0),
                                until: time(day), reason: "a complaint" });
    },
    "rotate-root"() {
        const old = enough("root");
        keep.keys.root = newKeys("root");
        publishRoot([...old, ...enough("root")]);
    },
    "rotate-online"() {
        for (const role of ["snapshot", "timestamp"]) keep.keys[role] = newKeys(role);
        publishRoot(enough("root"));
    },
    "steal-root"() {
        const { keys, versions } = structuredClone(keep);
        keep.keys.root = newKeys("root");
        publishRoot(keep.keys.root);
        Object.assign(keep, { keys, versions });
    },
    publish() { publish(""); },
    "publish-bad"(how) { publish(how); },
};

while (actions.length > 0) {
    const action = run[actions.shift()];
    action(...actions.splice(0, action.length));
}
fs.writeFileSync(keepFile, JSON.stringify(keep));
