#include "control/publisher/repository.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "control/index/atomic_file.h"
#include "control/publisher/online_keys.h"

namespace cordon::feed {
namespace {

using nlohmann::json;

// Superseded ones that a client may still be on its way to.
constexpr std::uint64_t snapshots_kept = 16;

Role role_of(FeedStore& store, const RoleKeys& from, Keys* keys) {
    Role role;
    role.threshold = from.threshold;
    Statement put(store.db(), "INSERT OR REPLACE INTO holder VALUES (?, ?)");
    for (const PublicKeyFile& key : from.keys) {
        const std::string id = key_id(key.public_key);
        (*keys)[id] = key.public_key;
        role.keyids.insert(id);
        put.bind(id).bind(key.name).run();
    }
    return role;
}

Result<RoleKeys> make_online(FeedStore& store, const char* role) {
    const auto key = make_online_key(store, role);
    if (!key) return Failure(key.error());
    return RoleKeys{{*key}, 1};
}

Result<void> check_plan(const FeedPlan& plan) {
    const std::pair<const char*, const RoleKeys*> roles[] = {{"root", &plan.root},
                                                             {"targets", &plan.targets},
                                                             {"releases", &plan.releases},
                                                             {"revocations", &plan.revocations}};
    for (const auto& [name, role] : roles) {
        std::set<PublicKey> different;
        for (const PublicKeyFile& key : role->keys)
            different.insert(key.public_key);
        if (different.size() >= role->threshold && different.size() == role->keys.size()) continue;
        return failure(ErrorCode::usage, std::string(name) + " needs at least " +
                                             std::to_string(role->threshold) +
                                             " different keys, and each once");
    }
    return {};
}

// The documents that a snapshot speaks of.
Result<SnapshotMetadata> snapshot_of(FeedStore& store, std::uint64_t now_s) {
    SnapshotMetadata snapshot;
    snapshot.expires_s = now_s + snapshot_life_s;
    for (const char* role : {"targets", "releases", "revocations"}) {
        const std::optional<Document> document = Documents(store).published(role);
        if (!document)
            return failure(ErrorCode::refused, std::string("the feed has no ") + role +
                                                   " yet that is signed and published");
        const std::string text = document->text();
        snapshot.files[std::string(role) + ".json"] = {document->version, text.size(),
                                                       sha256(as_bytes(text))};
    }
    return snapshot;
}

bool same_files(const Document& document, const SnapshotMetadata& snapshot) {
    const Result<SnapshotMetadata> before = read_snapshot(document.envelope());
    return before && before->files == snapshot.files;
}

bool is_signed_by(const Document& document, const KeyFile& key) {
    const std::string id = key_id(key.public_key);
    return std::any_of(document.signatures.begin(), document.signatures.end(),
                       [&id](const SignatureOf& one) { return one.keyid == id; });
}

// A new snapshot if anything in it changed, its key did or half its life is over, and a new
// timestamp.
Result<void> sign_online(FeedStore& store, std::uint64_t now_s) {
    Documents documents(store);
    Result<SnapshotMetadata> snapshot = snapshot_of(store, now_s);
    if (!snapshot) return Failure(snapshot.error());
    const Result<KeyFile> snapshot_key = online_key(store, "snapshot");
    if (!snapshot_key) return Failure(snapshot_key.error());
    const Result<KeyFile> timestamp_key = online_key(store, "timestamp");
    if (!timestamp_key) return Failure(timestamp_key.error());
    std::optional<Document> last = documents.published("snapshot");
    if (!last || !same_files(*last, *snapshot) || !is_signed_by(*last, *snapshot_key) ||
        last->envelope().expires_s < now_s + snapshot_life_s / 2) {
        snapshot->version = documents.next_version("snapshot");
        documents.put_published("snapshot", snapshot->version, to_json(*snapshot), *snapshot_key,
                                now_s);
        last = documents.published("snapshot");
    }
    if (!last) return failure(ErrorCode::integrity, "the store lost a snapshot");
    const std::optional<Document> before = documents.published("timestamp");
    if (before && before->body["issued"] > write_time(now_s))
        return failure(ErrorCode::refused, "the last timestamp was issued at " +
                                               before->body["issued"].get<std::string>() +
                                               ": the clock of this machine went back");
    const std::string text = last->text();
    TimestampMetadata timestamp;
    timestamp.version = documents.next_version("timestamp");
    timestamp.expires_s = now_s + timestamp_life_s;
    timestamp.issued_s = now_s;
    timestamp.snapshot = {last->version, text.size(), sha256(as_bytes(text))};
    documents.put_published("timestamp", timestamp.version, to_json(timestamp), *timestamp_key,
                            now_s);
    return {};
}

void drop_old_versions(FeedStore& store) {
    for (const char* table : {"signature", "document"}) {
        for (const char* role : {"snapshot", "timestamp"}) {
            Statement drop(store.db(), std::string("DELETE FROM ") + table +
                                           " WHERE role = ?1 AND version + ?2 < (SELECT "
                                           "max(version) FROM document WHERE role = ?1)");
            drop.bind(std::string_view(role)).bind_unsigned(snapshots_kept).run();
        }
    }
}

void mark_generation(FeedStore& store, std::uint64_t now_s) {
    Statement mark(store.db(), "UPDATE generation SET published = ? WHERE published IS NULL");
    mark.bind_unsigned(now_s).run();
}

// Writes the file unless it is there as it should be.
Result<void> write_once(const std::string& path, const std::string& text) {
    const Result<std::string> there = read_whole_file(path, metadata_bytes_max);
    if (there && *there == text) return {};
    return write_file_atomically(path, as_bytes(text), 0644);
}

Result<void> write_documents(FeedStore& store) {
    // All roots, for clients that come late; of the others those that somebody may still fetch.
    Statement query(store.db(),
                    "SELECT role, version FROM document AS d WHERE published = 1 "
                    "AND role <> 'timestamp' AND (role = 'root' OR version + ? > "
                    "(SELECT max(version) FROM document WHERE role = d.role "
                    "AND published = 1)) ORDER BY role, version");
    query.bind_unsigned(snapshots_kept);
    Documents documents(store);
    while (query.row()) {
        const auto document = documents.published_version(query.text(0), query.number(1));
        if (!document) return Failure(store.db().take_error());
        const std::string name =
            "public/metadata/" + std::to_string(document->version) + "." + document->role + ".json";
        if (auto done = write_once(store.path(name), document->text()); !done) return done;
    }
    return {};
}

Result<void> write_grants(FeedStore& store) {
    Statement query(store.db(), "SELECT name, grant_file FROM node WHERE grant_file IS NOT NULL");
    while (query.row()) {
        const std::string path = store.path("public/grants/" + query.text(0) + ".grant");
        if (auto done = write_once(path, query.text(1)); !done) return done;
    }
    return {};
}

// What no document names any more. The last releases but one stay whole for clients on their way.
std::set<std::string> wanted_files(FeedStore& store) {
    std::set<std::string> wanted;
    Documents documents(store);
    const std::optional<Document> newest = documents.published("releases");
    std::vector<std::optional<Document>> all = {documents.staged("releases"), newest};
    if (newest) all.push_back(documents.published_version("releases", newest->version - 1));
    for (const std::optional<Document>& document : all) {
        if (!document) continue;
        const Result<ReleasesMetadata> releases = read_releases(document->envelope());
        if (!releases) continue;
        for (const auto& [name, file] : releases->targets) {
            wanted.insert(target_location(name, file.sha256));
            wanted.insert("sets/" + std::to_string(file.generation) + ".rec");
        }
    }
    return wanted;
}

void remove_unwanted(FeedStore& store) {
    namespace fs = std::filesystem;
    const std::set<std::string> wanted = wanted_files(store);
    const std::int64_t newest = store.db().integer(
        "SELECT coalesce(max(number), 0) FROM generation "
        "WHERE published IS NOT NULL");
    std::error_code error;
    for (const char* folder : {"targets/full", "targets/delta"}) {
        for (const auto& entry : fs::directory_iterator(store.path("public/") + folder, error)) {
            const std::string name = std::string(folder) + "/" + entry.path().filename().string();
            if (!wanted.contains(name)) fs::remove(entry.path(), error);
        }
    }
    for (const auto& entry : fs::directory_iterator(store.path("sets"), error)) {
        const std::string number = entry.path().stem();
        if (std::atoll(number.c_str()) < newest) fs::remove(entry.path(), error);
    }
    const std::int64_t snapshot = store.db().integer(
        "SELECT coalesce(max(version), 0) FROM document "
        "WHERE role = 'snapshot'");
    for (const auto& entry : fs::directory_iterator(store.path("public/metadata"), error)) {
        const std::string name = entry.path().filename();
        const bool old =
            name.ends_with(".snapshot.json") &&
            std::atoll(name.c_str()) + static_cast<std::int64_t>(snapshots_kept) < snapshot;
        if (old) fs::remove(entry.path(), error);
    }
}

class Publishing {
  public:
    Publishing(FeedStore& store, std::uint64_t now_s)
        : store_(store), documents_(store), now_s_(now_s) {}
    Published out;

    Result<void> run() {
        bool above_waits = false;
        for (const char* role : signed_roles) {
            const std::optional<Document> document = documents_.staged(role);
            if (!document) continue;
            const bool waits_for_above = above_waits && document->role != "revocations";
            const Result<bool> complete =
                documents_.is_complete(*document, Documents::Above::in_force);
            // Before the first root there is none in force to ask.
            const bool ready = complete && *complete && !waits_for_above;
            if (!ready) {
                const Result<std::string> needs = describe_needs(store_, *document);
                if (!needs) return Failure(needs.error());
                out.waiting.push_back(*needs);
                above_waits = true;
                continue;
            }
            documents_.mark_published(*document);
            if (document->role == "releases") mark_generation(store_, now_s_);
            out.documents.push_back(document->role + " " + std::to_string(document->version));
        }
        if (out.documents.empty()) return nothing_to_publish();
        if (auto done = sign_online(store_, now_s_); !done) return done;
        drop_old_versions(store_);
        for (const std::string& name : out.documents)
            store_.note(now_s_, "published " + name);
        return {};
    }

  private:
    Result<void> nothing_to_publish() {
        std::string why = "nothing to publish";
        for (const std::string& waiting : out.waiting)
            why += "; " + waiting;
        return failure(ErrorCode::refused, why);
    }

    FeedStore& store_;
    Documents documents_;
    std::uint64_t now_s_;
};

Result<Published> finish(FeedStore& store, Published published, std::uint64_t now_s) {
    if (auto done = settle_online_keys(store, now_s); !done) return Failure(done.error());
    published.generation = static_cast<std::uint64_t>(store.db().integer(
        "SELECT coalesce(max(number), 0) FROM generation WHERE published IS NOT NULL"));
    if (auto done = write_public(store); !done) return Failure(done.error());
    return published;
}

}  // namespace

Result<void> begin_feed(FeedStore& store, const FeedPlan& plan) {
    if (auto right = check_plan(plan); !right) return right;
    std::map<std::string, RoleKeys> online;
    for (const char* role : online_roles) {
        const Result<RoleKeys> made = make_online(store, role);
        if (!made) return Failure(made.error());
        online[role] = *made;
    }
    return store.transaction([&]() -> Result<void> {
        RootMetadata root;
        root.expires_s = plan.now_s + root_life_s;
        root.feed = plan.feed;
        root.lab = plan.lab;
        root.root = role_of(store, plan.root, &root.keys);
        root.targets = role_of(store, plan.targets, &root.keys);
        root.snapshot = role_of(store, online["snapshot"], &root.keys);
        root.timestamp = role_of(store, online["timestamp"], &root.keys);
        TargetsMetadata targets;
        targets.expires_s = plan.now_s + targets_life_s;
        targets.caps = plan.caps;
        targets.releases = role_of(store, plan.releases, &targets.keys);
        targets.revocations = role_of(store, plan.revocations, &targets.keys);
        targets.grants = role_of(store, online["grants"], &targets.keys);
        RevocationsMetadata revocations;
        revocations.expires_s = plan.now_s + revocations_life_s;
        Documents documents(store);
        documents.stage("root", to_json(root));
        documents.stage("targets", to_json(targets));
        documents.stage("revocations", to_json(revocations));
        const SecretKey key = SecretKey::random();
        Statement epoch(store.db(), "INSERT INTO epoch VALUES (1, ?, ?)");
        epoch.bind(Bytes(key.bytes)).bind_unsigned(plan.now_s).run();
        store.note(plan.now_s, "feed " + plan.feed + " begun");
        return {};
    });
}

Result<Published> publish(FeedStore& store, std::uint64_t now_s) {
    Publishing publishing(store, now_s);
    const Result<void> done = store.transaction([&] { return publishing.run(); });
    if (!done) return Failure(done.error());
    return finish(store, std::move(publishing.out), now_s);
}

Result<Published> refresh_timestamp(FeedStore& store, std::uint64_t now_s) {
    const Result<void> done = store.transaction([&]() -> Result<void> {
        if (auto signed_now = sign_online(store, now_s); !signed_now) return signed_now;
        drop_old_versions(store);
        return {};
    });
    if (!done) return Failure(done.error());
    return finish(store, {}, now_s);
}

Result<void> write_public(FeedStore& store) {
    if (auto done = write_documents(store); !done) return done;
    if (auto done = write_grants(store); !done) return done;
    const std::optional<Document> timestamp = Documents(store).published("timestamp");
    if (timestamp) {
        const std::string path = store.path("public/metadata/timestamp.json");
        if (auto done = write_once(path, timestamp->text()); !done) return done;
    }
    remove_unwanted(store);
    if (store.db().failed()) return Failure(store.db().take_error());
    return {};
}

Result<void> stage_revocations(FeedStore& store, const std::vector<Suspension>& added,
                               const std::optional<Suspension>& lifted, const KeyFile& key,
                               std::uint64_t now_s) {
    Documents documents(store);
    std::optional<Document> last = documents.staged("revocations");
    if (!last) last = documents.published("revocations");
    if (!last) return failure(ErrorCode::integrity, "the feed has no revocations");
    Result<RevocationsMetadata> revocations = read_revocations(last->envelope());
    if (!revocations) return Failure(revocations.error());
    const auto same = [](const Suspension& a, const Suspension& b) {
        return a.what == b.what && a.value == b.value;
    };
    std::erase_if(revocations->suspensions, [&](const Suspension& one) {
        const bool again = std::any_of(added.begin(), added.end(),
                                       [&](const Suspension& other) { return same(one, other); });
        return one.until_s <= now_s || again || (lifted && same(one, *lifted));
    });
    revocations->suspensions.insert(revocations->suspensions.end(), added.begin(), added.end());
    if (revocations->suspensions.size() > suspensions_max)
        return failure(ErrorCode::refused, "there are " + std::to_string(suspensions_max) +
                                               " suspensions already: withdraw, and publish");
    revocations->expires_s = now_s + revocations_life_s;
    return store.transaction([&]() -> Result<void> {
        documents.stage("revocations", to_json(*revocations));
        const auto done = documents.sign_staged(key, now_s, {"revocations"});
        if (!done) return Failure(done.error());
        return {};
    });
}

Result<std::string> describe_needs(FeedStore& store, const Document& document) {
    Documents documents(store);
    const auto needs = documents.needs(document);
    if (!needs) return Failure(needs.error());
    const Envelope envelope = document.envelope();
    std::string text = document.role + " " + std::to_string(document.version) + ":";
    for (const Documents::Need& need : *needs) {
        std::string may;
        for (const std::string& id : need.role.keyids) {
            const bool has = std::any_of(document.signatures.begin(), document.signatures.end(),
                                         [&](const SignatureOf& one) { return one.keyid == id; });
            if (!has) may += (may.empty() ? "" : ", ") + documents.holder(id);
        }
        text += (&need == needs->data() ? " " : ", and of the root before: ") +
                std::to_string(signed_by(envelope, need.keys, need.role)) + " of " +
                std::to_string(need.role.threshold) + " signatures";
        if (!may.empty()) text += " (may sign: " + may + ")";
    }
    return text;
}

}  // namespace cordon::feed
