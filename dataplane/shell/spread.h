// Which worker owns a frame's flow: the same one for both directions, whatever queue the frame came
// in by. Receive-side scaling is symmetric on few cards and not at all on veth.
//
// Owns:       nothing; pure.
// Invariants: swapping source and destination does not change the answer; fragments between
//             two addresses go to one worker, which hands on what it makes of them.
// Worker:     any.
#pragma once

#include <cstdint>

#include "dataplane/base/bytes.h"

namespace cordon {

// `self` for frames that belong to no flow of ours: they are bridged where they came in.
std::uint32_t flow_owner(Bytes frame, std::uint32_t workers, std::uint32_t self);

}  // namespace cordon
