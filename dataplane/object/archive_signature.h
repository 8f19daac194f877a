// What the first bytes of an object say it is, among archives and compressed files: which stage
// takes it apart, or that none does and it is counted (archive_unknown).
//
// Owns:       nothing.
// Invariants: `unsure` only while more bytes may change the answer; with archive_signature_bytes of
//             them, or all of a shorter object, it never is.
// Worker:     pure.
// Limits:     none.
#pragma once

#include <cstdint>
#include <string_view>

#include "dataplane/base/bytes.h"

namespace cordon {

enum class ArchiveFormat : std::uint8_t {
    unsure,  // more bytes are needed
    none,    // no archive by its first bytes: a zip may still be behind them (ZipDecoder)
    zip,     // begins with a record of a zip: a member, an empty directory, a marker of volumes
    gzip,
    zstd,
    tar,
    // Recognised and not taken apart.
    seven_zip,
    rar,
    xz,
    bzip2,
    lzma,
    lz4,
    lzip,
    lzop,
    compress,
    cab,
    arj,
    ace,
    lha,
    cpio,
    ar,
    wim,
    zpaq,
    sit,
    xar,
};

// Tar says what it is at byte 257, the others earlier. An object of a signature's length or more
// that is shorter than this is judged by what it has.
inline constexpr std::size_t archive_signature_bytes = 512;

// `is_all`: the object ends with these bytes.
ArchiveFormat archive_format_of(Bytes first, bool is_all);

// "zip", "7z" …; empty for `unsure` and `none`.
std::string_view archive_format_name(ArchiveFormat format);

// Known, but no stage takes it apart.
bool is_opaque_archive(ArchiveFormat format);

}  // namespace cordon
