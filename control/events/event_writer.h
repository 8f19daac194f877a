// Finds what is new and writes it to the event log: incidents, traffic that passed uninspected and
// changes of mode from the store; what became of feeds, index and dataplane from their status; that
// something is on the audit trail, with the hash by which it is found to be missing later.
//
// Owns:       the file, and how far it is written: state_dir/events.json.
// Invariants: an event is told at least once: the position moves on only behind what was written. A
//             full disk loses nothing, the lines come later; a crash may tell some again, under the
//             same event_id. What was there before the log was switched on is not told.
// Thread:     the event loop's.
// Limits:     batch_max events of a kind in one turn.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>

#include "control/audit/audit_log.h"
#include "control/events/event_file.h"
#include "control/events/event_line.h"
#include "control/store/store.h"
#include "dataplane/contract/link.h"

namespace cordon {

// What came into the store behind a position.
struct StoreNews {
    StorePosition behind;
    std::vector<Incident> incidents;
    std::vector<Gap> gaps;
    std::vector<ModeChange> changes;
};

// On the thread of the store. Without a position: nothing, behind what there is now.
Result<StoreNews> read_news(Store& store, const std::optional<StorePosition>& position);

class EventWriter {
  public:
    static constexpr std::uint32_t batch_max = 256;

    // A position that cannot be read is told, and begun anew.
    EventWriter(std::string path, std::string host, std::string position_path);

    // From where on it asks for news; nothing: it has not begun.
    std::optional<StorePosition> position() const;
    // `dataplane`: nothing while it does not answer. `feeds`: the list as status has it.
    // `audit`: the newest records of the trail. `selftests`: as status has them. While the store
    // does not answer, the rest is told.
    void turn(const Result<StoreNews>& news, const std::optional<LinkStatus>& dataplane,
              const nlohmann::json& feeds, std::uint64_t now_s,
              std::span<const AuditMark> audit = {},
              const nlohmann::json& selftests = nlohmann::json::array());
    void reopen() { file_.reopen(); }
    const std::string& path() const { return file_.path(); }

    // {"written", "errors", "error"}
    nlohmann::json status() const;

  private:
    struct Feed {
        std::uint64_t generation = 0;
        std::uint64_t suspensions = 0;
        std::uint64_t alarms = 0;
        std::string hold;  // "pause", "pin", "none"
        bool operator==(const Feed&) const = default;
    };
    struct Position {
        StorePosition store;
        std::optional<bool> dataplane;  // whether it answers; nothing before it was looked
        std::uint64_t index = 0;        // generation
        std::map<std::string, Feed> feeds;
        std::map<std::string, std::string> selftests;  // result by service
        std::optional<std::uint64_t> audit;            // number of the last record that was told
        bool operator==(const Position&) const;
    };

    void load();
    void begin(const StorePosition& behind);
    Result<void> save(const Position& position) const;
    void collect_store(const StoreNews& news, Position* next, std::string* text);
    void collect_dataplane(const std::optional<LinkStatus>& dataplane, Position* next,
                           std::string* text);
    void collect_feed(const nlohmann::json& feed, Position* next, std::string* text);
    void collect_audit(std::span<const AuditMark> audit, Position* next, std::string* text) const;
    void collect_selftest(const nlohmann::json& selftest, Position* next, std::string* text) const;
    void fail(const Error& error);

    EventLine line(std::string_view time, std::string_view type, std::string_view id) const;
    std::string line_of(const Incident& incident) const;
    std::string line_of(const Gap& gap) const;
    std::string line_of(const ModeChange& change) const;
    EventLine line_of_feed(const std::string& feed, std::string_view action,
                           std::uint64_t number) const;

    EventFile file_;
    std::string host_;
    std::string position_path_;
    bool begun_ = false;
    Position position_;
    std::string now_;  // of this turn
    std::uint64_t written_ = 0;
    std::uint64_t errors_ = 0;
    std::string error_;
    bool of_store_ = false;  // the error: over when the store answers, whatever is written
};

}  // namespace cordon
