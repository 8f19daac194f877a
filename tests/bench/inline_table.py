"""Medians of `inline` by path, and what they are of the path they are measured by: `RUNS`."""
import json
import statistics
import sys

FIELDS = ("gbit_per_s", "cpu", "put_us", "put_p99_us", "paused_put_us", "paused_put_p99_us")
# DESIGN §13: inspected uploads against DPDK's forwarding, those that nobody needs against XDP's.
LIMITS = {"hashed": "testpmd", "dismissed": "xdp", "shunted": "xdp"}


def main():
    seen = {}
    for line in open(sys.argv[1], encoding="utf-8"):
        one = json.loads(line)
        seen.setdefault(one["path"], []).append(one)
    medians = {path: {field: statistics.median(one[field] for one in runs) for field in FIELDS}
               for path, runs in seen.items()}
    text = ""
    for path, own in medians.items():
        line = {"bench": "inline", "summary": True, "path": path,
                "workers": seen[path][0]["workers"],
                "congestion": seen[path][0]["congestion"], "runs": len(seen[path])}
        for field in FIELDS:
            line[field] = round(own[field], 3)
            line[field + "_min"] = min(one[field] for one in seen[path])
            line[field + "_max"] = max(one[field] for one in seen[path])
        calls = [one["calls"] for one in seen[path] if one["calls"] is not None]
        line["calls"] = statistics.median(calls) if calls else None
        # Of all runs: what each worker took, and what it gave to another one.
        if seen[path][0]["worker_frames"]:
            for field in ("worker_frames", "handed_over"):
                line[field] = [sum(each) for each in zip(*(one[field] for one in seen[path]))]
        limit = medians.get(LIMITS.get(path))
        if limit:
            line["limit"] = LIMITS[path]
            line["of_limit"] = round(own["gbit_per_s"] / limit["gbit_per_s"], 3)
        if "testpmd" in medians:
            for field in FIELDS[2:]:
                line[field + "_of_testpmd"] = round(own[field] / medians["testpmd"][field], 3)
        print(json.dumps(line))
        text += (f"{path:10} {own['gbit_per_s']:6.2f} Gbit/s  cpu {own['cpu']:4.0%}  "
                 f"64 KiB PUT {own['put_us']:5.0f} us, p99 {own['put_p99_us']:5.0f}; with pauses "
                 f"{own['paused_put_us']:5.0f}, {own['paused_put_p99_us']:5.0f}")
        text += f"  calls {line['calls']:.0f}" if calls else ""
        text += f"  {line['of_limit']:5.1%} of {line['limit']}\n" if limit else "\n"
    print(text, end="")


main()
