// What has to be judged on the storage because it could not be in flight: requests from the
// journal, blocks that nobody confirmed, and what became of each.
//
//   waiting ──take()──► handed out ──finish()──► done
//      ▲                    │  └── record_match(): an incident, durable before anything is deleted
//      └── put_off(), release() of what a dead verifier had
//
// Owns:       its connection to the store (the same file as Store).
// Invariants: a request is stored once (the key of its record, the case of its block, or the
//             request whose object it replaced) and is done once. A match is recorded once: the
//             request is the key of its incident.
// Thread:     one thread; several processes may open the same file.
// Limits:     waiting_max requests wait; further ones are kept as `overflow`, never tried. Of
//             those done, history_max are kept, and all that led to an incident.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "control/store/store.h"
#include "dataplane/contract/verify_link.h"

namespace cordon {

enum class VerifyState : std::uint8_t { waiting, handed, done };

std::string_view verify_reason_name(VerifyReason reason);
std::string_view verify_outcome_name(VerifyOutcome outcome);

struct VerifyRequest {
    std::uint64_t id = 0;
    VerifyState state = VerifyState::waiting;
    VerifyOutcome outcome = VerifyOutcome::none;
    VerifyReason reason = VerifyReason::undecoded;
    std::string case_number;  // of the block that was not confirmed
    std::string service;
    std::string method;
    std::string host;    // as it came; only `shown` texts are for a terminal
    std::string target;  //
    std::string account;
    bool cut = false;
    Endpoint client = {};
    Endpoint forwarded = {};
    Endpoint server = {};
    std::uint64_t requested_ns = 0;
    std::uint64_t next_ns = 0;
    std::uint64_t finished_ns = 0;  // 0: not yet
    std::uint64_t visible_ns = 0;   // from the upload to the deletion, 0: not deleted
    std::uint32_t tries = 0;
    std::uint32_t http_status = 0;
    std::uint64_t object_bytes = 0;
    std::string detail;
    std::string etag;
    std::string object_version;
    std::string incident;   // case number of the match, empty: none
    bool deleting = false;  // it matched, and policy says block

    std::string shown_host() const;
    std::string shown_target() const;
};

struct VerifyFilter {
    std::optional<std::string> service;
    std::optional<VerifyOutcome> outcome;  // `none`: what is not done yet
};

struct VerifyStatistics {
    std::uint64_t waiting = 0;
    std::uint64_t oldest_ns = 0;  // of those, when it was asked for
    std::uint64_t undeleted = 0;  // matched, to be deleted, and still there
    std::uint64_t postponed = 0;  // waiting after a try that failed
    std::uint64_t outcomes[std::size(verify_outcome_names)] = {};
    std::uint64_t visible_ns_max = 0;
    std::string last_detail;  // of the newest try that failed among those
};

class VerifyQueue {
  public:
    virtual ~VerifyQueue() = default;

    // The request that is due longest, of a service that is not in `but`; it is handed out.
    virtual Result<std::optional<VerifyRequest>> take(std::uint64_t now_ns,
                                                      std::span<const std::string> but = {}) = 0;
    // Those that were handed out wait again, but for `kept`.
    virtual Result<void> release(std::span<const std::uint64_t> kept = {}) = 0;
    // Stores the incident of a match; gives back its case number, the first one when there is one.
    virtual Result<std::string> record_match(const VerifyMatch& match,
                                             const IncidentRecord& incident) = 0;
    // Nothing came of it this time.
    virtual Result<void> put_off(const VerifyDone& result, std::uint64_t next_ns) = 0;
    // `newer`: the version that is visible instead is asked for, in the same transaction.
    virtual Result<void> finish(const VerifyDone& result, VerifyOutcome outcome) = 0;
    // Blocks of these services decided before `before_ns` whose enforcement was not confirmed.
    virtual Result<std::uint64_t> adopt_unconfirmed(const std::string& service,
                                                    std::uint64_t before_ns,
                                                    std::uint64_t now_ns) = 0;
    // Those that ended in `error` or `overflow` wait again: one, or with 0 all.
    virtual Result<std::uint64_t> retry(std::uint64_t id, std::uint64_t now_ns) = 0;
    virtual Result<void> trim() = 0;

    virtual Result<std::vector<VerifyRequest>> list(const VerifyFilter& filter,
                                                    std::uint32_t limit) = 0;  // newest first
    virtual Result<std::optional<VerifyRequest>> get(std::uint64_t id) = 0;
    virtual Result<VerifyStatistics> statistics() = 0;
};

inline constexpr std::uint64_t verify_waiting_max = 100'000;
inline constexpr std::uint64_t verify_history_max = 100'000;

Result<std::unique_ptr<VerifyQueue>> open_verify_queue(const StoreOptions& options);

}  // namespace cordon
