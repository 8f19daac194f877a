// The keys of an index's sections as they lie on the disk: written by control when it takes a
// grant, read by the dataplane at its start and with every index. Each key is sealed (libsodium's
// crypto_box_seal) for the X25519 key of this appliance, so that the file alone opens nothing.
//
//   SectionKeysHead │ SealedKey × count
//
// The appliance's own key is a file of 64 hex digits and a newline, readable by its owner alone: a
// systemd credential (which a TPM may protect), else beside this file.
//
// Owns:       nothing.
// Invariants: what read_section_keys() gave out has terminated names and no reserved byte that is
//             not zero. Whether a box opens, and to what its check says, is for the reader to see.
// Thread:     any; start-up and control only.
// Limits:     section_keys_max: this epoch of every list, and the next.
#pragma once

#include <string>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"
#include "dataplane/contract/file_sum.h"
#include "dataplane/contract/index_format.h"

namespace cordon {

inline constexpr const char* section_keys_name = "section.keys";  // in state_dir
inline constexpr const char* node_key_name = "node.key";          // there, or a credential
inline constexpr std::size_t node_key_file_bytes = 65;

inline constexpr std::uint64_t section_keys_magic = 0x3159454b44434443;  // "CDCDKEY1"
inline constexpr std::uint32_t section_keys_version = 1;
inline constexpr std::size_t section_keys_max = 2 * limits::sections_max;
inline constexpr std::size_t sealed_key_bytes = tag_key_bytes + 48;  // crypto_box_SEALBYTES

struct SealedKey {
    char name[32];  // of the section, as in the index
    std::uint32_t epoch;
    std::uint32_t reserved;
    KeyCheck check;  // of the key within
    std::uint8_t sealed[sealed_key_bytes];
};
static_assert(sizeof(SealedKey) == 136);

struct SectionKeysHead {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t count;
    FileSum checksum;
};
static_assert(sizeof(SectionKeysHead) == 32);

inline constexpr std::size_t section_keys_bytes_max =
    sizeof(SectionKeysHead) + section_keys_max * sizeof(SealedKey);

// Refused: integrity.
Result<std::vector<SealedKey>> read_section_keys(Bytes file);
// At most section_keys_max.
std::string write_section_keys(std::span<const SealedKey> keys);

}  // namespace cordon
