#include "dataplane/verdict/policy.h"

#include <algorithm>

namespace cordon {

Strength strength_of(KindSet kinds, std::uint8_t record_flags) {
    if (kinds.has(IndicatorKind::sha256) || kinds.has(IndicatorKind::sha256_tree))
        return (record_flags & record_flag::weak) != 0 ? Strength::weak : Strength::strong;
    // A file that collides in MD5 and in SHA-1 at once has not been made.
    if (kinds.has(IndicatorKind::md5) && kinds.has(IndicatorKind::sha1)) return Strength::strong;
    return Strength::weak;
}

MatchAction action_for(Strength strength, RightsCeiling ceiling, std::uint8_t record_flags,
                       ServiceMode mode, bool weak_blocks) {
    if (mode != ServiceMode::enforce) return MatchAction::observe;
    if (ceiling != RightsCeiling::block) return MatchAction::report;
    if ((record_flags & record_flag::report_only) != 0) return MatchAction::report;
    if (strength == Strength::weak && !weak_blocks) return MatchAction::report;
    return MatchAction::block;
}

MatchAction restrained(MatchAction action, Strength strength, const SectionTerms& terms,
                       SuspensionMode suspension, std::uint64_t now_s) {
    if (suspension == SuspensionMode::suspended) return MatchAction::suspended;
    const bool reports = suspension == SuspensionMode::report_only || now_s > terms.block_until_s ||
                         (strength == Strength::weak && now_s > terms.weak_until_s);
    return reports ? std::max(action, MatchAction::report) : action;
}

MatchAction stronger(MatchAction a, MatchAction b) {
    return std::min(a, b);  // the enum stands in this order
}

}  // namespace cordon
