// The storage's own API over HTTP, by libcurl: S3 with Signature Version 4, WebDAV with Basic.
//
// Owns:       one handle of libcurl, so that connections are used again.
// Invariants: no redirect is followed, no proxy of the environment used, no other scheme than http
//             and https spoken: credentials go to the endpoint only. With https it proves by its
//             certificate that it is the host of the endpoint.
// Thread:     one.
// Limits:     seconds_max for a request, stall_s without progress; answers that are no object are
//             read for refusal_bytes_max at most.
#pragma once

#include <curl/curl.h>

#include <functional>

#include "dataplane/verifier/credentials.h"
#include "dataplane/verifier/storage.h"

namespace cordon::verifier {

class HttpStorage final : public Storage {
  public:
    // `alive` is asked about once a second while a request runs; false ends it.
    explicit HttpStorage(std::function<bool()> alive);
    ~HttpStorage() override;
    HttpStorage(const HttpStorage&) = delete;
    HttpStorage& operator=(const HttpStorage&) = delete;

    // For the requests that follow.
    Result<void> use(const VerifyJob& job);

    StorageAnswer get(const Location& where, const std::string& object_version,
                      ContentSink* sink) override;
    StorageAnswer look(const Location& where, const std::string& object_version) override;
    StorageAnswer put(const Location& where, std::string_view content, PutForm form) override;
    StorageAnswer remove(const Location& where, const std::string& object_version,
                         const std::string& if_match) override;

  private:
    struct Exchange;
    struct Request {
        const char* method;
        const Location& where;
        const std::string& object_version;
        const std::string& if_match;
        std::string_view content = {};  // of a PUT
        PutForm form = PutForm::sized;
    };
    StorageAnswer run(const Request& request, ContentSink* sink);
    bool prepare(const Request& request, Exchange* exchange);
    CURLcode prepare_content(const Request& request, Exchange* exchange);
    bool add_headers(const Request& request, const std::string& query, Exchange* exchange) const;

    CURL* curl_;
    std::function<bool()> alive_;
    StorageApi api_ = StorageApi::s3;
    std::string region_;
    std::uint32_t seconds_max_ = 0;
    std::string ca_file_;
    Credentials credentials_;
};

// The case number that a refusal of ours names, in its reason phrase or its body; empty: none.
std::string case_number_in(std::string_view text);

}  // namespace cordon::verifier
