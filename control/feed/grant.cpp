#include "control/feed/grant.h"

#include "control/feed/canonical_json.h"

namespace cordon::feed {
namespace {

using nlohmann::json;

constexpr std::size_t sealed_bytes_max = 1024;

Failure refused(const std::string& why) {
    return failure(ErrorCode::integrity, "grant: " + why);
}

std::string sealed_keys(const Grant& grant, const PublicKey& node_key) {
    json epochs = json::object();
    for (const auto& [epoch, key] : grant.epochs)
        epochs[std::to_string(epoch)] = to_hex(key.bytes);
    std::string plain = canonical_json(epochs);
    const std::string sealed = seal_for(node_key, as_bytes(plain));
    wipe(plain.data(), plain.size());
    return to_hex(as_bytes(sealed));
}

bool read_keys(const std::string& plain, Grant* grant) {
    const Result<json> epochs = parse_json(as_bytes(plain));
    if (!epochs || !epochs->is_object() || epochs->empty() || epochs->size() > 2) return false;
    for (const auto& [digits, value] : epochs->items()) {
        SecretKey key;
        if (digits.empty() || digits.size() > 9 ||
            digits.find_first_not_of("0123456789") != std::string::npos || !value.is_string() ||
            !from_hex(value.get_ref<const std::string&>(), key.bytes))
            return false;
        grant->epochs[static_cast<std::uint32_t>(std::stoul(digits))] = key;
    }
    return true;
}

bool is_text(const json& body, const char* name, std::size_t most) {
    return body.contains(name) && body[name].is_string() &&
           body[name].get_ref<const std::string&>().size() <= most;
}

bool read_times(const json& body, Grant* grant) {
    for (const char* name : {"issued", "not_before", "expires"}) {
        if (!is_text(body, name, 20) || !read_time(body[name])) return false;
    }
    grant->issued_s = *read_time(body["issued"]);
    grant->not_before_s = *read_time(body["not_before"]);
    grant->not_after_s = *read_time(body["expires"]);
    return grant->not_before_s < grant->not_after_s &&
           grant->not_after_s - grant->not_before_s <= grant_life_max_s;
}

bool read_body(const json& body, Grant* grant) {
    for (const char* name : {"feed", "node", "legal_basis", "order"}) {
        if (!is_text(body, name, 200)) return false;
    }
    if (!body.contains("services") || !body["services"].is_array() || body["services"].size() > 64)
        return false;
    for (const json& service : body["services"]) {
        if (!service.is_string()) return false;
        grant->services.push_back(service);
    }
    grant->feed = body["feed"];
    grant->node = body["node"];
    grant->legal_basis = body["legal_basis"];
    grant->order = body["order"];
    return read_times(body, grant) && is_text(body, "sealed", 2 * sealed_bytes_max);
}

}  // namespace

json grant_body(const Grant& grant, const PublicKey& node_key) {
    return {{"_type", "grant"},
            {"spec_version", "1.0.31"},
            {"version", grant.serial},
            {"feed", grant.feed},
            {"node", grant.node},
            {"issued", write_time(grant.issued_s)},
            {"not_before", write_time(grant.not_before_s)},
            {"expires", write_time(grant.not_after_s)},
            {"legal_basis", grant.legal_basis},
            {"order", grant.order},
            {"services", grant.services},
            {"sealed", sealed_keys(grant, node_key)}};
}

Result<Grant> open_grant(Bytes bytes, const TargetsMetadata& targets, std::string_view feed,
                         std::string_view node, const SecretKey& node_key) {
    if (bytes.size() > grant_bytes_max) return refused("too long");
    const Result<Envelope> envelope = read_envelope(bytes, "grant");
    if (!envelope) return Failure(envelope.error());
    if (signed_by(*envelope, targets.keys, targets.grants) < targets.grants.threshold)
        return refused("not signed by a key that targets names for grants");
    Grant grant;
    grant.serial = envelope->version;
    if (!read_body(envelope->body, &grant)) return refused("malformed");
    if (grant.feed != feed) return refused("for another feed");
    if (grant.node != node) return refused("for another node");
    const std::string digits = envelope->body["sealed"];
    std::string sealed(digits.size() / 2, '\0');
    if (!from_hex(digits, {reinterpret_cast<std::uint8_t*>(sealed.data()), sealed.size()}))
        return refused("malformed");
    std::optional<std::string> plain = unseal(node_key, as_bytes(sealed));
    if (!plain) return refused("sealed for another key than this node's");
    const bool whole = read_keys(*plain, &grant);
    wipe(plain->data(), plain->size());
    if (!whole) return refused("malformed");
    return grant;
}

const char* refuse_grant(const Grant& grant, std::uint64_t serial_in_force, std::uint64_t now_s) {
    if (grant.serial <= serial_in_force) return "its serial is not above that of the one in force";
    if (now_s < grant.not_before_s) return "it does not hold yet";
    if (now_s >= grant.not_after_s) return "it has ended";
    return nullptr;
}

}  // namespace cordon::feed
