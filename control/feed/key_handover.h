// From a grant to the dataplane: the keys of the sections, sealed for this appliance, in the file
// that the dataplane reads (dataplane/contract/section_keys.h).
//
// Owns:       nothing; a SectionKey wipes its key.
// Invariants: no key reaches the disk unsealed. The file holds all of the old keys or all of
//             the new ones; the dataplane takes them up when it is next told to load an index.
// Thread:     any.
// Limits:     section_keys_max keys; a name is 1 to 31 characters.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "control/feed/crypto.h"
#include "dataplane/base/result.h"

namespace cordon::feed {

struct SectionKey {
    std::string name;  // of the section
    std::uint32_t epoch = 0;
    SecretKey key;
};

// All that there are: a key that is not among them is forgotten.
Result<void> hand_over_keys(std::span<const SectionKey> keys, const PublicKey& node,
                            const std::string& state_dir);

// What such a file hands over. Refused when one of its keys does not open with this one of the
// appliance.
Result<std::vector<SecretKey>> handed_keys(const SecretKey& node, Bytes file);

}  // namespace cordon::feed
