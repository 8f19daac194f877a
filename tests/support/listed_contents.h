// Indices whose exact indicators tell the sizes and heads of their files, or some of them do not.
//
// Owns:       nothing.
#pragma once

#include <string>
#include <vector>

#include "dataplane/fingerprint/digest_state.h"
#include "tests/support/index_images.h"

namespace cordon::test {

struct Listed {
    std::string content;
    bool with_size = true;
    bool with_head = true;
    IndicatorKind kind = IndicatorKind::sha256;
};

inline AlignedBytes index_of(const std::vector<Listed>& list, std::uint64_t generation = 9) {
    IndexBuilder builder({.lab = true, .generation = generation, .created_s = index_now_s});
    const std::uint32_t section =
        *builder.add_section({.name = "lab", .ceiling = RightsCeiling::block}, key_of(1));
    std::uint64_t reference = 4711;
    for (const Listed& one : list) {
        DigestState state;
        Digests digests;
        state.start(computed_kinds);
        state.take(as_bytes(one.content));
        state.finish(&digests);
        Indicator indicator{
            .kind = one.kind, .digest = digests.of(one.kind), .reference = reference++};
        if (one.with_size) indicator.size = one.content.size();
        if (one.with_head) indicator.head = std::to_array(digests.head);
        INVARIANT(builder.add(section, indicator) == AddOutcome::added);
    }
    return built(&builder);
}

}  // namespace cordon::test
