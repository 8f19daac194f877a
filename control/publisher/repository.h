// The feed as it is served: begun, published, refreshed, and made of the store again after a crash.
//
// Owns:       nothing; the store is the caller's.
// Invariants: what clients see changes when timestamp.json is replaced, and only then (a new root
//             apart, which is valid by itself). All that it leads to lies there before. What is
//             published is in the store first: a crash between the two is mended by the next
//             command that publishes or refreshes.
// Thread:     one.
// Limits:     none of its own.
#pragma once

#include "control/publisher/documents.h"

namespace cordon::feed {

struct RoleKeys {
    std::vector<PublicKeyFile> keys;
    std::uint32_t threshold = 1;
};

struct FeedPlan {
    std::string feed;
    bool lab = false;
    RoleKeys root{{}, 3}, targets{{}, 2}, releases{{}, 2}, revocations{{}, 1};
    Caps caps;
    std::uint64_t now_s = 0;
};

// Fills an empty store: root, targets and revocations are staged, the online keys made.
Result<void> begin_feed(FeedStore& store, const FeedPlan& plan);

struct Published {
    std::vector<std::string> documents;  // "releases 7"
    std::vector<std::string> waiting;    // what is staged and still lacks signatures
    std::uint64_t generation = 0;
};

// Publishes every staged document that has its signatures. A document waits for the one above it;
// revocations wait for nothing.
Result<Published> publish(FeedStore& store, std::uint64_t now_s);
// A new timestamp, and a new snapshot when half its life is over.
Result<Published> refresh_timestamp(FeedStore& store, std::uint64_t now_s);
// Writes what the store has published and public/ lacks; timestamp.json last.
Result<void> write_public(FeedStore& store);

// Suspensions in force or staged, with these added and lapsed ones left out; staged and signed.
Result<void> stage_revocations(FeedStore& store, const std::vector<Suspension>& added,
                               const std::optional<Suspension>& lifted, const KeyFile& key,
                               std::uint64_t now_s);

// A staged document in words: "releases 7: 1 of 2 signatures (anna); may sign: ben, cleo".
Result<std::string> describe_needs(FeedStore& store, const Document& document);

}  // namespace cordon::feed
