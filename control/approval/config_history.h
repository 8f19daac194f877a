// The configurations that were approved, and which of them is in force: state_dir/config.
//
//   approved.json   the list, newest last; and until when the newest has to be confirmed
//   <SHA-256>.toml  their texts, as they were
//
// Owns:       that folder.
// Invariants: a text lies there before the list names it, and is what its name says. At every
//             moment, and after a crash, the list is the old or the new one. Entries are only
//             added, a return as well.
// Thread:     one.
// Limits:     entries_max entries are kept, with their texts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "control/audit/person.h"
#include "dataplane/base/result.h"

namespace cordon {

struct ApprovedConfig {
    std::uint64_t number = 0;  // 1, 2, 3 …
    std::string hash;          // SHA-256 of the text
    std::uint64_t time_s = 0;
    std::string how;  // "initial", "start", "upgrade", "proposed", "rollback", "returned"
    Person requester;
    std::optional<Person> approver;  // the second person, where there was one
    std::string reason;
};

// What was put into force on trial goes back by itself.
struct Confirmation {
    std::uint64_t until_s = 0;
    std::string return_to;  // hash
};

class ConfigHistory {
  public:
    static constexpr std::size_t entries_max = 50;

    explicit ConfigHistory(std::string_view state_dir);

    // False: nothing was ever approved. Errors: io, integrity.
    Result<bool> load();
    const ApprovedConfig& current() const { return entries_.back(); }
    const std::vector<ApprovedConfig>& entries() const { return entries_; }
    const ApprovedConfig* find(std::uint64_t number) const;
    const std::optional<Confirmation>& confirmation() const { return confirmation_; }

    // Keeps a text, and gives back its hash.
    Result<std::string> keep(std::string_view text);
    Result<std::string> text_of(const std::string& hash) const;

    // The entry gets its number. Its text is kept already.
    Result<void> approve(ApprovedConfig entry, std::optional<Confirmation> confirmation);
    Result<void> confirm();
    // Texts that neither the list nor `wanted` names.
    void forget_others(const std::vector<std::string>& wanted) const;

  private:
    Result<void> save(const std::vector<ApprovedConfig>& entries,
                      const std::optional<Confirmation>& confirmation);
    std::string path_of(const std::string& hash) const;

    std::string folder_;
    std::vector<ApprovedConfig> entries_;
    std::optional<Confirmation> confirmation_;
};

std::string config_hash(std::string_view text);

}  // namespace cordon
