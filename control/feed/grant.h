// A grant: the key of a feed for one node and for a time. One file a node, outside TUF
// (docs/feed-format.md, "Grants").
//
// Owns:       nothing; a Grant wipes its keys.
// Invariants: open_grant() gives a grant only when a key named in targets signed it, for this node
//             and feed, and when its box opens with the node's key. Time and serials are the
//             caller's: refuse_grant() says whether it may take the place of an older one.
// Thread:     any.
// Limits:     grant_bytes_max; at most two epochs; grant_life_max_s.
#pragma once

#include "control/feed/metadata.h"

namespace cordon::feed {

inline constexpr std::uint64_t grant_bytes_max = 16 * 1024;

struct Grant {
    std::string feed;
    std::string node;
    std::uint64_t serial = 0;
    std::uint64_t issued_s = 0;
    std::uint64_t not_before_s = 0;
    std::uint64_t not_after_s = 0;
    std::string legal_basis;
    std::string order;                  // its number, empty when there is none
    std::vector<std::string> services;  // none: all of the node
    std::map<std::uint32_t, SecretKey> epochs;
};

// "signed" of the file; the caller signs it.
nlohmann::json grant_body(const Grant& grant, const PublicKey& node_key);

Result<Grant> open_grant(Bytes bytes, const TargetsMetadata& targets, std::string_view feed,
                         std::string_view node, const SecretKey& node_key);

// Null when it may be taken: it holds now, and its serial is above that of the one in force.
const char* refuse_grant(const Grant& grant, std::uint64_t serial_in_force, std::uint64_t now_s);

}  // namespace cordon::feed
