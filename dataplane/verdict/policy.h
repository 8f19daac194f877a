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
//   and of that, when the list or the indicator is not what it was:
//
//   suspended                                    nothing is done at all
//   report only: by a suspension, because the list is old, or it and the match weak
//                                                at most report
//
// Owns:       nothing.
// Invariants: nothing but an index section with ceiling `block` can block.
// Worker:     pure.
#pragma once

#include "dataplane/contract/journal_format.h"
#include "dataplane/contract/options.h"
#include "dataplane/contract/suspensions.h"
#include "dataplane/index/index_view.h"

namespace cordon {

enum class Strength : std::uint8_t { weak, strong };

// `kinds` are those by which this object matched this indicator.
Strength strength_of(KindSet kinds, std::uint8_t record_flags);

MatchAction action_for(Strength strength, RightsCeiling ceiling, std::uint8_t record_flags,
                       ServiceMode mode, bool weak_blocks);

// What is left of it when the list has these terms and the indicator is suspended like this.
MatchAction restrained(MatchAction action, Strength strength, const SectionTerms& terms,
                       SuspensionMode suspension, std::uint64_t now_s);

// The stronger of two actions: block, report, observe, suspended.
MatchAction stronger(MatchAction a, MatchAction b);

}  // namespace cordon
