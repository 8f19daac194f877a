// The control socket of the dataplane: run_dir/dataplane.sock, AF_UNIX SOCK_SEQPACKET. One request
// frame gets one answer frame of the same type.
//
// Owns:       nothing; plain fixed-size structs, host byte order (same machine).
// Limits:     a frame is at most link_frame_max bytes; a frame of another size than its type says
// is
//             answered by `error` and the connection is closed.
#pragma once

#include <cstdint>

#include "dataplane/contract/counters.h"
#include "dataplane/contract/index_format.h"
#include "dataplane/contract/options.h"

namespace cordon {

inline constexpr std::uint32_t link_magic = 0x4b4c4443;  // "CDLK"
inline constexpr std::uint16_t link_version = 6;
inline constexpr std::size_t link_frame_max = 64 * 1024;

enum class LinkType : std::uint16_t {
    error = 0,       // ← LinkError
    status = 1,      // → nothing            ← LinkStatus
    counters = 2,    // → nothing            ← LinkCounters
    unlisted = 3,    // → nothing            ← LinkUnlisted
    load_index = 4,  // → LinkLoadIndex    ← LinkStatus, after every worker uses it
    set_mode = 5,    // → LinkSetMode      ← LinkStatus
    distrust = 6,    // → LinkDistrust     ← LinkStatus; it feeds its watchdog no more
};

struct LinkHeader {
    std::uint32_t magic;
    std::uint16_t version;
    LinkType type;
    std::uint32_t length;  // of the payload
    std::uint32_t reserved;
};

struct LinkError {
    std::int32_t code;  // ErrorCode
    char text[252];
};

struct LinkService {
    char name[32];
    ServiceMode mode;
    FailMode fail;
    UninspectedAction on_tls;
    UninspectedAction on_unparsable;
    MidstreamAction on_midstream;
    UninspectedAction on_limit;
    DismissBy dismiss;
    std::uint8_t reserved;
    std::uint64_t bypass_until_s;
    std::uint64_t bypassed_bytes;  // without the dataplane, since boot
    std::uint64_t bypassed_packets;
    std::uint64_t policies[policy_case_count][policy_result_count];  // connections
    std::uint64_t asymmetric_last_s;  // Unix seconds, of a connection with one direction; 0: never
};

// Of a port's link. `held`: taken down by the dataplane because the other port has no link.
enum class PortState : std::uint8_t { up, no_carrier, down, held };

// Of one kind of digest, over all sections of the index.
struct LinkKind {
    std::uint64_t indicators;
    std::uint64_t with_size;
    std::uint64_t with_head;
};

// Where the key is that opens the keys of the sections.
// What the index in force lies in.
enum class IndexMemory : std::uint8_t {
    none,         // there is no index
    plain,        //
    transparent,  // half of it or more in huge pages that the kernel made
    reserved,     // in huge pages that were reserved
};

enum class KeyProtection : std::uint8_t {
    none,        // no list needs one
    disk,        // beside what it opens: whoever has the disk has both
    credential,  // of the service manager
};

enum class SectionState : std::uint8_t {
    in_force,
    no_key,        // its key is not at hand: it matches nothing
    ended,         // its grant has ended: it matches nothing
    old,           // nothing new was heard for long
    weak_reports,  // … so that weak indicators only report
    reports,       // … so that it only reports
};

struct LinkSection {
    char name[32];
    SectionKind kind;
    RightsCeiling ceiling;
    SectionState state;
    std::uint8_t reserved;
    std::uint32_t epoch;
    std::uint64_t generation;
    std::uint64_t indicators;
    SectionTerms terms;
};

// What would be done about the vector of a self-test (contract/test_vector.h) by a service that
// enforces, as the index in force and the suspensions are now.
enum class VectorStanding : std::uint8_t {
    unlisted,   // it is no indicator of any list in force
    suspended,  // it is, and all of it is suspended
    reports,    // it would be reported and stored
    blocks,
};

struct LinkStatus {
    char version[32];
    std::uint64_t started_s;  // Unix seconds
    std::uint64_t pid;
    std::uint64_t generation;      // of the index file in force, 0: none
    std::uint64_t indicators;      // in all sections
    std::uint64_t index_loaded_s;  // Unix seconds
    std::uint64_t policy_generation;
    std::uint64_t journal_sequence;  // of the last durable record
    std::uint64_t journal_errors;
    std::uint32_t workers;
    std::uint32_t flows;  // now
    std::uint32_t flows_max;
    std::uint32_t flows_midstream;  // now, not yet retired
    std::uint64_t kept_bytes;       // now
    PortKind port_kind;
    std::uint8_t lab;
    std::uint8_t index_is_lab;
    std::uint8_t xdp_attached;
    std::uint32_t service_count;
    PortState ports[2];  // client, storage
    KeyProtection key_protection;
    IndexMemory index_memory;
    std::uint32_t section_count;
    VectorStanding vector;
    std::uint8_t distrusted;  // LinkType::distrust was asked for
    std::uint8_t reserved[6];
    LinkSection sections[limits::sections_max];
    LinkKind kinds[8];                    // by IndicatorKind
    char index_error[128];                // why the last load was refused, empty when it was not
    char key_fault[128];                  // why a key is missing, empty when none is
    std::uint64_t suspensions;            // that hold now
    std::uint64_t suspensions_written_s;  // Unix seconds, by control; 0: there is no such file
    std::uint64_t suspensions_refused;    // files
    char suspensions_error[128];          // why the newest file is not used, empty when it is
    std::int64_t clock_step_s;            // the last step of the clock that was too large; 0: none
    LinkService services[services_max];
};

struct LinkTally {
    std::uint64_t count;
    std::uint64_t bytes;
};

struct LinkPort {             // what the port lost by itself
    std::uint64_t missed;     // arrived while its queue was full
    std::uint64_t errors;     // refused by the driver
    std::uint64_t oversized;  // larger than the MTU
};

// As ServiceCounters.
struct LinkServiceCounters {
    char name[32];
    LinkTally objects[object_class_count];
    LinkTally verdicts[service_verdict_count];
    std::uint64_t latency[latency_class_count];
    std::uint64_t latency_sum_ns;
};

struct LinkCounters {  // sums over the workers and the kernel's own counters
    std::uint64_t outcomes[outcome_count];
    LinkTally frames[frame_class_count];  // not_protected and bypassed include what XDP bridged
    LinkTally objects[object_class_count];
    LinkTally types[content_type_count][type_verdict_count];  // as in Counters
    std::uint64_t body_bytes;      // of all objects by framing, those under way included
    std::uint64_t unframed_bytes;  // of clients on connections that are not inspected
    std::uint64_t open_bytes;      // of objects under way: in no class yet
    LinkTally received[2];         // port counters: client, storage
    LinkTally transmitted[2];
    LinkPort port[2];
    std::uint32_t service_count;
    std::uint32_t reserved;
    LinkServiceCounters services[services_max];
};

struct LinkDestination {
    std::uint8_t address[16];
    std::uint16_t port;
    std::uint16_t reserved[3];
    std::uint64_t packets;
    std::uint64_t bytes;
};

struct LinkUnlisted {  // destinations bridged towards the storage port, most bytes first
    std::uint32_t count;
    std::uint32_t reserved;
    LinkDestination destinations[64];
};

struct LinkLoadIndex {
    char path[256];
};

struct LinkSetMode {
    char service[32];
    ServiceMode mode;
    std::uint8_t reserved[7];
    std::uint64_t bypass_until_s;
};

// A canary found that what is known passes, while all that this process says is that it inspects.
struct LinkDistrust {
    char why[256];
};

static_assert(sizeof(LinkHeader) == 16);
static_assert(sizeof(LinkHeader) + sizeof(LinkStatus) < link_frame_max);
static_assert(sizeof(LinkHeader) + sizeof(LinkCounters) < link_frame_max);

}  // namespace cordon
