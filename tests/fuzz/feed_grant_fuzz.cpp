// Any bytes as a grant that the right key signed, and as what is sealed in one: refused, or one or
// two keys of a grant that holds for a month at most.
#include "control/feed/canonical_json.h"
#include "control/feed/grant.h"
#include "tests/support/fuzz_input.h"

using namespace cordon;
using namespace cordon::feed;

namespace {

constexpr const char* feed_name = "vectors/known-csam";
constexpr const char* node = "box-1";

// Nobody has to sign: what a thief of the key could write is read here.
TargetsMetadata anybody_signs() {
    TargetsMetadata targets;
    targets.grants.threshold = 0;
    return targets;
}

void check_grant(const Result<Grant>& grant) {
    if (!grant) return;
    test::check(!grant->epochs.empty() && grant->epochs.size() <= 2, "one or two epochs");
    test::check(grant->feed == feed_name && grant->node == node, "of this feed and node");
    test::check(grant->not_before_s < grant->not_after_s &&
                    grant->not_after_s - grant->not_before_s <= grant_life_max_s,
                "for a month at most");
}

std::string around(Bytes sealed, const SecretKey& key) {
    Grant grant;
    grant.feed = feed_name;
    grant.node = node;
    grant.serial = 1;
    grant.not_before_s = grant.issued_s = 1'800'000'000;
    grant.not_after_s = grant.not_before_s + grant_life_max_s;
    const PublicKey box = box_public(key);
    nlohmann::json body = grant_body(grant, box);
    body["sealed"] = to_hex(as_bytes(seal_for(box, sealed)));
    return write_envelope(body, {});
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const TargetsMetadata targets = anybody_signs();
    static const SecretKey key = {};
    const Bytes bytes(data, size);
    check_grant(open_grant(bytes, targets, feed_name, node, key));
    constexpr std::size_t keys_bytes_max = 512;
    if (size > keys_bytes_max) return 0;
    check_grant(open_grant(as_bytes(around(bytes, key)), targets, feed_name, node, key));
    return 0;
}
