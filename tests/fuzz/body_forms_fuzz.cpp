// Bodies in the forms uploads take: objects and faults do not depend on how the body is cut.
//
//   input:  one byte (bit 0: PUT, bit 1: aws-chunked, bit 2: with a decoded length, bits 3 to 5:
//           the content coding) | Content-Type LF | body
#include <cstdlib>
#include <memory>

#include "dataplane/http/syntax.h"
#include "tests/support/body_objects.h"

namespace cordon::test {
namespace {

#define REQUIRE(x) \
    if (!(x)) std::abort()

BodyObjects cut(const Head& head, Bytes body, std::size_t step) {
    BodyObjects seen(head);
    std::uint32_t random = static_cast<std::uint32_t>(body.size());
    std::uint64_t at = 0;
    while (!body.empty() && !seen.fault) {
        random = random * 1664525 + 1013904223;
        const std::size_t want = step != 0 ? step : 1 + (random >> 27);
        const Bytes piece = body.first(std::min(want, body.size()));
        // A heap copy of exactly this size, so that the sanitizer sees a read past its end.
        const std::vector<std::uint8_t> copy(piece.begin(), piece.end());
        seen.feed(copy, at);
        if (!seen.fault) seen.look_at_tails();
        at += piece.size();
        body = body.subspan(piece.size());
    }
    if (!seen.fault) seen.finish();
    return seen;
}

void check_ends(const BodyObjects& seen, Bytes body) {
    for (const SeenObject& object : seen.objects) {
        REQUIRE(seen.fault || object.ended || object.dropped);
        REQUIRE(object.content.size() <=
                limits::archive_free_bytes + limits::archive_ratio_max * body.size() + 4096);
        REQUIRE(object.last_at <= body.size());
    }
}

// How much a library gives of a damaged stream depends on the cuts, as does where a bound is met
// that goes by what came.
bool is_by_cut(const BodyObjects& seen) {
    return seen.fault == Outcome::archive_limit || seen.fault == Outcome::coding_limit ||
           std::find(seen.notes.begin(), seen.notes.end(), Outcome::archive_bad) !=
               seen.notes.end();
}

bool is_archive_fault(Outcome fault) {
    return fault == Outcome::archive_inconsistent || fault == Outcome::archive_full;
}

}  // namespace
}  // namespace cordon::test

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace cordon;
    using namespace cordon::test;
    if (size < 2) return 0;
    const std::uint8_t flags = data[0];
    const std::string_view text = as_text({data + 1, size - 1});
    const std::size_t line = text.find('\n');
    if (line == std::string_view::npos || line > 400) return 0;
    std::string fields = "Content-Type: " + std::string(text.substr(0, line)) + "\r\n";
    for (const char c : fields.substr(0, fields.size() - 2)) {
        if (http::is_control(c)) return 0;
    }
    if ((flags & 2) != 0) fields += "X-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n";
    if ((flags & 4) != 0) fields += "X-Amz-Decoded-Content-Length: 11\r\n";
    constexpr const char* codings[] = {"",   "gzip",       "deflate", "zstd",
                                       "br", "gzip, gzip", "br,zstd", "identity"};
    const std::size_t coding = flags >> 3 & 7;
    if (coding != 0) fields += "Content-Encoding: " + std::string(codings[coding]) + "\r\n";
    const ParsedHead parsed((flags & 1) != 0 ? "PUT" : "POST", fields);
    const Bytes body = as_bytes(text.substr(line + 1));
    const BodyObjects whole = cut(parsed.head(), body, body.size() + 1);
    check_ends(whole, body);
    for (const std::size_t step : {std::size_t{1}, std::size_t{0}}) {
        const BodyObjects other = cut(parsed.head(), body, step);
        check_ends(other, body);
        if (is_by_cut(whole) || is_by_cut(other)) continue;
        // The search for a form in coded bytes is ahead of their decoding by as much as came, as is
        // that for a tar in another archive, and libraries give more or less of a damaged stream:
        // which fault is first may differ.
        const bool ahead = whole.fault && (coding != 0 || is_archive_fault(*whole.fault));
        REQUIRE(ahead ? other.fault.has_value() : other.trace() == whole.trace());
    }
    return 0;
}
