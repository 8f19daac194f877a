// The signed documents of a feed: TUF 1.0 metadata with Cordon's custom fields, between bytes and
// structs (docs/feed-format.md, "Metadata").
//
// Owns:       nothing.
// Invariants: what a reader gives back was whole, of the asked type and within its limits; who
//             signed it is a question of its own (signed_by). Unknown members are left in the
//             signed bytes and ignored, as TUF asks. A key counts once, whatever its ids are.
// Thread:     any. Does not throw, but for memory that runs out.
// Limits:     those below; the caller bounds the bytes before it fetches.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "control/feed/crypto.h"
#include "dataplane/base/result.h"

namespace cordon::feed {

inline constexpr std::uint64_t root_bytes_max = 64 * 1024;
inline constexpr std::uint64_t timestamp_bytes_max = 16 * 1024;
inline constexpr std::uint64_t metadata_bytes_max = 1024 * 1024;  // what snapshot may announce
inline constexpr std::size_t signatures_max = 32;
inline constexpr std::size_t keys_max = 64;
inline constexpr std::size_t targets_max = 256;
inline constexpr std::size_t suspensions_max = 2000;

// Lifetimes (DESIGN §11). What is offline lives long; what is online is made anew all day.
inline constexpr std::uint64_t hour_s = 3600;
inline constexpr std::uint64_t day_s = 24 * hour_s;
inline constexpr std::uint64_t root_life_s = 365 * day_s;
inline constexpr std::uint64_t targets_life_s = 90 * day_s;
inline constexpr std::uint64_t releases_life_s = 7 * day_s;
inline constexpr std::uint64_t revocations_life_s = day_s;
inline constexpr std::uint64_t snapshot_life_s = day_s;
inline constexpr std::uint64_t timestamp_life_s = hour_s;
inline constexpr std::uint64_t grant_life_max_s = 31 * day_s;
inline constexpr std::uint64_t reference_suspension_max_s = 7 * day_s;
inline constexpr std::uint64_t wide_suspension_max_s = 3 * day_s;  // of a generation, a source

inline constexpr std::string_view purpose_known_csam = "known-csam";

using Keys = std::map<std::string, PublicKey>;  // by key id

struct Role {
    std::set<std::string> keyids;
    std::uint32_t threshold = 1;
};

struct SignatureOf {
    std::string keyid;
    Signature signature;
};

// A document and who claims to have signed it.
struct Envelope {
    nlohmann::json body;  // "signed"
    std::string signed_bytes;
    std::vector<SignatureOf> signatures;
    std::string type;
    std::uint64_t version = 0;
    std::uint64_t expires_s = 0;
};

Result<Envelope> read_envelope(Bytes bytes, std::string_view type);
std::string write_envelope(const nlohmann::json& body, const std::vector<SignatureOf>& signatures);
// How many different keys of the role signed these bytes.
std::uint32_t signed_by(const Envelope& envelope, const Keys& keys, const Role& role);

std::string key_id(const PublicKey& key);

struct RootMetadata {
    std::uint64_t version = 1;
    std::uint64_t expires_s = 0;
    std::string feed;  // the name of the feed, for people and for grants
    bool lab = false;
    Keys keys;
    Role root, targets, snapshot, timestamp;
};

struct MetadataFile {
    std::uint64_t version = 0;
    std::uint64_t length = 0;
    Hash sha256 = {};
    friend bool operator==(const MetadataFile&, const MetadataFile&) = default;
};

struct TimestampMetadata {
    std::uint64_t version = 1;
    std::uint64_t expires_s = 0;
    std::uint64_t issued_s = 0;
    MetadataFile snapshot;
};

struct SnapshotMetadata {
    std::uint64_t version = 1;
    std::uint64_t expires_s = 0;
    std::map<std::string, MetadataFile> files;  // "targets.json" → …
};

// What the curators may do, whoever they are: bounds on a day's changes, the sources they may name.
struct Caps {
    std::uint64_t additions_day = 0;
    std::uint64_t removals_day = 0;
    std::uint64_t total = 0;
    std::map<std::uint16_t, std::string> sources;
    std::set<std::string> kinds;  // by indicator_kind_name()
};

struct TargetsMetadata {
    std::uint64_t version = 1;
    std::uint64_t expires_s = 0;
    Caps caps;
    Keys keys;
    Role releases, revocations;
    Role grants;  // who may sign grants: beside TUF, which knows no such role
};

struct TargetFile {
    std::uint64_t length = 0;
    Hash sha256 = {};
    // custom:
    std::uint64_t generation = 0;
    std::uint64_t base = 0;   // 0: a full set
    std::uint64_t count = 0;  // live records after it
    std::uint64_t bytes = 0;  // of the records when they are opened
    std::uint32_t epoch = 0;
    std::string check;  // of the epoch's key
    Hash state = {};
    std::string purpose;
};

struct ReleasesMetadata {
    std::uint64_t version = 1;
    std::uint64_t expires_s = 0;
    std::map<std::string, TargetFile> targets;  // "full/7.rec", "delta/6-7.rec"

    std::uint64_t newest() const;  // generation, 0 when there is none
};

enum class SuspensionOf : std::uint8_t { reference, generation, source };
const char* suspension_name(SuspensionOf what);

struct Suspension {
    SuspensionOf what = SuspensionOf::reference;
    std::uint64_t value = 0;
    std::uint64_t since_s = 0;
    std::uint64_t until_s = 0;
    std::string reason;
};

struct RevocationsMetadata {
    std::uint64_t version = 1;
    std::uint64_t expires_s = 0;
    std::vector<Suspension> suspensions;
};

nlohmann::json to_json(const RootMetadata& root);
nlohmann::json to_json(const TimestampMetadata& timestamp);
nlohmann::json to_json(const SnapshotMetadata& snapshot);
nlohmann::json to_json(const TargetsMetadata& targets);
nlohmann::json to_json(const ReleasesMetadata& releases);
nlohmann::json to_json(const RevocationsMetadata& revocations);

Result<RootMetadata> read_root(const Envelope& envelope);
Result<TimestampMetadata> read_timestamp(const Envelope& envelope);
Result<SnapshotMetadata> read_snapshot(const Envelope& envelope);
Result<TargetsMetadata> read_targets(const Envelope& envelope);
Result<ReleasesMetadata> read_releases(const Envelope& envelope);
Result<RevocationsMetadata> read_revocations(const Envelope& envelope);

// "2026-11-22T05:00:00Z", only so.
std::string write_time(std::uint64_t unix_s);
std::optional<std::uint64_t> read_time(const std::string& text);

// Where a target lies on a mirror: its hash stands before its name (consistent snapshots).
std::string target_location(const std::string& name, const Hash& sha256);

}  // namespace cordon::feed
