// The keys of the sections, unsealed with the key of this appliance: what an index is opened with.
//
// Owns:       a KeyRing its keys, wiped with it. The process locks its memory and makes no core
//             dumps (process.h).
// Invariants: a key is only in the ring when it is the one that its check says. What cannot be
//             opened is left out and said; it never keeps the other keys from being used.
// Thread:     start-up and control.
// Limits:     section_keys_max keys. It reads two small files each time: nothing is kept beside the
//             views that were opened with it.
#pragma once

#include <string>
#include <vector>

#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"
#include "dataplane/contract/link.h"
#include "dataplane/contract/section_keys.h"

namespace cordon {

struct KeyRing {
    std::vector<TagKey> keys;
    KeyProtection protection = KeyProtection::none;
    std::string fault;  // why a key that should be there is not; empty: nothing is amiss
};

// Where they lie.
struct KeyPlaces {
    std::string state_dir;
    std::string credentials_dir;  // of systemd, empty when there is none
};

// That no list needs a key, and that there is none, is no fault.
KeyRing unseal_keys(const KeyPlaces& places);

// Keys that cordond has handed on as they are (contract/verify_link.h). Refused: integrity.
Result<std::vector<TagKey>> take_keys(const Descriptor& keys);

}  // namespace cordon
