"""Where workers spend their time while uploads pass: `perf.data SECONDS KIB64 [KEY=VALUE]…`.

SECONDS is how long it was recorded, KIB64 how often 64 KiB passed meanwhile. Prints a line of JSON
for each room, with the further fields: its share of the time of all workers, and the µs of 64 KiB
that this is. perf samples a thread only while it runs; what is left, it slept or waited for a core.
"""
import collections
import json
import re
import subprocess
import sys

from rooms import parted, room_of, stacks

SAMPLES_PER_S = 1999
# The kernel's part, by any function on the stack. A frame that is sent goes through veth into the
# receiver, as far as its TCP and what that sends at once, all before the sender is back.
KERNEL = (
    ("kernel: TCP of both ends", r"^(tcp_|__tcp_|ip6?_|ipv6_rcv|sock_def_)"),
    ("kernel: XDP and receive", r"^(veth_poll|veth_xdp|xsk_rcv|__xsk_rcv|xsk_map_|bpf_prog_|xdp_)"),
    ("kernel: send, skb and copy", r"^(__xsk_generic_xmit|xsk_generic_xmit|xsk_build_skb)"),
    ("kernel: sleep", r"^(do_sys_poll|.*_ppoll|schedule|__schedule|hrtimer_|futex_)"),
)
CALLS = "kernel: asked for frames, and what a call costs"
BYTES = {"digests", "copies with their checksums", "checksums", "search for archives",
         "stream, copies"}  # rooms that see every byte


def room_of_sample(stack):
    """`stack`: frames as `function (file)`, the innermost first."""
    inner, file, in_kernel = parted(stack[0])
    if in_kernel:
        names = [parted(one)[0] for one in stack]
        return next((room for room, pattern in KERNEL
                     if any(re.search(pattern, name) for name in names)), CALLS)
    if "librte_net_af_" in file or "rte_eth_" in inner:
        return "driver"
    if "librte_" in file or "testpmd" in file:
        return "DPDK, the rest"
    if "libcrypto" in file:
        return "digests"
    if "/libc.so" in file and not re.search("mem|str", inner):
        return CALLS
    room = room_of(inner)
    return room if room in BYTES else "line, the rest"


def main():
    data, seconds, blocks, *fields = sys.argv[1:]
    text = subprocess.run(["perf", "script", "--no-inline", "-i", data, "-F", "ip,sym,dso"],
                          stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
                          check=True).stdout
    fields = dict(field.split("=") for field in fields)
    workers = int(fields.pop("workers"))
    rooms = collections.Counter(map(room_of_sample, stacks(text)))
    of_all = float(seconds) * SAMPLES_PER_S * workers
    rooms["asleep, or waiting for a core"] = max(0, round(of_all - sum(rooms.values())))
    for room, count in rooms.most_common():
        share = count / sum(rooms.values())
        print(json.dumps({"bench": "inline rooms", **fields, "workers": workers, "room": room,
                          "percent": round(100 * share, 1),
                          "us_per_64kib": round(share * workers * float(seconds) * 1e6
                                                / float(blocks), 1)}))


main()
