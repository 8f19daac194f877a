// Reads and writes the options file: what cordond compiled from the configuration, and what the
// dataplane starts from.
//
// Owns:       nothing; bytes and Options belong to the caller.
// Invariants: Options that read_options gave out have terminated strings, counts within their
//             arrays and enums with named values; `*options` is left alone on any other outcome.
// Worker:     start-up only; no globals, no allocation.
// Limits:     a file is exactly options_file_bytes long.
#pragma once

#include <array>
#include <cstddef>

#include "dataplane/base/bytes.h"
#include "dataplane/contract/options.h"

namespace cordon {

inline constexpr std::size_t options_file_bytes = sizeof(OptionsHeader) + sizeof(Options);

enum class OptionsFileResult : std::uint8_t {
    ok,
    wrong_length,   // the file is cut short or too long
    wrong_magic,    // something else
    wrong_version,  // of another release: cordond must write it anew
    wrong_checksum,
    bad_text,   // a string without its NUL
    bad_value,  // an enum or flag without a meaning
    bad_count,  // more services, hops or bits than there can be
    bad_limit,  // a limit of zero, or one that contradicts another
};

// One sentence for the operator.
const char* options_file_why(OptionsFileResult result);

// Checks every field, checksum or not: a file with a right checksum may still be made by an enemy.
OptionsFileResult check_options(const Options& options);

OptionsFileResult read_options(Bytes file, Options* options);

// The bytes of the file. `options` must pass check_options.
std::array<std::uint8_t, options_file_bytes> write_options(const Options& options);

}  // namespace cordon
