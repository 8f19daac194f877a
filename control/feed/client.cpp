#include "control/feed/client.h"

#include <algorithm>
#include <set>

#include "control/feed/sealed_file.h"
#include "control/feed/sealed_part.h"
#include "dataplane/contract/keyed_tag.h"

namespace cordon::feed {
namespace {

std::string of_version(std::uint64_t version, const char* role) {
    return "metadata/" + std::to_string(version) + "." + role + ".json";
}

Failure malformed(const Error& error) {
    return refuse(Refusal::malformed, error.text);
}

Result<std::string> must_get(Fetch& fetch, const std::string& path, std::uint64_t bytes_max) {
    Result<std::optional<std::string>> got = fetch.get(path, bytes_max);
    if (!got) return Failure(got.error());
    if (!*got) return refuse(Refusal::unreachable, path + " is not there");
    return std::move(**got);
}

Result<void> check_signed(const Envelope& envelope, const Keys& keys, const Role& role,
                          const char* name) {
    const std::uint32_t valid = signed_by(envelope, keys, role);
    if (valid >= role.threshold) return {};
    return refuse(Refusal::forged, std::string(name) + " has " + std::to_string(valid) + " of " +
                                       std::to_string(role.threshold) + " signatures");
}

Result<void> check_alive(const Envelope& envelope, const char* name, std::uint64_t now_s) {
    if (now_s < envelope.expires_s) return {};
    return refuse(Refusal::frozen,
                  std::string(name) + " ended at " + write_time(envelope.expires_s));
}

// What the document above announced: length, hash, and (inside) version.
Result<std::string> get_announced(Fetch& fetch, const std::string& path, std::uint64_t length,
                                  const Hash& hash) {
    Result<std::string> bytes = must_get(fetch, path, length);
    if (!bytes) return bytes;
    if (bytes->size() < length) return refuse(Refusal::truncated, path);
    if (sha256(as_bytes(*bytes)) != hash)
        return refuse(Refusal::mixed, path + " is not what was announced");
    return bytes;
}

// One refresh: the state that grows, and what has been read of it.
class Walk {
  public:
    Walk(const TrustState& state, Fetch& fetch, std::uint64_t now_s, std::uint64_t late_s)
        : fetch_(fetch), now_s_(now_s), late_s_(late_s) {
        out.state = state;
    }
    Refreshed out;

    Result<void> roots() {
        Result<Envelope> envelope = believe_root(as_bytes(out.state.root), nullptr);
        if (!envelope) return Failure(envelope.error());
        const RootMetadata first = out.root;
        for (std::uint64_t step = 0; step < root_steps_max; ++step) {
            auto next = fetch_.get(of_version(out.root.version + 1, "root"), root_bytes_max);
            if (!next) return Failure(next.error());
            if (!*next) break;
            envelope = believe_root(as_bytes(**next), &out.root);
            if (!envelope) return Failure(envelope.error());
            out.state.root = **next;
        }
        if (auto alive = check_alive(*envelope, "root", now_s_); !alive) return alive;
        forget_rotated(first);
        return {};
    }

    Result<void> timestamp() {
        const Result<std::string> bytes =
            must_get(fetch_, "metadata/timestamp.json", timestamp_bytes_max);
        if (!bytes) return Failure(bytes.error());
        const auto envelope = read_envelope(as_bytes(*bytes), "timestamp");
        if (!envelope) return malformed(envelope.error());
        if (auto ok = check_signed(*envelope, out.root.keys, out.root.timestamp, "timestamp"); !ok)
            return ok;
        const auto fresh = read_timestamp(*envelope);
        if (!fresh) return malformed(fresh.error());
        if (const auto ok = not_older(*fresh); !ok) return ok;
        if (auto alive = check_alive(*envelope, "timestamp", late()); !alive) return alive;
        out.timestamp = *fresh;
        out.state.timestamp = *bytes;
        out.state.issued_s = std::max(out.state.issued_s, fresh->issued_s);
        return {};
    }

    Result<void> snapshot() {
        const MetadataFile& file = out.timestamp.snapshot;
        const Result<std::string> bytes = announced("snapshot", file, out.state.snapshot);
        if (!bytes) return Failure(bytes.error());
        const auto envelope = read_envelope(as_bytes(*bytes), "snapshot");
        if (!envelope) return malformed(envelope.error());
        if (auto ok = check_signed(*envelope, out.root.keys, out.root.snapshot, "snapshot"); !ok)
            return ok;
        if (envelope->version != file.version)
            return refuse(Refusal::mixed, "snapshot has another version than announced");
        const auto fresh = read_snapshot(*envelope);
        if (!fresh) return malformed(fresh.error());
        if (const auto ok = no_file_older(*fresh); !ok) return ok;
        if (auto alive = check_alive(*envelope, "snapshot", late()); !alive) return alive;
        snapshot_ = *fresh;
        out.state.snapshot = *bytes;
        return {};
    }

    // Expired targets are believed: they still say who may revoke. Releases then wait.
    Result<void> targets() {
        const auto envelope =
            believe("targets", out.root.keys, out.root.targets, &out.state.targets);
        if (!envelope) return Failure(envelope.error());
        const auto fresh = read_targets(*envelope);
        if (!fresh) return malformed(fresh.error());
        out.targets = *fresh;
        targets_alive_ = check_alive(*envelope, "targets", now_s_);
        return {};
    }

    Result<RevocationsMetadata> revocations() {
        std::string bytes = out.state.revocations;
        const auto envelope =
            believe("revocations", out.targets.keys, out.targets.revocations, &bytes);
        if (!envelope) return Failure(envelope.error());
        const auto fresh = read_revocations(*envelope);
        if (!fresh) return malformed(fresh.error());
        if (auto alive = check_alive(*envelope, "revocations", late()); !alive)
            return Failure(alive.error());
        out.state.revocations = bytes;
        return *fresh;
    }

    Result<ReleasesMetadata> releases() {
        if (!targets_alive_) return Failure(targets_alive_.error());
        // Without revocations in force a release could bring back what was revoked.
        if (!out.revocations)
            return refuse(Refusal::frozen,
                          "no new generation without revocations: " + out.revocations.error().text);
        std::string bytes = out.state.releases;
        const auto envelope = believe("releases", out.targets.keys, out.targets.releases, &bytes);
        if (!envelope) return Failure(envelope.error());
        const auto fresh = read_releases(*envelope);
        if (!fresh) return malformed(fresh.error());
        if (auto alive = check_alive(*envelope, "releases", now_s_); !alive)
            return Failure(alive.error());
        out.state.releases = bytes;
        return *fresh;
    }

  private:
    std::uint64_t late() const { return now_s_ - std::min(now_s_, late_s_); }

    // With `before`, both the old and the new keys must have signed, and versions rise by one.
    Result<Envelope> believe_root(Bytes bytes, const RootMetadata* before) {
        if (bytes.size() > root_bytes_max) return refuse(Refusal::endless, "root");
        const auto envelope = read_envelope(bytes, "root");
        if (!envelope) return malformed(envelope.error());
        const auto root = read_root(*envelope);
        if (!root) return malformed(root.error());
        if (before != nullptr) {
            if (auto ok = check_signed(*envelope, before->keys, before->root,
                                       "root, by the old "
                                       "keys,");
                !ok)
                return Failure(ok.error());
            if (root->version != before->version + 1)
                return refuse(Refusal::rolled_back, "root does not follow the one before");
            if (root->feed != before->feed || root->lab != before->lab)
                return refuse(Refusal::mixed, "root is of another feed");
        }
        if (auto ok = check_signed(*envelope, root->keys, root->root, "root"); !ok)
            return Failure(ok.error());
        out.root = *root;
        return *envelope;
    }

    // §5.3.11: whoever had the old keys may have pushed versions ahead for good.
    void forget_rotated(const RootMetadata& first) {
        const auto same = [&](const Role& a, const Role& b) {
            return a.keyids == b.keyids && a.threshold == b.threshold;
        };
        if (same(first.timestamp, out.root.timestamp) && same(first.snapshot, out.root.snapshot))
            return;
        out.state.timestamp.clear();
        out.state.snapshot.clear();
    }

    Result<void> not_older(const TimestampMetadata& fresh) {
        if (fresh.issued_s > now_s_ + clock_slack_s)
            return refuse(Refusal::backdated,
                          "timestamp is issued in the future: is the clock of "
                          "this machine right?");
        if (fresh.issued_s < out.state.issued_s)
            return refuse(Refusal::backdated, "timestamp was issued before the last one");
        if (out.state.timestamp.empty()) return {};
        const auto envelope = read_envelope(as_bytes(out.state.timestamp), "timestamp");
        if (!envelope) return malformed(envelope.error());
        const auto old = read_timestamp(*envelope);
        if (!old) return malformed(old.error());
        if (fresh.version < old->version || fresh.snapshot.version < old->snapshot.version)
            return refuse(Refusal::rolled_back, "timestamp");
        return {};
    }

    Result<void> no_file_older(const SnapshotMetadata& fresh) {
        if (out.state.snapshot.empty()) return {};
        const auto envelope = read_envelope(as_bytes(out.state.snapshot), "snapshot");
        if (!envelope) return malformed(envelope.error());
        const auto old = read_snapshot(*envelope);
        if (!old) return malformed(old.error());
        for (const auto& [name, file] : old->files) {
            const auto now = fresh.files.find(name);
            if (now == fresh.files.end() || now->second.version < file.version)
                return refuse(Refusal::rolled_back, name + " in the snapshot");
        }
        return {};
    }

    // The one we have is not fetched again.
    Result<std::string> announced(const char* name, const MetadataFile& file,
                                  const std::string& own) {
        if (own.size() == file.length && sha256(as_bytes(own)) == file.sha256) return own;
        return get_announced(fetch_, of_version(file.version, name), file.length, file.sha256);
    }

    // A document that the snapshot announces.
    Result<Envelope> believe(const char* name, const Keys& keys, const Role& role,
                             std::string* bytes) {
        const auto entry = snapshot_.files.find(std::string(name) + ".json");
        if (entry == snapshot_.files.end())
            return refuse(Refusal::mixed, std::string("the snapshot has no ") + name);
        const MetadataFile& file = entry->second;
        Result<std::string> fresh = announced(name, file, *bytes);
        if (!fresh) return Failure(fresh.error());
        const auto envelope = read_envelope(as_bytes(*fresh), "targets");
        if (!envelope) return malformed(envelope.error());
        if (envelope->version != file.version)
            return refuse(Refusal::mixed,
                          std::string(name) + " has another version than announced");
        if (auto ok = check_signed(*envelope, keys, role, name); !ok) return Failure(ok.error());
        *bytes = std::move(*fresh);
        return *envelope;
    }

    Fetch& fetch_;
    std::uint64_t now_s_;
    std::uint64_t late_s_;
    SnapshotMetadata snapshot_;
    Result<void> targets_alive_;
};

// Each form of them is gone when the next one is there: a full set has hundreds of megabytes.
Result<std::string> fetch_plain(const std::string& name, const TargetFile& file,
                                const SecretKey& epoch_key, Fetch& fetch) {
    const auto sealed =
        get_announced(fetch, target_location(name, file.sha256), file.length, file.sha256);
    if (!sealed) return Failure(sealed.error());
    auto plain = open_target(epoch_key, name, as_bytes(*sealed), file.bytes);
    if (!plain) return malformed(plain.error());
    return plain;
}

Result<RecordFile> fetch_records(const std::string& name, const TargetFile& file,
                                 const SecretKey& epoch_key, Fetch& fetch) {
    const auto plain = fetch_plain(name, file, epoch_key, fetch);
    if (!plain) return Failure(plain.error());
    auto records = decode_records(as_bytes(*plain));
    if (!records) return malformed(records.error());
    return records;
}

Result<void> check_caps(const RecordFile& file, const Caps& caps) {
    if (file.base != 0 && file.added.size() > caps.additions_day)
        return refuse(Refusal::over_caps, "more additions at once than targets allows in a day");
    if (file.removed.size() > caps.removals_day)
        return refuse(Refusal::over_caps, "more removals at once than targets allows in a day");
    const FeedRecord* last = nullptr;
    for (const FeedRecord& record : file.added) {
        // Millions of one kind and source have been looked up once.
        if (last != nullptr && record.source == last->source && record.kind == last->kind) continue;
        last = &record;
        if (!caps.sources.contains(record.source))
            return refuse(Refusal::over_caps, "a source that targets does not name");
        if (!caps.kinds.contains(indicator_kind_name(record.kind)))
            return refuse(Refusal::over_caps, "a kind that targets does not name");
    }
    return {};
}

// What is sealed is of use to those who open it only; that it is what its tag says is asked here,
// by everybody who has the key.
Result<void> check_parts(const RecordFile& file, const SecretKey& epoch_key) {
    const PartSealer sealer(epoch_key);
    for (const FeedRecord& record : file.added) {
        if (record.sealed.bytes().empty()) continue;
        if (const auto part = sealer.open(record); !part) return malformed(part.error());
    }
    return {};
}

Result<void> check_head(const RecordFile& head, const TargetFile& file) {
    if (head.base != file.base || head.generation != file.generation || head.epoch != file.epoch ||
        to_hex(head.check) != file.check || head.state != file.state)
        return refuse(Refusal::mixed, "records are not those that were announced");
    return {};
}

}  // namespace

const char* refusal_name(Refusal refusal) {
    switch (refusal) {
        case Refusal::unreachable:
            return "unreachable";
        case Refusal::endless:
            return "endless";
        case Refusal::truncated:
            return "truncated";
        case Refusal::malformed:
            return "malformed";
        case Refusal::forged:
            return "forged";
        case Refusal::rolled_back:
            return "rolled-back";
        case Refusal::mixed:
            return "mixed";
        case Refusal::frozen:
            return "frozen";
        case Refusal::backdated:
            return "backdated";
        case Refusal::over_caps:
            return "over-caps";
        case Refusal::wrong_purpose:
            return "wrong-purpose";
    }
    return "";
}

Failure refuse(Refusal refusal, const std::string& why) {
    const ErrorCode code =
        refusal == Refusal::unreachable ? ErrorCode::unreachable : ErrorCode::integrity;
    return failure(code, std::string(refusal_name(refusal)) + ": " + why);
}

Result<Refreshed> refresh(const TrustState& state, Fetch& fetch, std::uint64_t now_s,
                          TrustState* kept, std::uint64_t late_s) {
    Walk walk(state, fetch, now_s, late_s);
    if (kept != nullptr) *kept = state;
    if (const auto done = walk.roots(); !done) return Failure(done.error());
    if (kept != nullptr) *kept = walk.out.state;
    for (const auto step : {&Walk::timestamp, &Walk::snapshot, &Walk::targets}) {
        if (const auto done = (walk.*step)(); !done) return Failure(done.error());
        if (kept != nullptr) *kept = walk.out.state;
    }
    walk.out.revocations = walk.revocations();
    walk.out.releases = walk.releases();
    if (kept != nullptr) *kept = walk.out.state;
    return std::move(walk.out);
}

std::vector<std::string> cheapest_path(const ReleasesMetadata& releases, std::uint64_t own,
                                       std::uint32_t own_epoch) {
    const std::uint64_t goal = releases.newest();
    if (goal == 0 || own >= goal) return {};
    struct Reached {
        std::uint64_t bytes;
        std::vector<std::string> names;
    };
    // By generation and epoch: a set that is held under another epoch's key is another set.
    // Generations only rise along a way, so that one look at each in rising order is enough.
    using Place = std::pair<std::uint64_t, std::uint32_t>;
    std::map<Place, Reached> reached = {{{0, 0}, {0, {}}}};
    if (own != 0) reached[{own, own_epoch}] = {0, {}};
    for (auto at = reached.begin(); at != reached.end(); ++at) {
        for (const auto& [name, file] : releases.targets) {
            if (file.base != at->first.first) continue;
            if (file.base != 0 && file.epoch != at->first.second) continue;  // crosses an epoch
            const std::uint64_t bytes = at->second.bytes + file.length;
            const Place place = {file.generation, file.epoch};
            const auto known = reached.find(place);
            if (known != reached.end() && known->second.bytes <= bytes) continue;
            Reached next = {bytes, at->second.names};
            next.names.push_back(name);
            reached[place] = std::move(next);
        }
    }
    const Reached* best = nullptr;
    for (auto at = reached.lower_bound({goal, 0}); at != reached.end(); ++at)
        if (best == nullptr || at->second.bytes < best->bytes) best = &at->second;
    return best == nullptr ? std::vector<std::string>() : best->names;
}

Result<RecordSet> fetch_and_apply(const std::string& name, const TargetFile& file, const Caps& caps,
                                  const SecretKey& epoch_key, const RecordSet& set, Fetch& fetch,
                                  RecordFile* changes) {
    if (file.purpose != purpose_known_csam) return refuse(Refusal::wrong_purpose, name);
    if (file.count > caps.total)
        return refuse(Refusal::over_caps, "more records than targets allows");
    if (to_hex(key_check(TagKey(epoch_key.bytes))) != file.check)
        return refuse(Refusal::mixed, "the key of the grant is not that of this epoch");
    auto records = fetch_records(name, file, epoch_key, fetch);
    if (!records) return Failure(records.error());
    if (const auto ok = check_head(*records, file); !ok) return Failure(ok.error());
    if (const auto ok = check_caps(*records, caps); !ok) return Failure(ok.error());
    if (const auto ok = check_parts(*records, epoch_key); !ok) return Failure(ok.error());
    if (changes != nullptr) *changes = *records;
    auto next = file.base == 0 ? RecordSet::begun_by(std::move(*records)) : set.apply(*records);
    if (!next) return malformed(next.error());
    if (next->records().size() != file.count)
        return refuse(Refusal::mixed, "another number of records than announced");
    return next;
}

}  // namespace cordon::feed
