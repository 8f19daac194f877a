// One line of the event log, in JSON as Suricata's EVE has it: the fields that it may have, and no
// others.
//
// Owns:       the line under construction.
// Invariants: a field is one of CORDON_EVENT_FIELDS: nothing else can be written. None names
//             a person or a file: no digest, reference, user, address, path or name of a file,
//             and no text that came from a client, a mirror or a command. `case` leads to all of
//             these for who may ask cordonctl.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace cordon {

// clang-format off
#define CORDON_EVENT_FIELDS(X)                                                                    \
    X(timestamp,         "when it happened, RFC 3339 with microseconds")                          \
    X(event_type,        "incident, coverage, mode, feed or health")                              \
    X(event_id,          "the same when an event is told again after a crash")                    \
    X(host,              "node.prefix of the appliance")                                          \
    X(service,           "name of the service, from the configuration")                           \
    X(case,              "case number of an incident, as `cordonctl incidents show` takes it")    \
    X(action,            "what was done: block, report, observe, suspended; taken, held …")       \
    X(form,              "in which form an object came: body, piece, form-part …")                \
    X(content_type,      "of an object, by its first bytes")                                      \
    X(size,              "of an object, in bytes")                                                \
    X(complete,          "whether the whole object had come when it was decided")                 \
    X(after_write,       "found on the storage, not in flight")                                   \
    X(lists,             "names of the lists that matched")                                       \
    X(legal_basis,       "answer.legal_basis of the configuration")                               \
    X(policy_generation, "number of the configuration in force")                                  \
    X(lab,               "a test bench")                                                          \
    X(test,              "the vector of a self-test: nobody's case")                              \
    X(reason,            "why traffic passed uninspected: not_running, hung, mode_bypass")        \
    X(until,             "end of what began at timestamp")                                        \
    X(bytes,             "that passed")                                                           \
    X(packets,           "that passed")                                                           \
    X(from,              "mode or state before")                                                  \
    X(to,                "mode or state now")                                                     \
    X(feed,              "name of the feed, from the configuration")                              \
    X(generation,        "of a feed or of the index in force")                                    \
    X(records,           "indicators in it")                                                      \
    X(count,             "how many there are now, of what action names")                          \
    X(audit_record,      "number of a record of the audit trail")                                 \
    X(audit_head,        "its hash: `cordonctl audit verify --head` takes it")
// clang-format on

enum class EventField : std::uint8_t {
#define X(name, help) name##_,
    CORDON_EVENT_FIELDS(X)
#undef X
};

struct EventFieldInfo {
    std::string_view name;
    std::string_view help;
};

inline constexpr EventFieldInfo event_fields[] = {
#define X(name, help) {#name, help},
    CORDON_EVENT_FIELDS(X)
#undef X
};

class EventLine {
  public:
    // `time`: iso_time() or utc_time(); `type` and `id` as above.
    EventLine(std::string_view time, std::string_view type, std::string_view id,
              std::string_view host);

    template <typename Value>
    EventLine& set(EventField field, const Value& value) {
        line_[std::string(event_fields[static_cast<std::size_t>(field)].name)] = value;
        return *this;
    }
    // With its line feed.
    std::string text() const;

  private:
    nlohmann::ordered_json line_;
};

}  // namespace cordon
