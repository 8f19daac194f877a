// Texts with base64 in them: what is found does not depend on how the text is cut, and is no more
// than the text has.
//
//   input:  one byte (bit 0: declared to be a form) | text
#include <cstdlib>

#include "tests/support/text_files.h"

namespace cordon::test {
namespace {

#define REQUIRE(x) \
    if (!(x)) std::abort()

// `step` 0: pieces of different sizes.
TextFiles cut(std::string_view type, Bytes text, std::size_t step, std::size_t room) {
    TextFiles files(type, room);
    auto random = static_cast<std::uint32_t>(text.size());
    while (!text.empty()) {
        random = random * 1664525 + 1013904223;
        const std::size_t want = step != 0 ? step : 1 + (random >> 27);
        const Bytes piece = text.first(std::min(want, text.size()));
        // A heap copy of exactly this size, so that the sanitizer sees a read past its end.
        files.feed(std::vector<std::uint8_t>(piece.begin(), piece.end()));
        text = text.subspan(piece.size());
    }
    files.finish();
    return files;
}

}  // namespace
}  // namespace cordon::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cordon;
    using namespace cordon::test;
    if (size < 2) return 0;
    const std::string_view type = (data[0] & 1) != 0 ? "application/x-www-form-urlencoded" : "";
    const Bytes text(data + 1, size - 1);
    const TextFiles whole = cut(type, text, text.size(), 4096);
    std::size_t found = 0;
    for (const TextFile& file : whole.files)
        found += file.content.size();
    REQUIRE(found * 4 <= text.size() * 3);
    REQUIRE(cut(type, text, 1, 0).trace() == whole.trace());
    REQUIRE(cut(type, text, 0, 333).trace() == whole.trace());
    return 0;
}
