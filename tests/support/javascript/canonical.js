// Every JSON value a line of stdin, in the canonical form of the TUF project's own library.
"use strict";
const { canonicalize } = require("@tufjs/canonical-json");

for (const line of require("fs").readFileSync(0, "utf8").split("\n")) {
    if (line !== "") process.stdout.write(canonicalize(JSON.parse(line)) + "\0");
}
