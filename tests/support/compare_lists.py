#!/usr/bin/env python3
"""Lists of commits, read by the appliance and by the readers that storages use.

compare_lists.py COMMIT-ENTRIES SEED COUNT

Generates lists (S3 and Azure XML, Swift and Google JSON), well formed in many spellings and then
mutated. What the appliance takes for a list must be the same list to the other reader, entry by
entry, or none (the storage refuses it); what is well formed it must take. Prints the first
difference and exits 1.
"""

import json
import random
import struct
import subprocess
import sys
import urllib.parse
import xml.etree.ElementTree as ElementTree

LINES = {
    "s3": "POST /bkt/k?uploadId=u",
    "azure": "PUT /con/blob?comp=blocklist",
    "slo": "PUT /v1/AUTH_t/con/big?multipart-manifest=put",
    "gcs": "POST /storage/v1/b/bkt/o/big/compose",
}


class Lists:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def blank(self):
        return self.random.choice(["", "", "", " ", "\n", "\r\n  ", "\t"])

    def text(self, value):
        """A value as XML writes it."""
        out = ""
        for char in value:
            form = self.random.randrange(12)
            out += {0: f"&#{ord(char)};", 1: f"&#x{ord(char):x};"}.get(form, char)
        return f"<![CDATA[{value}]]>" if self.random.randrange(8) == 0 else out

    def element(self, name, inside, prefix=""):
        attribute = self.random.choice(["", "", ' a="1>2"', " b = '/'"])
        return f"<{prefix}{name}{attribute}{self.blank()}>{inside}</{prefix}{name}{self.blank()}>"

    def document(self, root, inside):
        first = self.random.choice(
            ["", '<?xml version="1.0" encoding="UTF-8"?>', "<?xml version='1.0'?>\n", "<!-- c -->"])
        return first + self.element(root, inside) + self.random.choice(["", "\n", "<!-- x -->"])

    def s3(self):
        numbers = sorted(self.random.sample(range(1, 10001), self.random.randrange(1, 6)))
        inside = self.blank()
        for number in numbers:
            fields = [self.element("PartNumber", self.blank() + self.text(str(number))),
                      self.element("ETag", self.text("\"a-b\""))]
            self.random.shuffle(fields)
            inside += self.element("Part", self.blank().join(fields)) + self.blank()
        return self.document("CompleteMultipartUpload", inside).encode()

    def azure(self):
        inside = ""
        for _ in range(self.random.randrange(1, 6)):
            kind = self.random.choice(["Committed", "Uncommitted", "Latest"])
            inside += self.element(kind, self.text(self.random.choice(["AAAA", "AB==", "x/+z"])))
            inside += self.blank()
        return self.document("BlockList", inside).encode()

    def json(self, value):
        """A value in some spelling of JSON."""
        return json.dumps(value, ensure_ascii=self.random.random() < 0.5,
                          indent=self.random.choice([None, 1]),
                          separators=self.random.choice([None, (",", ":"), (" , ", " : ")]))

    def slo(self):
        items = []
        for _ in range(self.random.randrange(1, 5)):
            item = {"path": self.random.choice(["/seg/a b", "seg/ä😀", "/seg//x", "/seg/100%25"])}
            if self.random.random() < 0.5:
                item["range"] = self.random.choice(["1-5", "7-", "-9", None])
            if self.random.random() < 0.5:
                item["size_bytes"] = self.random.choice([1, 1.5e3, -2, None])
            if self.random.random() < 0.1:
                item = {"data": "QUFB"}
            items.append(item)
        return self.json(items).encode()

    def gcs(self):
        names = [self.random.choice(["a", "dir/b c", "ä", "q\"\\"])
                 for _ in range(self.random.randrange(1, 5))]
        document = {"kind": "storage#composeRequest", "destination": {"name": ["x", {}]},
                    "sourceObjects": [{"name": name, "generation": "12"} for name in names]}
        keys = list(document)
        self.random.shuffle(keys)
        return self.json({key: document[key] for key in keys}).encode()

    def mutate(self, body):
        body = bytearray(body)
        words = [b"<", b">", b"</", b"<Part>", b"</Part>", b"<PartNumber>", b"1", b"&#49;",
                 b"<!--", b"-->", b"]]>", b"<![CDATA[", b"\"", b"{", b"}", b"[", b"]", b",", b":",
                 b"\\u0061",
                 b"\"path\"", b"null", b"<Latest>AA</Latest>", b"&amp;", b"\0", b"\xff", b" "]
        for _ in range(self.random.randrange(1, 4)):
            at = self.random.randrange(len(body) + 1)
            cut = self.random.randrange(1, 12)
            move = self.random.randrange(4)
            if move == 0:
                del body[at:at + cut]
            elif move == 1:
                body[at:at] = self.random.choice(words)
            elif move == 2:
                body[at:at] = body[(start := self.random.randrange(len(body) + 1)):start + cut]
            else:
                body[at:at + 1] = bytes([self.random.randrange(256)])
        return bytes(body)


def without_prefix(tag):
    return tag.rpartition("}")[2]


def xml_root(body):
    return ElementTree.fromstring(body)


def read_s3(body):
    entries = []
    for part in xml_root(body):
        if without_prefix(part.tag) != "Part":
            continue
        numbers = [field for field in part if without_prefix(field.tag) == "PartNumber"]
        if len(numbers) != 1:
            raise ValueError("part without its number")
        entries.append(f"i:{int(''.join(numbers[0].itertext()))}")
    return entries


def read_azure(body):
    letters = {"Committed": "c", "Uncommitted": "s", "Latest": "n"}
    return [(letters[without_prefix(block.tag)], block.text.strip().rstrip("="))
            for block in xml_root(body)]


def read_slo(body):
    entries = []
    for item in json.loads(body):
        if "data" in item:
            entries.append("l")
            continue
        first, last = None, None
        if item.get("range") is not None:
            first, _, last = item["range"].partition("-")
            first = int(first) if first else None
            last = int(last) if last else None
        if first is None:
            place = (0, -1) if last is None else (-1, last)
        else:
            place = (first, -1 if last is None else last - first + 1)
        path = "/v1/AUTH_t/" + item["path"].lstrip("/")
        entries.append(("o", path, *place))
    return entries


def read_gcs(body):
    return [("o", "/bkt/" + item["name"], 0, -1) for item in json.loads(body)["sourceObjects"]]


READERS = {"s3": read_s3, "azure": read_azure, "slo": read_slo, "gcs": read_gcs}


def record(kind, line, body):
    head = f"{line} HTTP/1.1\r\nHost: a\r\n".encode()
    return kind + struct.pack("<I", len(head)) + head + struct.pack("<I", len(body)) + body


def ask(tool, records):
    answer = subprocess.run([tool], input=b"".join(records), stdout=subprocess.PIPE, check=True)
    return answer.stdout.decode().splitlines()


def key_line(entry, keys):
    """An entry of the other reader as the appliance prints it."""
    if isinstance(entry, str):
        return entry
    if len(entry) == 2:
        line = f"PUT /con/blob?comp=block&blockid={urllib.parse.quote(entry[1], safe='')}"
        return (entry[0], line, 0, -1) if keys is None else f"{entry[0]}:{keys[line]},0,-1"
    line = "PUT " + urllib.parse.quote(entry[1])
    return (entry[0], line, 0, -1) if keys is None else f"o:{keys[line]},{entry[2]},{entry[3]}"


def main():
    tool, seed, count = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    lists = Lists(seed)
    cases = []
    for number in range(count):
        kind = lists.random.choice(list(LINES))
        body = getattr(lists, kind)()
        well_formed = number % 3 == 0
        cases.append((kind, body if well_formed else lists.mutate(body), well_formed))
    answers = ask(tool, [record(b"L", LINES[kind], body) for kind, body, _ in cases])

    expected, wanted = [], set()
    for kind, body, _ in cases:
        try:
            entries = READERS[kind](body)
            # Half a surrogate is a name to nobody.
            "".join(e if isinstance(e, str) else e[1] for e in entries).encode()
        except Exception:  # whatever the other reader has against it
            entries = None
        expected.append(entries)
        for entry in entries or []:
            if not isinstance(entry, str):
                wanted.add(key_line(entry, None)[1])
    lines = sorted(wanted)
    keys = dict(zip(lines, ask(tool, [record(b"K", line, b"") for line in lines])))

    taken = 0
    for (kind, body, well_formed), answer, entries in zip(cases, answers, expected):
        same = None
        if entries is not None:
            shown = [key_line(entry, keys) for entry in entries]
            same = " ".join([f"complete {len(shown)}"] + shown)
        is_list = answer.startswith("complete")
        taken += is_list
        if (is_list and same and answer != same) or (well_formed and not (is_list and same)):
            print(f"{kind}: {body!r}\nours:   {answer}\ntheirs: {same}")
            return 1
    print(f"{count} lists, {taken} taken, seed {seed}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
