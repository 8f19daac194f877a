// What control keeps of the journal, and the questions it answers about it: in a file of SQLite
// (WAL, synchronous=FULL) or on a server of PostgreSQL that several boxes share. What the two do
// differently ends at database.h and schema.h.
//
// Owns:       its connection to the database, and to the keys of what is sealed in it.
// Invariants: a record is stored once, by its key (node, journal, sequence); should another one
//             with other content come under the same key, both are kept and it is told. A schema is
//             carried forward by numbered steps; one from a newer version is refused. Text that
//             came over the wire is valid UTF-8 here: other bytes, control characters and
//             backslashes stand as \xNN. Printing it is safe for a terminal; HTML and JSON still
//             need their own escapes. What an incident tells of a person is sealed before it is
//             stored. On a shared server each box sees and counts its own rows only.
// Thread:     one thread; several processes may open the same database. A server that does not
//             answer is waited for, 6 s at most: not from the loop of cordond.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "control/store/local_hits.h"
#include "control/store/personal.h"
#include "control/store/record_sink.h"

namespace cordon {

enum class IncidentStatus : std::uint8_t {
    decided,      // durable, and nothing more is known yet
    unconfirmed,  // done, but storage or client did not confirm it
    enforced,     // the storage was reset and silent, the client acknowledged the answer; of what
                  // was verified after the write: it was deleted
};

std::string_view status_name(IncidentStatus status);
std::string_view action_name(MatchAction action);  // "block", "report", "observe", "suspended"
std::string_view gap_reason_name(GapReason reason);
std::string_view fault_kind_name(FaultKind kind);

// "2026-03-01T12:34:56.123456789Z"
std::string iso_time(std::uint64_t unix_ns);

struct IncidentMatch {
    std::string section;
    std::uint64_t generation = 0;
    std::uint64_t reference = 0;  // opaque indicator reference
    std::uint32_t source = 0;
    std::uint32_t category = 0;
    std::uint32_t kinds = 0;  // bit n: IndicatorKind n matched
    std::uint32_t flags = 0;  // match_flag
    // Of a list that blocked by two persons' word at that time.
    std::string curator = {};
    std::string legal_basis = {};
};

// Vectors of self-tests that are kept: a canary of a service makes 1440 a day.
inline constexpr std::uint32_t tests_kept_max = 1000;

// Without what it tells of a person: that is sealed (personal_data.h).
struct Incident {
    std::uint64_t id = 0;  // rises in the order of storing; the cursor of list_incidents
    std::string case_number;
    IncidentStatus status = IncidentStatus::decided;
    std::string time;           // of the decision; ISO 8601, UTC
    std::string enforced_time;  // empty when status is decided
    bool storage_reset = false;
    bool client_answered = false;
    std::string node;
    std::string journal;  // id, hex
    std::uint64_t sequence = 0;
    PeerAddress server;
    std::int32_t vlan = -1;
    std::string service;
    std::string method;
    ContentType content_type = ContentType::unknown;
    // Found on the storage, not in flight; then how long it was there until it was deleted.
    bool verified_after_write = false;
    std::uint64_t visible_ns = 0;  // 0: not deleted
    ObjectForm form = ObjectForm::body;
    std::uint64_t size = 0;
    bool complete = false;  // false: decided at an offset before the declared end
    MatchAction action = MatchAction::block;
    std::uint64_t policy_generation = 0;
    std::string legal_basis;
    bool lab = false;
    bool test = false;                   // the vector of a self-test: nobody's case
    std::vector<IncidentMatch> matches;  // every section that matched
};

struct IncidentFilter {
    std::optional<std::string> service;
    std::optional<MatchAction> action;
    std::optional<IncidentStatus> status;
    std::optional<std::uint64_t> from_ns;  // decided at or after
    std::optional<std::uint64_t> to_ns;    // decided before
    std::optional<bool> test;              // only vectors of self-tests, or none of them
};

struct Gap {
    std::uint64_t id = 0;  // as of an Incident
    std::string node;
    std::string service;
    std::string from;
    std::string to;
    std::uint64_t bytes = 0;
    std::uint64_t packets = 0;
    GapReason reason = GapReason::not_running;
};

struct ModeChange {
    std::uint64_t id = 0;
    std::string node;
    std::string service;
    std::string time;
    std::uint8_t from = 0;  // ServiceMode
    std::uint8_t to = 0;
};

struct StoredFault {
    std::string time;  // when it was noticed
    FaultKind kind = FaultKind::missing;
    std::string segment;
    std::uint64_t first_sequence = 0;
    std::uint64_t count = 0;
};

// The newest ids there are, 0 where there is nothing.
struct StorePosition {
    std::uint64_t incident = 0;
    std::uint64_t gap = 0;
    std::uint64_t mode_change = 0;
};

struct ServiceIncidents {
    std::string service;
    MatchAction action = MatchAction::block;
    std::uint64_t incidents = 0;
};

// For whose list two persons answer; empty names: for nobody's.
struct ListRights {
    std::string section;
    std::string curator;
    std::string legal_basis;
    std::uint64_t matches = 0;  // of that list, ever
};

struct StoreStatistics {
    std::vector<ServiceIncidents> services;
    std::vector<ListRights> lists;
    std::uint64_t records = 0;
    std::uint64_t incidents = 0;
    std::uint64_t tests = 0;    // vectors of self-tests, in none of the others; tests_kept_max
    std::uint64_t blocked = 0;  // by action
    std::uint64_t reported = 0;
    std::uint64_t observed = 0;
    std::uint64_t suspended = 0;
    std::uint64_t decided = 0;  // blocks by status: no word of their enforcement yet
    std::uint64_t unconfirmed = 0;
    std::uint64_t enforced = 0;
    std::uint64_t gaps = 0;
    std::uint64_t gap_bytes = 0;
    std::uint64_t odd_records = 0;  // kept aside: of an unknown type or size, or contradicting
    std::uint64_t missing = 0;      // sequences that never came
    std::uint64_t damaged = 0;      // segments put aside
    std::uint32_t schema_version = 0;
};

class Store : public RecordSink {
  public:
    // Newest first. `before`: only those with a smaller id (0: from the newest).
    virtual Result<std::vector<Incident>> list_incidents(const IncidentFilter& filter,
                                                         std::uint32_t limit,
                                                         std::uint64_t before) = 0;
    // Oldest first, only those with a larger id: to follow new ones.
    virtual Result<std::vector<Incident>> incidents_after(const IncidentFilter& filter,
                                                          std::uint32_t limit,
                                                          std::uint64_t after) = 0;
    virtual Result<std::optional<Incident>> get_incident(const std::string& case_number) = 0;
    // The same.
    virtual Result<std::vector<Gap>> gaps_after(std::uint32_t limit, std::uint64_t after) = 0;
    virtual Result<std::vector<ModeChange>> mode_changes_after(std::uint32_t limit,
                                                               std::uint64_t after) = 0;
    // From now on; nothing when it says so already.
    virtual Result<void> set_list_rights(const ListRights& rights, std::uint64_t now_ns) = 0;
    virtual Result<StorePosition> newest() = 0;
    virtual Result<std::vector<StoredFault>> faults(std::uint32_t limit) = 0;  // newest first
    virtual Result<StoreStatistics> statistics() = 0;
    virtual Result<std::vector<LocalHits>> local_hits() = 0;
};

struct StoreOptions {
    std::string path;  // of the database file; its directory must exist. The keys lie beside it
    std::string node;  // name of this box, part of every key
    std::string server = {};  // postgresql://…: the database is there, only the keys are here
    const std::atomic<bool>* stop = nullptr;  // set: waits for no server any longer
    bool later = false;                       // the server is not tried before something is asked
};

// Makes the file or carries its schema forward. A server that is away is no error, and tried again
// by later calls. Errors: io (cannot open, disk), integrity (not our database, damaged, or from a
// newer version).
Result<std::unique_ptr<Store>> open_store(const StoreOptions& options);

}  // namespace cordon
