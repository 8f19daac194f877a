// Digests that must never be listed, because files of innocent people have them: the empty file,
// and files of zero bytes only (padding, blank images, preallocated files).
//
// Owns:       a sorted table of digests, computed once in a program.
// Invariants: covers zero runs of every length up to 4 KiB, of every multiple of 4 KiB up to 1 MiB,
//             and of powers of two up to 16 MiB (or as the constructor is told); for sha256, sha1,
//             md5.
// Thread:     const use from any.
// Limits:     about 60 ms of one core and 160 KiB; 64 MiB take 300 ms.
#pragma once

#include <array>
#include <vector>

#include "dataplane/contract/keyed_tag.h"

namespace cordon {

class RefusedDigests {
  public:
    // The one table of a program, made at the first call: it never changes.
    static const RefusedDigests& table();

    // Of files that have no other byte than `fill`.
    RefusedDigests(std::uint8_t fill, std::uint64_t powers_until);

    bool is_empty_file(IndicatorKind kind, Bytes digest) const;
    bool is_zero_run(IndicatorKind kind, Bytes digest) const;

    // One byte repeated: what exporters write where they have no digest.
    static bool is_placeholder(Bytes digest);

  private:
    using Prefix = std::array<std::uint8_t, 16>;  // of the digest; enough to tell them apart

    std::vector<Prefix> empty_[indicator_kind_count];
    std::vector<Prefix> zero_runs_[indicator_kind_count];
};

}  // namespace cordon
