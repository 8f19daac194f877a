// The digests of one object: what the fingerprint room hands on.
//
// Owns:       nothing; plain values.
// Invariants: a digest is meaningful only when `present` has its kind. `size` is always right.
#pragma once

#include <cstdint>

#include "dataplane/base/bytes.h"
#include "dataplane/contract/keyed_tag.h"

namespace cordon {

struct Digests {
    KindSet present;
    KindSet dismissed;   // left out because no indicator can be of this object
    std::uint64_t size;  // bytes that went in
    std::uint8_t sha256[32];
    std::uint8_t sha1[20];
    std::uint8_t md5[16];
    std::uint8_t sha256_tree[32];  // see tree.h
    // XXH3-128, canonical form, of the first min(size, head_bytes) bytes: unkeyed, see
    // keyed_head().
    std::uint8_t head[head_digest_bytes];

    // Empty when the kind is not present.
    Bytes of(IndicatorKind kind) const {
        if (!present.has(kind)) return {};
        switch (kind) {
            case IndicatorKind::sha256:
                return sha256;
            case IndicatorKind::sha1:
                return sha1;
            case IndicatorKind::md5:
                return md5;
            case IndicatorKind::head:
                return head;
            case IndicatorKind::sha256_tree:
                return sha256_tree;
            case IndicatorKind::pattern:  // no digest
            case IndicatorKind::pdq:      // of no file as it is
                return {};
        }
        return {};
    }
};

}  // namespace cordon
