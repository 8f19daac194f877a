#include "control/publisher/documents.h"

#include <algorithm>

#include "control/feed/canonical_json.h"

namespace cordon::feed {
namespace {

using nlohmann::json;

constexpr const char* of_role = "SELECT role, version, published, body FROM document ";

}  // namespace

Envelope Document::envelope() const {
    Envelope envelope;
    envelope.body = body;
    envelope.signed_bytes = canonical_json(body);
    envelope.signatures = signatures;
    envelope.type = body["_type"];
    envelope.version = version;
    envelope.expires_s = read_time(body["expires"]).value_or(0);
    return envelope;
}

std::optional<Document> Documents::read(Statement& query) {
    if (!query.row()) return std::nullopt;
    Document document;
    document.role = query.text(0);
    document.version = query.number(1);
    document.published = query.integer(2) != 0;
    const Result<json> body = parse_json(as_bytes(query.text(3)));
    query.reset();
    if (!body) {
        store_.db().set_error(ErrorCode::integrity, "a document is no JSON");
        return std::nullopt;
    }
    document.body = *body;
    Statement signatures(store_.db(),
                         "SELECT keyid, signature, name FROM signature "
                         "WHERE role = ? AND version = ? ORDER BY at, keyid");
    signatures.bind(document.role).bind_unsigned(document.version);
    while (signatures.row()) {
        SignatureOf one = {signatures.text(0), {}};
        const Bytes bytes = signatures.blob(1);
        if (bytes.size() == one.signature.size())
            std::copy(bytes.begin(), bytes.end(), one.signature.begin());
        document.signatures.push_back(one);
        document.signers.push_back(signatures.text(2));
    }
    return document;
}

std::optional<Document> Documents::published(const std::string& role) {
    Statement query(store_.db(), std::string(of_role) +
                                     "WHERE role = ? AND published = 1 "
                                     "ORDER BY version DESC LIMIT 1");
    query.bind(role);
    return read(query);
}

std::optional<Document> Documents::staged(const std::string& role) {
    Statement query(store_.db(), std::string(of_role) +
                                     "WHERE role = ? AND published = 0 "
                                     "ORDER BY version DESC LIMIT 1");
    query.bind(role);
    return read(query);
}

std::optional<Document> Documents::published_version(const std::string& role,
                                                     std::uint64_t version) {
    Statement query(store_.db(),
                    std::string(of_role) + "WHERE role = ? AND version = ? AND published = 1");
    query.bind(role).bind_unsigned(version);
    return read(query);
}

std::uint64_t Documents::next_version(const std::string& role) {
    Statement query(store_.db(),
                    "SELECT coalesce(max(version), 0) + 1 FROM document "
                    "WHERE role = ? AND published = 1");
    query.bind(role);
    return query.row() ? query.number(0) : 0;
}

void Documents::stage(const std::string& role, json body) {
    unstage(role);
    const std::uint64_t version = next_version(role);
    body["version"] = version;
    const std::string text = canonical_json(body);
    Statement put(store_.db(), "INSERT INTO document VALUES (?, ?, 0, ?)");
    put.bind(role).bind_unsigned(version).bind(text).run();
}

void Documents::unstage(const std::string& role) {
    Statement signatures(store_.db(),
                         "DELETE FROM signature WHERE role = ?1 AND version IN "
                         "(SELECT version FROM document WHERE role = ?1 AND published = 0)");
    signatures.bind(role).run();
    Statement document(store_.db(), "DELETE FROM document WHERE role = ? AND published = 0");
    document.bind(role).run();
}

Result<RootMetadata> Documents::root(Above above) {
    std::optional<Document> document;
    if (above == Above::staged) document = staged("root");
    if (!document) document = published("root");
    if (!document) return failure(ErrorCode::integrity, "the feed has no root");
    return read_root(document->envelope());
}

Result<TargetsMetadata> Documents::targets(Above above) {
    std::optional<Document> document;
    if (above == Above::staged) document = staged("targets");
    if (!document) document = published("targets");
    if (!document) return failure(ErrorCode::integrity, "the feed has no targets");
    return read_targets(document->envelope());
}

Result<std::vector<Documents::Need>> Documents::needs(const Document& document, Above above) {
    std::vector<Need> all;
    if (document.role == "root") {
        const Result<RootMetadata> own = read_root(document.envelope());
        if (!own) return Failure(own.error());
        all.push_back({own->keys, own->root});
        if (const auto before = published_version("root", document.version - 1)) {
            const Result<RootMetadata> old = read_root(before->envelope());
            if (!old) return Failure(old.error());
            all.push_back({old->keys, old->root});
        }
    } else if (document.role == "targets") {
        const Result<RootMetadata> parent = root(above);
        if (!parent) return Failure(parent.error());
        all.push_back({parent->keys, parent->targets});
    } else {
        const Result<TargetsMetadata> parent = targets(above);
        if (!parent) return Failure(parent.error());
        all.push_back(
            {parent->keys, document.role == "releases" ? parent->releases : parent->revocations});
    }
    return all;
}

Result<bool> Documents::is_complete(const Document& document, Above above) {
    const Result<std::vector<Need>> all = needs(document, above);
    if (!all) return Failure(all.error());
    const Envelope envelope = document.envelope();
    return std::all_of(all->begin(), all->end(), [&](const Need& need) {
        return signed_by(envelope, need.keys, need.role) >= need.role.threshold;
    });
}

void Documents::add_signature(const Document& document, const KeyFile& key, std::uint64_t now_s) {
    const std::string id = key_id(key.public_key);
    const Signature signature = sign(key.seed, as_bytes(canonical_json(document.body)));
    Statement put(store_.db(), "INSERT OR REPLACE INTO signature VALUES (?, ?, ?, ?, ?, ?)");
    put.bind(document.role).bind_unsigned(document.version).bind(id).bind(Bytes(signature));
    put.bind(key.name).bind_unsigned(now_s).run();
}

Result<std::vector<std::string>> Documents::sign_staged(const KeyFile& key, std::uint64_t now_s,
                                                        const std::vector<std::string>& roles) {
    const std::string id = key_id(key.public_key);
    std::vector<std::string> done;
    for (const std::string& role : roles) {
        const std::optional<Document> document = staged(role);
        if (!document) continue;
        const Result<std::vector<Need>> all = needs(*document);
        if (!all) return Failure(all.error());
        const bool asked = std::any_of(all->begin(), all->end(), [&](const Need& need) {
            return need.role.keyids.contains(id);
        });
        if (!asked) continue;
        add_signature(*document, key, now_s);
        store_.note(now_s, key.name + " signed " + role + " " + std::to_string(document->version));
        done.push_back(role);
    }
    if (done.empty())
        return failure(ErrorCode::refused,
                       "nothing that is staged asks for the key of " + key.name);
    return done;
}

void Documents::put_published(const std::string& role, std::uint64_t version, const json& body,
                              const KeyFile& key, std::uint64_t now_s) {
    const std::string text = canonical_json(body);
    Statement put(store_.db(), "INSERT INTO document VALUES (?, ?, 1, ?)");
    put.bind(role).bind_unsigned(version).bind(text).run();
    Document document;
    document.role = role;
    document.version = version;
    document.body = body;
    add_signature(document, key, now_s);
}

void Documents::put_signed(const std::string& role, const Envelope& envelope) {
    Statement put(store_.db(), "INSERT INTO document VALUES (?, ?, 1, ?)");
    put.bind(role).bind_unsigned(envelope.version).bind(envelope.signed_bytes).run();
    Statement sign(store_.db(), "INSERT INTO signature VALUES (?, ?, ?, ?, ?, 0)");
    for (const SignatureOf& one : envelope.signatures) {
        const std::string who = holder(one.keyid);
        sign.bind(role).bind_unsigned(envelope.version).bind(one.keyid).bind(Bytes(one.signature));
        sign.bind(who).run();
    }
}

void Documents::mark_published(const Document& document) {
    Statement mark(store_.db(), "UPDATE document SET published = 1 WHERE role = ? AND version = ?");
    mark.bind(document.role).bind_unsigned(document.version).run();
}

std::string Documents::holder(const std::string& keyid) {
    Statement query(store_.db(), "SELECT name FROM holder WHERE keyid = ?");
    query.bind(keyid);
    return query.row() ? query.text(0) : keyid.substr(0, 8);
}

}  // namespace cordon::feed
