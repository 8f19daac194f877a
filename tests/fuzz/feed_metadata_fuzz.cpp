// Any bytes as a document of a feed: refused, or read into what is written as the same bytes again.
#include "control/feed/canonical_json.h"
#include "control/feed/metadata.h"
#include "tests/support/fuzz_input.h"

using namespace cordon;
using namespace cordon::feed;

namespace {

// What was read and written again must read as the same.
template <typename T>
void check_again(const Result<T>& read, Result<T> (*reader)(const Envelope&)) {
    if (!read) return;
    Envelope again;
    again.body = to_json(*read);
    again.version = read->version;
    again.expires_s = read->expires_s;
    const Result<T> twice = reader(again);
    test::check(twice.has_value(), "what was read can be written");
    test::check(canonical_json(to_json(*twice)) == canonical_json(again.body), "and is the same");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const Bytes bytes(data, size);
    const auto value = parse_json(bytes);
    if (!value) return 0;
    const std::string canonical = canonical_json(*value);
    const auto again = parse_json(as_bytes(canonical));
    // Control characters stand raw in canonical JSON, which no reader of JSON takes.
    if (again) test::check(*again == *value, "canonical JSON is the same value");
    for (const char* type : {"root", "timestamp", "snapshot", "targets"}) {
        const auto envelope = read_envelope(bytes, type);
        if (!envelope) continue;
        check_again(read_root(*envelope), read_root);
        check_again(read_timestamp(*envelope), read_timestamp);
        check_again(read_snapshot(*envelope), read_snapshot);
        check_again(read_targets(*envelope), read_targets);
        check_again(read_releases(*envelope), read_releases);
        check_again(read_revocations(*envelope), read_revocations);
    }
    return 0;
}
