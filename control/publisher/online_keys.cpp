#include "control/publisher/online_keys.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>

namespace cordon::feed {
namespace {

constexpr const char* next_end = ".next";
constexpr const char* public_end = ".pub";

std::string path_of(const FeedStore& store, const std::string& role) {
    return store.path("keys/" + role + ".key");
}

bool is_there(const std::string& path) {
    return ::access(path.c_str(), F_OK) == 0;
}

// Of what is published; what is staged counts when it is.
Result<Role> named(FeedStore& store, const std::string& role) {
    Documents documents(store);
    if (role == "grants") {
        const auto targets = documents.targets(Documents::Above::in_force);
        return targets ? Result<Role>(targets->grants) : Failure(targets.error());
    }
    const auto root = documents.root(Documents::Above::in_force);
    if (!root) return Failure(root.error());
    return role == "snapshot" ? root->snapshot : root->timestamp;
}

Result<bool> is_named(const std::string& path, const Role& role) {
    if (!is_there(path + public_end)) return false;
    const auto key = read_public_key_file(path + public_end);
    if (!key) return Failure(key.error());
    return role.keyids.contains(key_id(key->public_key));
}

Result<void> rename_file(const std::string& from, const std::string& to) {
    if (::rename(from.c_str(), to.c_str()) == 0 || errno == ENOENT) return {};
    return failure(ErrorCode::io, "cannot rename " + from, errno);
}

// Its public half last: what is asked by it is then in its place.
Result<void> take_into_use(const std::string& path, std::uint64_t now_s) {
    const std::string next = path + next_end;
    if (is_there(next)) {
        if (auto done = rename_file(path, path + "." + std::to_string(now_s)); !done) return done;
        if (auto done = rename_file(next, path); !done) return done;
    }
    return rename_file(next + public_end, path + public_end);
}

}  // namespace

Result<PublicKeyFile> make_online_key(FeedStore& store, const std::string& role) {
    return make_key_file(path_of(store, role), role, std::nullopt);
}

Result<std::string> make_next_online_key(FeedStore& store, const std::string& role) {
    const std::string next = path_of(store, role) + next_end;
    const Result<Role> in_use = named(store, role);
    if (!in_use) return Failure(in_use.error());
    const Result<bool> is_in_use = is_named(next, *in_use);
    if (!is_in_use) return Failure(is_in_use.error());
    if (*is_in_use)
        return failure(ErrorCode::refused,
                       next +
                           " is in use since the last publication, which was cut off; "
                           "`cordon-feed refresh` ends it");
    ::unlink(next.c_str());
    ::unlink((next + public_end).c_str());
    const auto made = make_key_file(next, role, std::nullopt);
    if (!made) return Failure(made.error());
    return next + public_end;
}

Result<KeyFile> online_key(FeedStore& store, const std::string& role) {
    const Result<Role> in_use = named(store, role);
    if (!in_use) return Failure(in_use.error());
    const std::string path = path_of(store, role);
    for (const std::string& file : {path, path + next_end}) {
        if (!is_there(file)) continue;
        Result<KeyFile> key = open_key_file(file);
        if (!key || in_use->keyids.contains(key_id(key->public_key))) return key;
    }
    return failure(ErrorCode::refused, path + " is not the key that the feed names for " + role);
}

Result<void> settle_online_keys(FeedStore& store, std::uint64_t now_s) {
    for (const char* role : online_roles) {
        const Result<Role> in_use = named(store, role);
        if (!in_use) return Failure(in_use.error());
        const std::string path = path_of(store, role);
        const Result<bool> is_next = is_named(path + next_end, *in_use);
        if (!is_next) return Failure(is_next.error());
        if (!*is_next) continue;
        if (auto done = take_into_use(path, now_s); !done) return done;
    }
    return {};
}

}  // namespace cordon::feed
