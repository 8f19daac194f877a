// The frame ledger of a worker (DESIGN §7): every received byte is in exactly one class.
#pragma once

#include "dataplane/contract/counters.h"

namespace cordon::test {

inline bool frames_balance(const Counters& counters) {
    std::uint64_t received = 0;
    std::uint64_t classed = 0;
    for (const Tally& side : counters.received)
        received += side.bytes.read();
    for (const Tally& tally : counters.frames)
        classed += tally.bytes.read();
    return received == classed;
}

}  // namespace cordon::test
