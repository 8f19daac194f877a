#include "control/feed/metadata.h"

#include <time.h>

#include <algorithm>

#include "control/feed/canonical_json.h"

namespace cordon::feed {
namespace {

using nlohmann::json;

json key_json(const PublicKey& key) {
    return {{"keytype", "ed25519"}, {"scheme", "ed25519"}, {"keyval", {{"public", to_hex(key)}}}};
}

json keys_json(const Keys& keys) {
    json all = json::object();
    for (const auto& [id, key] : keys)
        all[id] = key_json(key);
    return all;
}

json role_json(const Role& role) {
    return {{"keyids", role.keyids}, {"threshold", role.threshold}};
}

json head_json(const char* type, std::uint64_t version, std::uint64_t expires_s) {
    return {{"_type", type},
            {"spec_version", "1.0.31"},
            {"version", version},
            {"expires", write_time(expires_s)}};
}

json file_json(const MetadataFile& file) {
    return {{"version", file.version},
            {"length", file.length},
            {"hashes", {{"sha256", to_hex(file.sha256)}}}};
}

json delegation_json(const char* name, const Role& role, std::vector<const char*> paths) {
    json all = role_json(role);
    all["name"] = name;
    all["paths"] = paths;
    all["terminating"] = true;
    return all;
}

json caps_json(const Caps& caps) {
    json sources = json::object();
    for (const auto& [number, name] : caps.sources)
        sources[std::to_string(number)] = name;
    return {{"additions_day", caps.additions_day},
            {"removals_day", caps.removals_day},
            {"total", caps.total},
            {"sources", sources},
            {"kinds", caps.kinds}};
}

json target_json(const TargetFile& file) {
    return {{"length", file.length},
            {"hashes", {{"sha256", to_hex(file.sha256)}}},
            {"custom",
             {{"generation", file.generation},
              {"base", file.base},
              {"count", file.count},
              {"bytes", file.bytes},
              {"epoch", file.epoch},
              {"check", file.check},
              {"state", to_hex(file.state)},
              {"purpose", file.purpose}}}};
}

}  // namespace

json to_json(const RootMetadata& root) {
    json body = head_json("root", root.version, root.expires_s);
    body["consistent_snapshot"] = true;
    body["feed"] = root.feed;
    body["lab"] = root.lab;
    body["keys"] = keys_json(root.keys);
    body["roles"] = {{"root", role_json(root.root)},
                     {"targets", role_json(root.targets)},
                     {"snapshot", role_json(root.snapshot)},
                     {"timestamp", role_json(root.timestamp)}};
    return body;
}

json to_json(const TimestampMetadata& timestamp) {
    json body = head_json("timestamp", timestamp.version, timestamp.expires_s);
    body["issued"] = write_time(timestamp.issued_s);
    body["meta"] = {{"snapshot.json", file_json(timestamp.snapshot)}};
    return body;
}

json to_json(const SnapshotMetadata& snapshot) {
    json body = head_json("snapshot", snapshot.version, snapshot.expires_s);
    body["meta"] = json::object();
    for (const auto& [name, file] : snapshot.files)
        body["meta"][name] = file_json(file);
    return body;
}

json to_json(const TargetsMetadata& targets) {
    json body = head_json("targets", targets.version, targets.expires_s);
    body["targets"] = json::object();
    body["caps"] = caps_json(targets.caps);
    body["grants"] = role_json(targets.grants);
    body["delegations"] = {
        {"keys", keys_json(targets.keys)},
        {"roles",
         {delegation_json("releases", targets.releases, {"full/*", "delta/*"}),
          delegation_json("revocations", targets.revocations, {"revocations/*"})}}};
    return body;
}

json to_json(const ReleasesMetadata& releases) {
    json body = head_json("targets", releases.version, releases.expires_s);
    body["targets"] = json::object();
    for (const auto& [name, file] : releases.targets)
        body["targets"][name] = target_json(file);
    return body;
}

json to_json(const RevocationsMetadata& revocations) {
    json body = head_json("targets", revocations.version, revocations.expires_s);
    body["targets"] = json::object();
    body["suspensions"] = json::array();
    for (const Suspension& entry : revocations.suspensions) {
        body["suspensions"].push_back({{"what", suspension_name(entry.what)},
                                       {"value", entry.value},
                                       {"since", write_time(entry.since_s)},
                                       {"until", write_time(entry.until_s)},
                                       {"reason", entry.reason}});
    }
    return body;
}

const char* suspension_name(SuspensionOf what) {
    switch (what) {
        case SuspensionOf::reference:
            return "reference";
        case SuspensionOf::generation:
            return "generation";
        case SuspensionOf::source:
            return "source";
    }
    return "";
}

std::string write_envelope(const json& body, const std::vector<SignatureOf>& signatures) {
    json all = json::array();
    for (const SignatureOf& one : signatures)
        all.push_back({{"keyid", one.keyid}, {"sig", to_hex(one.signature)}});
    return canonical_json({{"signed", body}, {"signatures", all}});
}

std::string key_id(const PublicKey& key) {
    return to_hex(sha256(as_bytes(canonical_json(key_json(key)))));
}

std::uint32_t signed_by(const Envelope& envelope, const Keys& keys, const Role& role) {
    std::set<PublicKey> counted;
    for (const SignatureOf& one : envelope.signatures) {
        const auto key = keys.find(one.keyid);
        if (!role.keyids.contains(one.keyid) || key == keys.end()) continue;
        if (counted.contains(key->second)) continue;
        if (verify(key->second, as_bytes(envelope.signed_bytes), one.signature))
            counted.insert(key->second);
    }
    return static_cast<std::uint32_t>(counted.size());
}

std::string write_time(std::uint64_t unix_s) {
    const auto time = static_cast<time_t>(unix_s);
    tm parts = {};
    char text[32];
    if (::gmtime_r(&time, &parts) == nullptr) return "";
    const std::size_t size = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text, size};
}

std::optional<std::uint64_t> read_time(const std::string& text) {
    tm parts = {};
    if (text.size() != 20 || ::strptime(text.c_str(), "%Y-%m-%dT%H:%M:%SZ", &parts) == nullptr)
        return std::nullopt;
    const time_t time = ::timegm(&parts);
    // February 31 and its like come back as another day.
    if (time < 0 || write_time(static_cast<std::uint64_t>(time)) != text) return std::nullopt;
    return static_cast<std::uint64_t>(time);
}

std::string target_location(const std::string& name, const Hash& sha256) {
    const std::size_t slash = name.rfind('/') + 1;
    return "targets/" + name.substr(0, slash) + to_hex(sha256) + "." + name.substr(slash);
}

std::uint64_t ReleasesMetadata::newest() const {
    std::uint64_t generation = 0;
    for (const auto& [name, file] : targets)
        generation = std::max(generation, file.generation);
    return generation;
}

}  // namespace cordon::feed
