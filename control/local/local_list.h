// The operator's own list: digests that somebody told him of (an order, a hotline's notice, a case
// of his own), which report and never block: state_dir/local.json.
//
// Owns:       that file, and the random key of the list, which lies in it sealed for this appliance
//             as the keys of feeds do.
// Invariants: no digest reaches the disk, only its tag under that key. A number is given once. What
//             add() or remove() answered is durable. Who adds, and with whom, is for the caller to
//             see (approval/proposals.h). There is no way to add more than one entry at a time.
// Thread:     one.
// Limits:     entries_max entries, seconds_max each; names of origins are id_bytes_max long.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "control/audit/person.h"
#include "control/sync/index_of_feeds.h"

namespace cordon {

// Where the word for a digest comes from. Numbers stand in records, as the source of a match.
enum class LocalOrigin : std::uint8_t { order = 1, hotline = 2, own_case = 3 };
inline constexpr std::string_view local_origin_names[] = {"order", "hotline", "case"};

struct LocalEntry {
    std::uint64_t number = 0;  // 0: none yet
    LocalOrigin origin = LocalOrigin::order;
    std::string id;  // of the order, the notice or the case
    IndicatorKind kind = IndicatorKind::sha256;
    Tag tag = {};
    std::optional<std::uint64_t> size;
    std::uint64_t added_s = 0;
    std::uint64_t until_s = 0;  // up to and with then
    Person requester;
    std::optional<Person> approver;
};

struct LocalDigest {
    IndicatorKind kind = IndicatorKind::sha256;
    std::string bytes;
};

// "sha256:…", "sha1:…" or "md5:…". Refused (usage): malformed. Refused: what no list may hold.
Result<LocalDigest> parse_local_digest(std::string_view text);
std::optional<LocalOrigin> local_origin_of(std::string_view word);
std::string_view local_origin_name(std::uint32_t origin);  // "?" when there is no such
bool is_local_id(std::string_view text);

class LocalList {
  public:
    static constexpr std::size_t entries_max = 10'000;
    static constexpr std::uint64_t seconds_max = 90 * 86400ull;
    static constexpr std::size_t id_bytes_max = 64;

    explicit LocalList(std::string path) : path_(std::move(path)) {}

    // Makes the file, with a new key, where there is none. On an error nothing can be added.
    Result<void> load(const feed::SecretKey& node);

    Tag tag_of(const LocalDigest& digest) const;
    // Why not; nothing: it may be proposed, and once approved be added.
    Result<void> may_add(const LocalEntry& entry, std::uint64_t now_s) const;
    // Gives it its number.
    Result<LocalEntry> add(LocalEntry entry, std::uint64_t now_s);
    Result<LocalEntry> remove(std::uint64_t number);
    // Gives back what it forgot.
    Result<std::vector<LocalEntry>> forget_ended(std::uint64_t now_s);

    const LocalEntry* find(std::uint64_t number) const;
    const std::vector<LocalEntry>& entries() const { return entries_; }  // by number
    std::uint64_t next_end_s() const;                                    // 0: none
    std::shared_ptr<const sync::LocalInForce> in_force() const;
    const std::string& problem() const { return problem_; }  // of load(), empty: none

  private:
    Result<void> read(const std::string& text, const feed::SecretKey& node);
    Result<void> save(std::vector<LocalEntry> entries, std::uint64_t next);

    std::string path_;
    std::string problem_ = "the local list was not read yet";
    feed::SecretKey key_;
    std::string sealed_key_;  // as it stands in the file
    std::uint64_t generation_ = 0;
    std::uint64_t next_ = 1;
    std::vector<LocalEntry> entries_;
};

nlohmann::json local_entry_json(const LocalEntry& entry);  // as people are shown it

}  // namespace cordon
