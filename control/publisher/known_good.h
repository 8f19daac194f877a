// Digests of files that innocent people have: a feed that lists one would block the world.
//
// Owns:       a sorted table of digests by kind.
// Invariants: holds runs of 0x00 and 0xFF (refused_digests.h, up to 64 MiB), every MD5 that dpkg
//             knows, the digests of every file under a system's root, of the kinds that are asked
//             for, and lists that it is given.
// Thread:     one while it is filled, const use from any.
// Limits:     a file of a list is read whole, up to known_list_bytes_max.
#pragma once

#include "control/feed/known_files.h"
#include "control/index/refused_digests.h"
#include "control/publisher/rows.h"

namespace cordon::feed {

inline constexpr std::uint64_t known_list_bytes_max = std::uint64_t{16} << 30;

class KnownGood {
  public:
    KnownGood();

    // The package manager's list; nothing when the folder is not there.
    Result<std::uint64_t> add_dpkg(const std::string& info_directory);
    // What cannot be read is not known: the files say so afterwards.
    Result<std::uint64_t> add_system(KnownFiles& files, KindSet kinds, const Progress& progress);
    // NSRL's text (a head with "SHA-1","MD5",…) or one digest a line.
    Result<std::uint64_t> add_list(const std::string& path);

    // Null when it is none, else what file has it.
    const char* reason(const RowDigest& digest) const;

    void seal();  // after the last add

  private:
    using Prefix = std::array<std::uint8_t, 16>;
    void add(IndicatorKind kind, Bytes digest);

    RefusedDigests zeros_;
    RefusedDigests ones_;
    std::vector<Prefix> digests_[indicator_kind_count];
};

}  // namespace cordon::feed
