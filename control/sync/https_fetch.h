// A feed on a mirror, over HTTPS: what client.h fetches through.
//
// Owns:       a connection that is kept for the next file, what a mirror said last of the files
//             that change in place, and in `partial_dir` the beginnings of targets that broke off.
// Invariants: nothing but http and https is ever spoken, after redirects as well, and http only
//             where the address says so. A file that is announced longer than bytes_max is not
//             fetched, one that grows longer is cut off. A target that broke off goes on where it
//             stopped, in the next call or the next process; whether the whole is right is for its
//             hash to say.
// Thread:     one; `stop` may be set by any, and ends a transfer within a second.
// Limits:     redirects_max; time-outs of TransferOptions; error_page_bytes_max of an answer that
//             is no file.
#pragma once

#include <atomic>
#include <map>
#include <memory>

#include "control/feed/client.h"

namespace cordon::sync {

struct TransferOptions {
    std::string base_url;     // without a slash at its end
    std::string ca_file;      // empty: the roots of the system
    std::string proxy;        // empty: none, whatever the environment says
    std::string partial_dir;  // empty: what breaks off is fetched anew
    std::uint32_t connect_s = 10;
    std::uint32_t stall_s = 30;  // so long below stall_bytes a second
    std::uint32_t total_s = 4 * 3600;
};

class HttpsFetch final : public feed::Fetch {
  public:
    static constexpr long redirects_max = 3;
    static constexpr long stall_bytes = 1024;
    static constexpr std::uint64_t error_page_bytes_max = 64 * 1024;
    static constexpr int resumes_max = 4;  // in one call, as long as each brings something

    HttpsFetch(TransferOptions options, const std::atomic<bool>* stop);
    ~HttpsFetch() override;

    Result<std::optional<std::string>> get(const std::string& path,
                                           std::uint64_t bytes_max) override;

  private:
    struct Answer;
    struct Remembered {
        std::string tag;
        std::string bytes;
    };

    void set_transfer(const std::string& path);
    Answer ask(const std::string& path, std::uint64_t bytes_max, std::string have,
               const std::string& partial);
    Result<std::optional<std::string>> get_target(const std::string& path, std::uint64_t bytes_max);
    Result<std::optional<std::string>> get_small(const std::string& path, std::uint64_t bytes_max);
    Error error_of(const Answer& answer, const std::string& path) const;

    TransferOptions options_;
    const std::atomic<bool>* stop_;
    void* easy_;                                    // of libcurl
    std::map<std::string, Remembered> remembered_;  // by path: timestamp, grants
};

}  // namespace cordon::sync
