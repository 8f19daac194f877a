// What is done about a match: a pure table.
//
//   strength: SHA-256 and the tree are strong; MD5 or SHA-1 alone are weak, since collisions are
//   cheap, unless two of them agree on the same indicator.
//
//   section's ceiling   strength                 enforce   observe
//   report              any                      report    observe
//   block               strong                   block     observe
//   block               weak, service allows it  block     observe
//   block               weak                     report    observe
//   any                 flag report_only         report    observe
//
// Owns:       nothing.
// Invariants: nothing but an index section with ceiling `block` can block.
// Worker:     pure.
#pragma once

#include "dataplane/contract/journal_format.h"
#include "dataplane/contract/options.h"
#include "dataplane/index/index_view.h"

namespace cordon {

enum class Strength : std::uint8_t { weak, strong };

// `kinds` are those by which this object matched this indicator.
Strength strength_of(KindSet kinds, std::uint8_t record_flags);

MatchAction action_for(Strength strength, RightsCeiling ceiling, std::uint8_t record_flags,
                       ServiceMode mode, bool weak_blocks);

// The stronger of two actions: block, report, observe, suspended.
MatchAction stronger(MatchAction a, MatchAction b);

}  // namespace cordon
