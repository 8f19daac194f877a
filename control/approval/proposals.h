// What waits for a second person: state_dir/pending.json.
//
// Owns:       that file.
// Invariants: a proposal is known by its hash, which is over all that it would do and what it would
//             change: who approves a hash approves exactly that. It ends by itself. The approver is
//             another user than the requester, and neither is root.
// Thread:     one.
// Limits:     pending_max at once, of_one_max of them of one requester, so that nobody keeps the
//             others from asking; valid_s each.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "control/audit/person.h"
#include "dataplane/base/result.h"

namespace cordon {

struct Proposal {
    static constexpr std::uint64_t valid_s = 15 * 60;

    std::string hash;
    std::string kind;  // "config", "mode", "bypass", "list", "feed.import", "feed.trust",
                       // "suspension"
    std::string what;  // in words, for who approves and for the record
    nlohmann::json payload;
    Person requester;
    std::string reason;
    std::uint64_t asked_s = 0;
    std::uint64_t until_s = 0;
    bool trying = false;  // cordond still looks whether it could be done: nobody approves it yet
};

// Why nobody, or not this person, may ask for or approve something that needs two; nothing: he may.
Result<void> may_request(const Person& requester);
Result<void> may_approve(const Person& requester, const Person& approver);

class Proposals {
  public:
    static constexpr std::size_t pending_max = 64;
    static constexpr std::size_t of_one_max = 4;

    explicit Proposals(std::string path) : path_(std::move(path)) {}

    // A file that is not there is an empty list; one that is damaged an error, and an empty list.
    Result<void> load();
    // Why it cannot wait as well: the same one does, or there is no room.
    Result<void> may_add(const Proposal& proposal) const;
    // Gives the proposal its hash and its end.
    Result<void> add(Proposal* proposal);
    const Proposal* find(const std::string& hash) const;
    Result<void> remove(const std::string& hash);
    // It was tried. One that does not wait any more is no error.
    Result<void> tried(const std::string& hash);
    const std::vector<Proposal>& list() const { return list_; }
    // Those whose time is over; they stay until remove().
    std::vector<Proposal> ended(std::uint64_t now_s) const;

  private:
    Result<void> save(const std::vector<Proposal>& list);

    std::string path_;
    std::vector<Proposal> list_;
};

nlohmann::json proposal_json(const Proposal& proposal);

}  // namespace cordon
