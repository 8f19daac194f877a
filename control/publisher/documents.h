// Documents of the feed on their way: staged, signed by those whose keys they are, published.
//
//   stage → document and no signature → approve: one signature more → threshold → publish
//
// Owns:       nothing; the store is the caller's.
// Invariants: a version that was published never changes and is never used again. A staged document
//             that is made anew loses its signatures: nobody signed that. Root needs the threshold
//             of the root before it as well.
// Thread:     one.
// Limits:     none of its own.
#pragma once

#include "control/feed/metadata.h"
#include "control/publisher/feed_store.h"
#include "control/publisher/key_file.h"

namespace cordon::feed {

// Roles whose documents people sign, in the order in which they are published.
inline constexpr const char* signed_roles[] = {"root", "targets", "releases", "revocations"};

struct Document {
    std::string role;
    std::uint64_t version = 0;
    bool published = false;
    nlohmann::json body;
    std::vector<SignatureOf> signatures;
    std::vector<std::string> signers;  // by name, as signatures

    Envelope envelope() const;
    std::string text() const { return write_envelope(body, signatures); }
};

class Documents {
  public:
    enum class Above : std::uint8_t { staged, in_force };

    explicit Documents(FeedStore& store) : store_(store) {}

    std::optional<Document> published(const std::string& role);  // the newest
    std::optional<Document> staged(const std::string& role);
    std::optional<Document> published_version(const std::string& role, std::uint64_t version);

    // Replaces what is staged for the role. `body` gets the next version.
    void stage(const std::string& role, nlohmann::json body);
    void unstage(const std::string& role);
    // The one that is staged, else the one that is published.
    Result<RootMetadata> root(Above above = Above::staged);
    Result<TargetsMetadata> targets(Above above = Above::staged);

    // Whose signatures a document needs. The document above it that counts is the one that is
    // staged, or `in_force`: the one that is published.
    struct Need {
        Keys keys;
        Role role;
    };
    Result<std::vector<Need>> needs(const Document& document, Above above = Above::staged);
    Result<bool> is_complete(const Document& document, Above above = Above::staged);
    // Refused when no document that is staged asks for this key.
    Result<std::vector<std::string>> sign_staged(const KeyFile& key, std::uint64_t now_s,
                                                 const std::vector<std::string>& roles);

    void add_signature(const Document& document, const KeyFile& key, std::uint64_t now_s);
    void put_published(const std::string& role, std::uint64_t version, const nlohmann::json& body,
                       const KeyFile& key, std::uint64_t now_s);
    // One that was published by this feed before, with the signatures it had.
    void put_signed(const std::string& role, const Envelope& envelope);
    void mark_published(const Document& document);
    std::uint64_t next_version(const std::string& role);
    std::string holder(const std::string& keyid);

  private:
    std::optional<Document> read(Statement& query);

    FeedStore& store_;
};

}  // namespace cordon::feed
