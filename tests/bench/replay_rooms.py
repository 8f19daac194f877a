"""Where cordon-replay spends its time, start included: `perf.data [KEY=VALUE]…`.

Prints a line of JSON for each room, with the further fields: its share of all samples.
"""
import collections
import json
import subprocess
import sys

from rooms import ROOMS, parted, room_of

REPLAY = (
    ("start: the index", r"verify_index|IndexView::(open|prepare)|XXH3_64bits_(up|di)"),
    ("reading the file", r"PcapView|Capture::"),
    ("lines of JSON", r"json|Json|_IO_|vfprintf|to_chars"),
    ("who is the client, in which order", r"Roles|DeliveryOrder|Replay::|replay::"),
)


def room(sample):
    """`sample`: `function (file)`."""
    name, file, in_kernel = parted(sample)
    if in_kernel:
        return "kernel: pages of the file, memory"
    if "libxxhash" in file:
        return "start: the index"
    return room_of(name, REPLAY + ROOMS)


def main():
    data, *fields = sys.argv[1:]
    text = subprocess.run(["perf", "script", "-i", data, "-F", "ip,sym,dso"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=True).stdout
    rooms = collections.Counter(room(line.split(None, 1)[-1])
                                for line in text.splitlines() if line.strip())
    told = {key: int(value) if value.isdigit() else value
            for key, value in (field.split("=", 1) for field in fields)}
    for name, count in rooms.most_common():
        print(json.dumps({"bench": "replay rooms", **told, "room": name,
                          "percent": round(100 * count / rooms.total(), 1)}))


main()
