// Bytes → metadata. What has another shape is refused with the member at fault.
#include <charconv>

#include "control/feed/canonical_json.h"
#include "control/feed/metadata.h"
#include "control/feed/records.h"

namespace cordon::feed {
namespace {

using nlohmann::json;

// Thrown by the small readers below, caught where a document is read: nowhere else.
struct Malformed {
    std::string why;
};

const json& member(const json& object, const char* name) {
    if (!object.is_object() || !object.contains(name))
        throw Malformed{std::string("\"") + name + "\" is missing"};
    return object.at(name);
}

const json& object_of(const json& object, const char* name, std::size_t most) {
    const json& value = member(object, name);
    if (!value.is_object() || value.size() > most)
        throw Malformed{std::string("\"") + name + "\" is no object of at most " +
                        std::to_string(most) + " members"};
    return value;
}

const json& array_of(const json& object, const char* name, std::size_t most) {
    const json& value = member(object, name);
    if (!value.is_array() || value.size() > most)
        throw Malformed{std::string("\"") + name + "\" is no array of at most " +
                        std::to_string(most) + " elements"};
    return value;
}

std::uint64_t number(const json& object, const char* name, std::uint64_t most) {
    const json& value = member(object, name);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > most)
        throw Malformed{std::string("\"") + name + "\" is no whole number of at most " +
                        std::to_string(most)};
    return value.get<std::uint64_t>();
}

constexpr std::uint64_t any_number = std::uint64_t{1} << 53;

// Texts of a feed are shown to operators: nothing in them may steer a terminal.
std::string plain_text(const json& value, const char* name, std::size_t most) {
    const bool fits = value.is_string() && value.get_ref<const std::string&>().size() <= most;
    if (!fits) throw Malformed{std::string("\"") + name + "\" is no text that fits"};
    const std::string text = value.get<std::string>();
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f)
            throw Malformed{std::string("\"") + name + "\" has control characters"};
    }
    return text;
}

std::string text(const json& object, const char* name, std::size_t most) {
    return plain_text(member(object, name), name, most);
}

bool truth(const json& object, const char* name) {
    const json& value = member(object, name);
    if (!value.is_boolean()) throw Malformed{std::string("\"") + name + "\" is no truth value"};
    return value.get<bool>();
}

std::uint64_t time_of(const json& object, const char* name) {
    const std::optional<std::uint64_t> time = read_time(text(object, name, 20));
    if (!time)
        throw Malformed{std::string("\"") + name + "\" is no time like 2026-01-31T18:00:00Z"};
    return *time;
}

template <std::size_t Size>
std::array<std::uint8_t, Size> hex(const json& object, const char* name) {
    std::array<std::uint8_t, Size> bytes;
    if (!from_hex(text(object, name, 2 * Size), bytes))
        throw Malformed{std::string("\"") + name + "\" is not " + std::to_string(2 * Size) +
                        " lower-case hex digits"};
    return bytes;
}

Hash hash_of(const json& object) {
    return hex<32>(object_of(object, "hashes", 8), "sha256");
}

Keys keys_of(const json& object) {
    Keys keys;
    for (const auto& [id, key] : object_of(object, "keys", keys_max).items()) {
        // Keys of other kinds are none of ours, and sign nothing here.
        if (text(key, "keytype", 64) != "ed25519" || text(key, "scheme", 64) != "ed25519") continue;
        const PublicKey bytes = hex<32>(member(key, "keyval"), "public");
        if (key_id(bytes) != id) throw Malformed{"the id of a key is not that of the key"};
        keys[id] = bytes;
    }
    return keys;
}

Role role_of(const json& object) {
    Role role;
    for (const json& id : array_of(object, "keyids", keys_max))
        role.keyids.insert(plain_text(id, "keyids", 64));
    role.threshold = static_cast<std::uint32_t>(number(object, "threshold", keys_max));
    if (role.threshold == 0) throw Malformed{"a threshold of 0"};
    return role;
}

MetadataFile file_of(const json& object) {
    return {number(object, "version", any_number), number(object, "length", metadata_bytes_max),
            hash_of(object)};
}

std::uint16_t source_of(const std::string& digits) {
    std::uint16_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size())
        throw Malformed{"a source that is no number"};
    return value;
}

Caps caps_of(const json& object) {
    Caps caps;
    caps.additions_day = number(object, "additions_day", records_max);
    caps.removals_day = number(object, "removals_day", records_max);
    caps.total = number(object, "total", records_max);
    for (const auto& [digits, name] : object_of(object, "sources", 1000).items())
        caps.sources[source_of(digits)] = plain_text(name, "sources", 64);
    for (const json& kind : array_of(object, "kinds", indicator_kind_count))
        caps.kinds.insert(plain_text(kind, "kinds", 32));
    return caps;
}

Role delegation_of(const json& delegations, const char* name, const json& paths) {
    for (const json& role : array_of(delegations, "roles", 16)) {
        if (text(role, "name", 64) != name) continue;
        // Other paths would let a role speak of what is not its own.
        if (array_of(role, "paths", 16) != paths) throw Malformed{"a delegation of other paths"};
        return role_of(role);
    }
    throw Malformed{std::string("no delegation to \"") + name + "\""};
}

TargetFile target_of(const json& object) {
    TargetFile file;
    file.length = number(object, "length", record_file_bytes_max);
    file.sha256 = hash_of(object);
    const json& custom = object_of(object, "custom", 32);
    file.generation = number(custom, "generation", any_number);
    file.base = number(custom, "base", any_number);
    file.count = number(custom, "count", records_max);
    file.bytes = number(custom, "bytes", record_file_bytes_max);
    file.epoch = static_cast<std::uint32_t>(number(custom, "epoch", UINT32_MAX));
    file.check = to_hex(hex<16>(custom, "check"));
    file.state = hex<32>(custom, "state");
    file.purpose = text(custom, "purpose", 64);
    return file;
}

std::string expected_name(const TargetFile& file) {
    const std::string generation = std::to_string(file.generation);
    return file.base == 0 ? "full/" + generation + ".rec"
                          : "delta/" + std::to_string(file.base) + "-" + generation + ".rec";
}

Suspension suspension_of(const json& object) {
    Suspension entry;
    const std::string what = text(object, "what", 16);
    const SuspensionOf all[] = {SuspensionOf::reference, SuspensionOf::generation,
                                SuspensionOf::source};
    bool known = false;
    for (const SuspensionOf one : all) {
        if (what != suspension_name(one)) continue;
        entry.what = one;
        known = true;
    }
    if (!known) throw Malformed{"a suspension of something unknown"};
    entry.value = number(object, "value", reference_max);
    entry.since_s = time_of(object, "since");
    entry.until_s = time_of(object, "until");
    const std::uint64_t most =
        entry.what == SuspensionOf::reference ? reference_suspension_max_s : wide_suspension_max_s;
    if (entry.until_s <= entry.since_s || entry.until_s - entry.since_s > most)
        throw Malformed{"a suspension that is longer than it may be"};
    entry.reason = text(object, "reason", 500);
    return entry;
}

// The edge: what the readers throw ends here.
template <typename T, typename Read>
Result<T> guarded(const std::string& what, Read&& read) {
    try {
        return read();
    } catch (const Malformed& malformed) {
        return failure(ErrorCode::integrity, "malformed " + what + ": " + malformed.why);
    }
}

template <typename T>
T head_of(const Envelope& envelope) {
    T document;
    document.version = envelope.version;
    document.expires_s = envelope.expires_s;
    return document;
}

}  // namespace

Result<Envelope> read_envelope(Bytes bytes, std::string_view type) {
    const Result<json> whole = parse_json(bytes);
    if (!whole) return Failure(whole.error());
    return guarded<Envelope>(std::string(type), [&] {
        Envelope envelope;
        envelope.body = member(*whole, "signed");
        envelope.type = text(envelope.body, "_type", 32);
        if (envelope.type != type) throw Malformed{"it is of type " + envelope.type};
        if (!text(envelope.body, "spec_version", 32).starts_with("1."))
            throw Malformed{"it is of another version of TUF"};
        envelope.version = number(envelope.body, "version", any_number);
        if (envelope.version == 0) throw Malformed{"version 0"};
        envelope.expires_s = time_of(envelope.body, "expires");
        std::set<std::string> seen;
        for (const json& one : array_of(*whole, "signatures", signatures_max)) {
            const std::string id = text(one, "keyid", 64);
            if (!seen.insert(id).second) throw Malformed{"two signatures of one key"};
            // A signature of another scheme has another length: it is of no key of ours.
            Signature signature;
            if (from_hex(text(one, "sig", 4096), signature))
                envelope.signatures.push_back({id, signature});
        }
        envelope.signed_bytes = canonical_json(envelope.body);
        return envelope;
    });
}

Result<RootMetadata> read_root(const Envelope& envelope) {
    return guarded<RootMetadata>("root", [&] {
        auto root = head_of<RootMetadata>(envelope);
        if (!truth(envelope.body, "consistent_snapshot"))
            throw Malformed{"snapshots are not consistent"};
        root.feed = text(envelope.body, "feed", 64);
        root.lab = truth(envelope.body, "lab");
        root.keys = keys_of(envelope.body);
        const json& roles = member(envelope.body, "roles");
        root.root = role_of(member(roles, "root"));
        root.targets = role_of(member(roles, "targets"));
        root.snapshot = role_of(member(roles, "snapshot"));
        root.timestamp = role_of(member(roles, "timestamp"));
        return root;
    });
}

Result<TimestampMetadata> read_timestamp(const Envelope& envelope) {
    return guarded<TimestampMetadata>("timestamp", [&] {
        auto timestamp = head_of<TimestampMetadata>(envelope);
        timestamp.issued_s = time_of(envelope.body, "issued");
        const json& meta = object_of(envelope.body, "meta", 1);
        timestamp.snapshot = file_of(member(meta, "snapshot.json"));
        return timestamp;
    });
}

Result<SnapshotMetadata> read_snapshot(const Envelope& envelope) {
    return guarded<SnapshotMetadata>("snapshot", [&] {
        auto snapshot = head_of<SnapshotMetadata>(envelope);
        for (const auto& [name, file] : object_of(envelope.body, "meta", 16).items())
            snapshot.files[name] = file_of(file);
        return snapshot;
    });
}

Result<TargetsMetadata> read_targets(const Envelope& envelope) {
    return guarded<TargetsMetadata>("targets", [&] {
        auto targets = head_of<TargetsMetadata>(envelope);
        object_of(envelope.body, "targets", 0);
        targets.caps = caps_of(member(envelope.body, "caps"));
        targets.grants = role_of(member(envelope.body, "grants"));
        const json& delegations = member(envelope.body, "delegations");
        targets.keys = keys_of(delegations);
        targets.releases = delegation_of(delegations, "releases", {"full/*", "delta/*"});
        targets.revocations =
            delegation_of(delegations, "revocations", json::array({"revocations/*"}));
        return targets;
    });
}

Result<ReleasesMetadata> read_releases(const Envelope& envelope) {
    return guarded<ReleasesMetadata>("releases", [&] {
        auto releases = head_of<ReleasesMetadata>(envelope);
        for (const auto& [name, object] :
             object_of(envelope.body, "targets", targets_max).items()) {
            const TargetFile file = target_of(object);
            if (name != expected_name(file) || file.generation <= file.base)
                throw Malformed{"a target whose name is not that of its contents"};
            if (file.purpose != purpose_known_csam)
                throw Malformed{"a target for another purpose than known CSAM"};
            releases.targets[name] = file;
        }
        return releases;
    });
}

Result<RevocationsMetadata> read_revocations(const Envelope& envelope) {
    return guarded<RevocationsMetadata>("revocations", [&] {
        auto revocations = head_of<RevocationsMetadata>(envelope);
        object_of(envelope.body, "targets", 0);
        for (const json& entry : array_of(envelope.body, "suspensions", suspensions_max))
            revocations.suspensions.push_back(suspension_of(entry));
        return revocations;
    });
}

}  // namespace cordon::feed
