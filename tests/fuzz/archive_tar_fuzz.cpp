// Tar archives: members, their bytes and the end do not depend on how the archive is cut, runs lie
// in the input, every member ends unless the input does.
#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "dataplane/object/archive_tar.h"

namespace {

using namespace cordon;
using Result = TarDecoder::Result;

#define REQUIRE(x) \
    if (!(x)) std::abort()

bool is_last(Result result) {
    return result == Result::bogus || result == Result::inconsistent || result == Result::limit;
}

std::string cut(Bytes archive, std::size_t step) {
    TarDecoder decoder;
    decoder.open();
    std::string trace;
    bool in_member = false;
    std::uint32_t random = static_cast<std::uint32_t>(archive.size());
    while (!archive.empty()) {
        random = random * 1664525 + 1013904223;
        const std::size_t want = step != 0 ? step : 1 + (random >> 24);
        const Bytes piece = archive.first(std::min(want, archive.size()));
        const std::vector<std::uint8_t> copy(piece.begin(), piece.end());
        Bytes input(copy);
        Bytes data;
        Result result;
        while ((result = decoder.next(&input, &data)) != Result::more) {
            if (result == Result::data) {
                REQUIRE(in_member && !data.empty());
                REQUIRE(data.data() >= copy.data() &&
                        data.data() + data.size() <= copy.data() + copy.size());
                trace += as_text(data);
                continue;
            }
            if (result == Result::member) REQUIRE(!in_member);
            if (result == Result::member_end) REQUIRE(in_member);
            if (result == Result::member || result == Result::member_end)
                in_member = result == Result::member;
            trace += "<" + std::to_string(static_cast<int>(result)) + std::string(decoder.name());
            trace += ">";
            if (is_last(result)) return trace;
        }
        REQUIRE(input.empty());
        archive = archive.subspan(piece.size());
    }
    return trace + (decoder.is_complete() ? "complete" : "cut") +
           std::string(as_text(decoder.rest()));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes archive(data, size);
    const std::string whole = cut(archive, size + 1);
    const bool faulted = whole.ends_with(">");
    for (const std::size_t step : {std::size_t{0}, std::size_t{1}, std::size_t{512}}) {
        const std::string other = cut(archive, step);
        // A run in which a header is found is not told.
        REQUIRE(faulted ? other.ends_with(">") : other == whole);
    }
    return 0;
}
