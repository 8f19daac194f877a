// Checks an index file completely, once, so that look-ups afterwards need no check.
//
// Owns:       nothing.
// Invariants: after IndexStatus::ok every sentence of contract/index_format.h holds: in particular
//             each tag is found by a look-up from its home, each record number is in range, and the
//             counts that dismissal relies on are those of the records.
// Worker:     start-up and control threads; reads every byte of the image, allocates nothing.
// Limits:     linear in the image, at most index_probe_max buckets for one look-up.
#pragma once

#include "dataplane/base/bytes.h"
#include "dataplane/contract/index_format.h"

namespace cordon {

enum class IndexStatus : std::uint8_t {
    ok,
    truncated,        // shorter than its head, or not as long as it says
    not_an_index,     // other magic
    wrong_version,    // of another release
    misaligned,       // the memory it was read into is not 64-byte aligned
    damaged,          // a checksum is wrong
    malformed,        // checksums are right, the contents are not
    lab_refused,      // a lab index where none is allowed
    purpose_refused,  // a section for anything but known CSAM
};

// One word per status, for messages and logs.
const char* index_status_name(IndexStatus status);

// `*why` is one static sentence on anything but ok. Whether a lab index is welcome, and whether the
// keys of its sections are at hand, is for IndexView to judge.
IndexStatus verify_index(Bytes image, const char** why);

// The head alone, when only the first bytes of a file of `file_bytes` bytes were read.
IndexStatus verify_index_head(Bytes first, std::uint64_t file_bytes, const char** why);

}  // namespace cordon
