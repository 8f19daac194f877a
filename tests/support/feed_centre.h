// A Centre in memory: keys of every role, documents as they stand, and what a mirror serves of
// them. Tests change what they like and sign it again, with the right keys or others.
//
// Owns:       its keys and files.
// Invariants: after serve() the files are a valid feed as of now_s, unless a test broke something.
#pragma once

#include <map>
#include <string>

#include "control/feed/canonical_json.h"
#include "control/feed/client.h"
#include "control/feed/sealed_file.h"

namespace cordon::test {

using namespace cordon::feed;

struct Holders {
    std::vector<SecretKey> seeds;
    std::uint32_t threshold = 1;

    Holders(std::size_t count, std::uint32_t needed) : threshold(needed) {
        for (std::size_t i = 0; i < count; ++i)
            seeds.push_back(SecretKey::random());
    }
    feed::Role role(Keys* keys) const {
        feed::Role role;
        role.threshold = threshold;
        for (const SecretKey& seed : seeds) {
            const PublicKey key = signing_public(seed);
            (*keys)[key_id(key)] = key;
            role.keyids.insert(key_id(key));
        }
        return role;
    }
    std::vector<SignatureOf> sign_all(const nlohmann::json& body, std::size_t count) const {
        const std::string bytes = canonical_json(body);
        std::vector<SignatureOf> signatures;
        for (std::size_t i = 0; i < count; ++i)
            signatures.push_back(
                {key_id(signing_public(seeds[i])), sign(seeds[i], as_bytes(bytes))});
        return signatures;
    }
    std::string signed_text(const nlohmann::json& body) const {
        return write_envelope(body, sign_all(body, threshold));
    }
};

class FeedCentre final : public Fetch {
  public:
    Holders root_keys{5, 3}, targets_keys{3, 2}, releases_keys{3, 2}, revocations_keys{2, 1},
        snapshot_keys{1, 1}, timestamp_keys{1, 1};
    SecretKey epoch_key = SecretKey::random();
    std::uint64_t now_s = 1'800'000'000;

    RootMetadata root;
    TargetsMetadata targets;
    ReleasesMetadata releases;
    RevocationsMetadata revocations;
    SnapshotMetadata snapshot;
    TimestampMetadata timestamp;

    std::map<std::string, std::string> files;
    std::map<std::string, int> fetched;

    FeedCentre() {
        root.feed = "eu/known";
        root.expires_s = now_s + root_life_s;
        name_root_keys();
        targets.expires_s = now_s + targets_life_s;
        targets.caps = {10, 10, 100, {{1, "iwf"}}, {"sha256", "md5"}};
        name_delegated_keys();
        releases.expires_s = now_s + releases_life_s;
        revocations.expires_s = now_s + revocations_life_s;
        put_root();
        serve();
    }

    void name_root_keys() {
        root.keys.clear();
        root.root = root_keys.role(&root.keys);
        root.targets = targets_keys.role(&root.keys);
        root.snapshot = snapshot_keys.role(&root.keys);
        root.timestamp = timestamp_keys.role(&root.keys);
    }
    void name_delegated_keys() {
        targets.keys.clear();
        targets.releases = releases_keys.role(&targets.keys);
        targets.revocations = revocations_keys.role(&targets.keys);
        targets.grants = targets.revocations;
    }
    void put_root() { put("root", root.version, root_keys.signed_text(to_json(root))); }

    // The root that follows, signed by the old holders and the new.
    void put_next_root(const Holders& before) {
        ++root.version;
        name_root_keys();
        const nlohmann::json body = to_json(root);
        auto signatures = before.sign_all(body, before.threshold);
        for (const SignatureOf& one : root_keys.sign_all(body, root_keys.threshold)) {
            bool there = false;
            for (const SignatureOf& old : signatures)
                there |= old.keyid == one.keyid;
            if (!there) signatures.push_back(one);
        }
        put("root", root.version, write_envelope(body, signatures));
    }

    // All below root, anew; versions are the caller's.
    void serve() {
        put("targets", targets.version, targets_keys.signed_text(to_json(targets)));
        put("releases", releases.version, releases_keys.signed_text(to_json(releases)));
        put("revocations", revocations.version, revocations_keys.signed_text(to_json(revocations)));
        announce();
    }
    // Snapshot and timestamp of what is served now.
    void announce() {
        snapshot.expires_s = now_s + snapshot_life_s;
        snapshot.files["targets.json"] = file_of("targets", targets.version);
        snapshot.files["releases.json"] = file_of("releases", releases.version);
        snapshot.files["revocations.json"] = file_of("revocations", revocations.version);
        put_snapshot();
    }
    void put_snapshot() {
        put("snapshot", snapshot.version, snapshot_keys.signed_text(to_json(snapshot)));
        timestamp.expires_s = now_s + timestamp_life_s;
        timestamp.issued_s = now_s;
        timestamp.snapshot = file_of("snapshot", snapshot.version);
        put_timestamp();
    }
    void put_timestamp() {
        files["metadata/timestamp.json"] = timestamp_keys.signed_text(to_json(timestamp));
    }
    void next_versions(std::uint64_t later_s) {
        now_s += later_s;
        ++timestamp.version;
        ++snapshot.version;
    }

    // One more release; `file` says what leads to it.
    std::string add_release(RecordFile file, std::uint64_t count) {
        file.epoch = 1;
        file.check = key_check(TagKey(epoch_key.bytes));
        const std::string generation = std::to_string(file.generation);
        const std::string name =
            file.base == 0 ? "full/" + generation + ".rec"
                           : "delta/" + std::to_string(file.base) + "-" + generation + ".rec";
        const std::string plain = encode_records(file);
        const std::string sealed = *seal_target(epoch_key, name, as_bytes(plain));
        TargetFile target;
        target.length = sealed.size();
        target.sha256 = sha256(as_bytes(sealed));
        target.generation = file.generation;
        target.base = file.base;
        target.count = count;
        target.bytes = plain.size();
        target.epoch = file.epoch;
        target.check = to_hex(file.check);
        target.state = file.state;
        target.purpose = purpose_known_csam;
        releases.targets[name] = target;
        files[target_location(name, target.sha256)] = sealed;
        return name;
    }

    static std::string path_of(const std::string& role, std::uint64_t version) {
        return "metadata/" + std::to_string(version) + "." + role + ".json";
    }
    std::string& bytes(const std::string& role, std::uint64_t version) {
        return files[path_of(role, version)];
    }
    MetadataFile file_of(const std::string& role, std::uint64_t version) {
        const std::string& text = bytes(role, version);
        return {version, text.size(), sha256(as_bytes(text))};
    }
    void put(const std::string& role, std::uint64_t version, std::string text) {
        files[path_of(role, version)] = std::move(text);
    }

    Result<std::optional<std::string>> get(const std::string& path,
                                           std::uint64_t bytes_max) override {
        ++fetched[path];
        const auto file = files.find(path);
        if (file == files.end()) return std::nullopt;
        if (file->second.size() > bytes_max) return refuse(Refusal::endless, path);
        return std::optional(file->second);
    }
};

inline FeedRecord feed_record(std::uint8_t n, std::uint16_t source = 1) {
    FeedRecord one;
    one.tag.fill(n);
    one.reference = n;
    one.source = source;
    one.category = 5;
    return one;
}

}  // namespace cordon::test
