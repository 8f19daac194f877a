// The keys of the machine itself: snapshot, timestamp, grants.
//
//   DIR/keys/ROLE.key         the one in use
//   DIR/keys/ROLE.key.next    one that a root (targets) names which waits for its signatures
//   DIR/keys/ROLE.key.<time>  one that was in use, until the folder is cleaned
//
// Owns:       nothing; the store is the caller's.
// Invariants: nothing is signed by a key that no published document names. Which of the files that
//             is, is asked of the store each time; their names follow it, so that a crash between
//             the two changes nothing.
// Thread:     one.
// Limits:     none of its own.
#pragma once

#include "control/publisher/documents.h"

namespace cordon::feed {

inline constexpr const char* online_roles[] = {"snapshot", "timestamp", "grants"};

// The first one of a role, for a folder that has none.
Result<PublicKeyFile> make_online_key(FeedStore& store, const std::string& role);
// The path of the next one's public half. One that was made before and never published is gone.
Result<std::string> make_next_online_key(FeedStore& store, const std::string& role);
// The one that the published root (for grants: targets) names.
Result<KeyFile> online_key(FeedStore& store, const std::string& role);
// After a publication: what is in use by now gets the name of what is in use.
Result<void> settle_online_keys(FeedStore& store, std::uint64_t now_s);

}  // namespace cordon::feed
