// What a sync leaves for a dataplane, without a Centre:
//
//   make_sections index STATE_DIR INDEX FILE…   an index for production with a list for each file
//                                               (list1, list2, …; the file is its reference 1),
//                                               each under a key of its own, sealed beside it
//   make_sections trees STATE_DIR INDEX FILE…   the same, with the tree fingerprints of the files
//   make_sections suspend STATE_DIR LIST REFERENCE FROM TO     from now in seconds
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <fstream>
#include <iterator>
#include <string>

#include "control/feed/key_handover.h"
#include "control/index/atomic_file.h"
#include "control/index/feed_index.h"
#include "dataplane/contract/section_keys.h"
#include "dataplane/contract/suspensions.h"
#include "dataplane/fingerprint/digest_state.h"

namespace {

using namespace cordon;

bool failed(const Result<void>& done) {
    if (!done) std::fprintf(stderr, "%s\n", done.error().message().c_str());
    return !done;
}

feed::FeedRecord record_of(const feed::SecretKey& key, const char* path, IndicatorKind kind) {
    std::ifstream file(path, std::ios::binary);
    const std::string content{std::istreambuf_iterator<char>(file), {}};
    DigestState state;
    state.start({kind});
    state.take(as_bytes(content));
    Digests digests;
    state.finish(&digests);
    const Tag tag = keyed_tag(TagKey(key.bytes), kind, digests.of(kind));
    feed::FeedRecord record;
    record.kind = kind;
    std::memcpy(record.tag.data(), &tag, sizeof tag);
    record.reference = 1;
    record.source = 1;
    return record;
}

int make_index(IndicatorKind kind, const std::string& state_dir, const std::string& path, int count,
               char** files) {
    std::vector<feed::SectionKey> keys;
    std::vector<feed::FeedRecord> records;
    for (int n = 0; n < count; ++n) {
        keys.push_back({"list" + std::to_string(n + 1), 1, feed::SecretKey::random()});
        records.push_back(record_of(keys.back().key, files[n], kind));
    }
    FeedIndexOptions options;
    // Another one than that of an index that was built in this second.
    options.index.generation = static_cast<std::uint64_t>(std::time(nullptr)) + 1;
    options.index.created_s = options.index.generation - 1;
    for (std::size_t n = 0; n < keys.size(); ++n) {
        options.feeds.push_back({.info = {.name = keys[n].name, .kind = SectionKind::feed},
                                 .check = key_check(TagKey(keys[n].key.bytes)),
                                 .records = {&records[n], 1}});
    }
    const feed::SecretKey node = feed::SecretKey::random();
    const std::string text = feed::to_hex(node.bytes) + "\n";
    if (failed(write_file_atomically(state_dir + "/" + node_key_name, as_bytes(text)))) return 1;
    if (failed(feed::hand_over_keys(keys, feed::box_public(node), state_dir))) return 1;
    const Result<BuildReport> built = build_feed_index(options, path);
    if (!built) std::fprintf(stderr, "%s\n", built.error().message().c_str());
    return built ? 0 : 1;
}

int suspend(const std::string& state_dir, char** words) {
    const auto now_s = static_cast<std::uint64_t>(std::time(nullptr));
    Suspension entry = {};
    std::strncpy(entry.name, words[0], sizeof entry.name - 1);
    entry.what = SuspensionOf::reference;
    entry.mode = SuspensionMode::suspended;
    entry.value = std::strtoull(words[1], nullptr, 10);
    entry.since_s = now_s + static_cast<std::uint64_t>(std::atoll(words[2]));
    entry.until_s = now_s + static_cast<std::uint64_t>(std::atoll(words[3]));
    const std::string file = write_suspensions({entry}, {}, now_s);
    return failed(write_file_atomically(state_dir + "/" + suspensions_name, as_bytes(file)));
}

}  // namespace

int main(int count, char** words) {
    const std::string what = count > 1 ? words[1] : "";
    if ((what == "index" || what == "trees") && count > 4)
        return make_index(what == "trees" ? IndicatorKind::sha256_tree : IndicatorKind::sha256,
                          words[2], words[3], count - 4, words + 4);
    if (what == "suspend" && count == 7) return suspend(words[2], words + 3);
    std::fputs("usage: make_sections index|trees|suspend …\n", stderr);
    return 2;
}
