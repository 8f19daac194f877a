"""Runs a command and says what it took: `feed_step.py NAME LOG -- COMMAND…`. One line of JSON with
seconds, processor seconds and the largest resident memory. The command's words go to LOG."""
import json
import resource
import subprocess
import sys
import time


def main():
    name, log, _, *command = sys.argv[1:]
    begun = time.monotonic()
    with open(log, "ab") as file:
        code = subprocess.run(command, stdout=file, stderr=file, check=False).returncode
    if code != 0:
        sys.exit(f"{' '.join(command)}: exit {code}; see {log}")
    seconds = time.monotonic() - begun
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    print(json.dumps({"step": name, "seconds": round(seconds, 2),
                      "cpu_s": round(used.ru_utime + used.ru_stime, 2),
                      "peak_mb": round(used.ru_maxrss / 1024)}))


main()
