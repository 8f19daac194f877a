// A publisher's feed in a folder of its own, with all its people and a clock of the test.
//
// Owns:       the folder, between setup() and teardown().
#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>

#include "control/feed/client.h"
#include "control/feed/folder_fetch.h"
#include "control/publisher/intake.h"
#include "control/publisher/repository.h"
#include "control/publisher/staging.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

namespace cordon::test {

using namespace cordon::feed;

inline std::string directory;
inline std::uint64_t clock_s;
inline std::unique_ptr<FeedStore> store;
inline std::unique_ptr<KnownGood> known_good;
inline std::vector<KeyFile> root_holders, targets_holders, curators, on_call;

inline std::vector<KeyFile> make_holders(const char* name, int count) {
    std::vector<KeyFile> holders;
    for (int i = 1; i <= count; ++i) {
        const std::string who = name + std::to_string(i);
        const std::string path = directory + "/" + who + ".key";
        if (!make_key_file(path, who, std::nullopt)) std::abort();
        holders.push_back(*open_key_file(path));
    }
    return holders;
}

inline RoleKeys keys_of(const std::vector<KeyFile>& holders, std::uint32_t threshold) {
    RoleKeys keys;
    keys.threshold = threshold;
    for (const KeyFile& holder : holders)
        keys.keys.push_back({holder.name, holder.public_key});
    return keys;
}

inline void sign_by(const std::vector<KeyFile>& holders, std::size_t count, const char* role) {
    for (std::size_t i = 0; i < count; ++i)
        assert_true(Documents(*store).sign_staged(holders[i], clock_s, {role}).has_value());
}

inline void make_feed(bool lab) {
    FeedPlan plan;
    plan.feed = "eu/known";
    plan.lab = lab;
    plan.root = keys_of(root_holders = make_holders("root", 5), 3);
    plan.targets = keys_of(targets_holders = make_holders("targets", 3), 2);
    plan.releases = keys_of(curators = make_holders("curator", 3), 2);
    plan.revocations = keys_of(on_call = make_holders("oncall", 2), 1);
    plan.caps = {1000, 100, 10000, {{1, "iwf"}, {2, "hotline"}}, {"sha256", "sha1", "md5"}};
    plan.now_s = clock_s;
    assert_true(begin_feed(*store, plan).has_value());
    sign_by(root_holders, 3, "root");
    sign_by(targets_holders, 2, "targets");
    sign_by(on_call, 1, "revocations");
}

inline int setup(void**) {
    char name[] = "/tmp/cordon-feed-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) return -1;
    directory = name;
    clock_s = 1'800'000'000;
    store = std::move(*FeedStore::make(directory + "/feed"));
    known_good = std::make_unique<KnownGood>();
    known_good->seal();
    make_feed(true);
    return 0;
}

inline int teardown(void**) {
    store.reset();
    known_good.reset();
    std::filesystem::remove_all(directory);
    return 0;
}

// A digest that has nothing to do with any file.
inline RowDigest digest(std::uint32_t n, IndicatorKind kind = IndicatorKind::sha256) {
    const std::string text = "item " + std::to_string(n);
    RowDigest one;
    one.kind = kind;
    one.digest = sha256(as_bytes(text));
    return one;
}

inline Row row(std::uint32_t n) {
    Row one;
    one.line = n;
    one.digests[0] = digest(n);
    one.digest_count = 1;
    one.category = 5;
    return one;
}

inline std::vector<Row> rows(std::uint32_t from, std::uint32_t to) {
    std::vector<Row> all;
    for (std::uint32_t n = from; n < to; ++n)
        all.push_back(row(n));
    return all;
}

inline Imported import(const char* source, std::vector<Row> list, bool full = true) {
    ImportOf about = {source, "list", full, 0, clock_s};
    const auto done = import_rows(*store, about, std::move(list), *known_good);
    assert_true(done.has_value());
    return *done;
}

inline Result<Staged> stage(bool full = false) {
    StageOptions options;
    options.full = full;
    options.now_s = clock_s;
    return stage_release(*store, options);
}

inline std::uint64_t release(bool full = false) {
    const auto staged = stage(full);
    assert_true(staged.has_value());
    sign_by(curators, 2, "releases");
    const auto done = publish(*store, clock_s);
    assert_true(done.has_value());
    return done->generation;
}

inline std::string public_file(const std::string& name) {
    return *read_whole_file(store->path("public/") + name, 1u << 20);
}

// What a client sees that has seen `state` before; without it a new one.
inline Result<Refreshed> client_sees(TrustState state = {}) {
    if (state.root.empty()) state.root = public_file("metadata/1.root.json");
    FolderFetch fetch(store->path("public"));
    return refresh(state, fetch, clock_s);
}

// What a client that has `own` holds after a sync.
inline RecordSet synced(std::uint64_t own, RecordSet set, const TrustState& state = {}) {
    const auto feed = client_sees(state);
    assert_true(feed && feed->releases);
    FolderFetch fetch(store->path("public"));
    const SecretKey key = *epoch_key(*store, 1);
    for (const std::string& name : cheapest_path(*feed->releases, own, 1)) {
        auto next = fetch_and_apply(name, feed->releases->targets.at(name), feed->targets.caps, key,
                                    set, fetch, nullptr);
        assert_true(next.has_value());
        set = std::move(*next);
    }
    return set;
}

}  // namespace cordon::test
