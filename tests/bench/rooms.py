"""Where time goes, by rooms: samples of perf, each put into the first room whose pattern fits.

  ROOMS         of the line, by the name of the innermost function
  stacks(text)  of `perf script -F ip,sym` and the like: of each sample its frames
  parted(frame) of `-F ip,sym,dso`: its function, its file, and whether that is the kernel
"""
import re

ROOMS = (
    ("digests", r"kernels::|sha256_|sha1_|md5_|SHA256|SHA1|MD5"),
    ("fingerprint, around them", r"Fingerprinter::|Batch::|DigestState::|XXH3"),
    ("copies with their checksums", r"sum_masked|copy_masked|copy_payload|payload_sum"),
    ("checksums", r"checksum|sum_wide|sum_long|sum_short|sum_blocks"),
    ("decode", r"cordon::decode|decode_|::read_tcp|normalise|follow_link|template_of"),
    ("flow table", r"FlowTable::|flow_key"),
    ("stream, copies", r"Stream::|PiecePool|memmove|memcpy"),
    ("http", r"RequestParser::|ResponseTracker::|ChunkedDecoder|Head::"),
    ("search for archives", r"ZipSearch|find_widest_mark|find_wide_mark|find_zip"),
    ("index, verdict", r"IndexView::|keyed_tag|judge|look_up|Finding|TagKey"),
    ("worker", r"Worker::"),
)


def room_of(name, rooms=ROOMS, otherwise="other"):
    return next((room for room, pattern in rooms if re.search(pattern, name)), otherwise)


def parted(frame):
    name, _, file = frame.rpartition(" (")
    return name, file, file.startswith(("[kernel", "[guest"))


def stacks(text):
    """Of each sample: its functions, the innermost first."""
    stack = []
    for line in text.splitlines() + [""]:
        if line.strip():
            stack.append(line.split(None, 1)[-1])
        elif stack:
            yield stack
            stack = []
