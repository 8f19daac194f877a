// Zips: members, notes and the outcome do not depend on how the archive is cut, nothing is read
// past the input, and a sound member has the check sum that its directory gave it.
//
//   input:  one byte (bit 0: the object does not begin as a zip) | archive
#include <cstdlib>

#include "tests/support/zip_members.h"

namespace cordon::test {
namespace {

#define REQUIRE(x) \
    if (!(x)) std::abort()

ZipMembers cut(Bytes archive, bool leads, std::size_t step) {
    ZipMembers seen(leads);
    std::uint32_t random = static_cast<std::uint32_t>(archive.size());
    while (!archive.empty() && !seen.outcome) {
        random = random * 1664525 + 1013904223;
        const std::size_t want = step != 0 ? step : 1 + (random >> 26);
        const Bytes piece = archive.first(std::min(want, archive.size()));
        // A heap copy of exactly this size, so that the sanitizer sees a read past its end.
        const std::vector<std::uint8_t> copy(piece.begin(), piece.end());
        seen.feed(copy);
        archive = archive.subspan(piece.size());
    }
    seen.finish();
    return seen;
}

// Of damaged deflate data, more or less comes out.
std::string comparable(const ZipMembers& seen) {
    std::string text = seen.fault() + "\n";
    for (const SeenMember& member : seen.members)
        text += member.name + "|" +
                (member.ended && member.is_sound ? member.content : std::string("?")) + "\n";
    for (const std::string& note : seen.notes)
        text += note + "\n";
    return text;
}

}  // namespace
}  // namespace cordon::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cordon;
    using namespace cordon::test;
    if (size < 1) return 0;
    const bool leads = (data[0] & 1) == 0;
    const Bytes archive(data + 1, size - 1);
    const ZipMembers whole = cut(archive, leads, size);
    for (const SeenMember& member : whole.members) {
        // Every member has its ratio, and there are no more of them than headers fit.
        REQUIRE(member.content.size() <=
                limits::coding_free_bytes + limits::coding_ratio_max * archive.size());
    }
    REQUIRE(whole.members.size() * 30 <= archive.size());
    const bool may_judge = leads || whole.opened() || whole.outcome;
    REQUIRE(may_judge || whole.members.empty());
    // A limit is met earlier or later, as libraries give more or less at once.
    const bool is_limit = whole.outcome == Outcome::archive_limit;
    for (const std::size_t step : {std::size_t{1}, std::size_t{0}}) {
        const ZipMembers other = cut(archive, leads, step);
        if (is_limit) continue;
        REQUIRE(comparable(other) == comparable(whole));
    }
    return 0;
}
