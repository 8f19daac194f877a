// The storage as the verifier uses it: fetch, look, delete; and for a self-test: store.
//
// Owns:       nothing here.
// Invariants: content goes to the sink as it comes and is kept nowhere.
// Thread:     one; calls wait for the network.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/verifier/location.h"

namespace cordon::verifier {

struct ObjectHead {
    std::string etag;            // with its quotes, and W/ when it is weak
    std::string object_version;  // of a bucket that keeps versions
    std::string last_modified;
    std::string coding;  // Content-Encoding
    std::uint64_t length = 0;
    bool has_length = false;

    // Tells this content from any other under the name; empty when the storage says nothing that
    // could. A server may call the same tag weak now and strong a second later (Apache does).
    std::string validator() const;
    // For If-Match, which knows no weak tags (RFC 9110 §13.1.1); empty when there is none.
    std::string strong_etag() const;
};

struct StorageAnswer {
    enum class Kind : std::uint8_t {
        ok,
        gone,         // 404, 410
        changed,      // 412
        denied,       // 401, 403
        unsupported,  // 405, 501
        failed,       // everything else: 5xx, no connection, time-outs, cut short
        stopped,      // the sink had enough
    };
    Kind kind = Kind::failed;
    std::uint32_t status = 0;  // 0: no answer
    std::string detail;        // for `failed`: one sentence
    ObjectHead head;
    std::string case_number;  // to a put(): that of a refusal of ours
};

enum class PutForm : std::uint8_t { sized, chunked };

class ContentSink {
  public:
    virtual ~ContentSink() = default;
    // False: stop here.
    virtual bool begin(const ObjectHead& head) = 0;
    virtual bool take(Bytes content) = 0;
};

class Storage {
  public:
    virtual ~Storage() = default;
    // `object_version` is empty, or one that an answer named.
    virtual StorageAnswer get(const Location& where, const std::string& object_version,
                              ContentSink* sink) = 0;
    virtual StorageAnswer look(const Location& where, const std::string& object_version) = 0;
    virtual StorageAnswer put(const Location& where, std::string_view content, PutForm form) = 0;
    virtual StorageAnswer remove(const Location& where, const std::string& object_version,
                                 const std::string& if_match) = 0;
};

}  // namespace cordon::verifier
