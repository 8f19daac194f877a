// The journal: what the dataplane tells control, kept until control has stored it durably.
//
//   state_dir/journal/<name>      name = "incident-%016x.cdj" or "object-%016x.cdj", the number is
//                                 the sequence of the segment's first record; beside them
//                                 "spare-%016x.cdj" (zeros, allocated ahead), "*.tmp" (a spare in
//                                 the making) and "*.damaged" (put aside by the reader)
//   segment:  SegmentHeader | record | record | … | zero bytes (preallocated)
//   record:   RecordHeader {length, type, sequence, XXH3-64} | payload, padded to 8 bytes
//
// A segment gets its name only after its header is durable, so a header that does not verify means
// damage. A reader takes records until one does not verify: that is the torn or unwritten end.
// Sequences rise by one within a journal and never restart; (node, journal id, sequence) is the
// primary key of whatever control stores, so a record that is read twice is stored once.
//
// Owns:       nothing; plain fixed-size structs, little endian.
// Invariants: sizes are static_asserted; a new field means a new version.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <type_traits>

#include "dataplane/contract/content_type.h"

namespace cordon {

inline constexpr std::uint64_t journal_magic = 0x314e524a444f4343;  // "CCODJRN1"
inline constexpr std::uint32_t journal_version = 2;
inline constexpr std::uint64_t journal_segment_bytes = 8u << 20;

struct SegmentHeader {
    std::uint64_t magic;
    std::uint32_t version;
    std::uint32_t reserved;
    std::uint8_t journal_id[16];  // random, made with the journal directory
    std::uint64_t first_sequence;
    std::uint64_t checksum;  // XXH3-64 of the bytes before
};
static_assert(sizeof(SegmentHeader) == 48);

enum class RecordType : std::uint16_t {
    decided = 1,   // IncidentRecord: a match and what will be done about it
    enforced = 2,  // EnforcedRecord: that it was done
    gap = 3,       // GapRecord: traffic passed without the dataplane
    mode = 4,      // ModeRecord: a service changed its mode
    verify = 5,    // VerifyRecord: something passed that has to be judged on the storage
};

struct RecordHeader {
    std::uint32_t length;  // of the payload, without padding
    RecordType type;
    std::uint16_t reserved;
    std::uint64_t sequence;
    std::uint64_t checksum;  // XXH3-64 of the payload, seeded with XXH3-64 of the bytes before
};
static_assert(sizeof(RecordHeader) == 24);

enum class MatchAction : std::uint8_t { block = 1, report = 2, observe = 3, suspended = 4 };

// In which form an object came. Numbers stand in records: new ones go to the end.
// clang-format off
#define CORDON_OBJECT_FORMS(X)                                                                    \
    X(body,           "body")            /* the body of a message */                              \
    X(multipart,      "multipart")       /* a body with parts that could not be taken apart */    \
    X(aws_chunked,    "aws-chunked")     /* the payload of one */                                 \
    X(content_coding, "content-coding")  /* a body in a coding that is not undone */              \
    X(piece,          "piece")           /* of an upload in several requests */                   \
    X(form_part,      "form-part")       /* a part of a multipart body */                         \
    X(decoded,        "decoded")         /* what its transfer or content coding hides */          \
    X(archive_member, "archive-member")  /* a file in an archive */                               \
    X(assembled,      "assembled")       /* of the pieces of several requests */
// clang-format on

enum class ObjectForm : std::uint8_t {
#define X(name, text) name,
    CORDON_OBJECT_FORMS(X)
#undef X
};

inline constexpr std::string_view object_form_names[] = {
#define X(name, text) text,
    CORDON_OBJECT_FORMS(X)
#undef X
};

inline constexpr std::size_t object_form_count = std::size(object_form_names);

constexpr std::string_view form_name(ObjectForm form) {
    return object_form_names[static_cast<std::size_t>(form)];
}

// Bits of MatchRecord::kinds, in the order of IndicatorKind.
struct MatchRecord {
    std::uint64_t reference;   // opaque indicator reference
    std::uint64_t generation;  // of the section
    char section[32];          // name of the list section
    std::uint16_t source;
    std::uint8_t category;
    std::uint8_t kinds;  // bit n: IndicatorKind n matched
    std::uint8_t flags;  // match_flag
    // As in IndexRecord: with which generation it came; 0: unknown.
    std::uint8_t added[3];
};
static_assert(sizeof(MatchRecord) == 56);

constexpr std::uint32_t added_of(const MatchRecord& match) {
    return std::uint32_t{match.added[0]} | std::uint32_t{match.added[1]} << 8 |
           std::uint32_t{match.added[2]} << 16;
}

// Bits of MatchRecord::flags. These numbers stand in the store.
namespace match_flag {
inline constexpr std::uint8_t weak = 1;
inline constexpr std::uint8_t local = 2;     // of the operator's own list
inline constexpr std::uint8_t ceiling = 12;  // RightsCeiling of the section; 0: not recorded
inline constexpr std::uint8_t ceiling_shift = 2;
// Everything that matched, here and in other sections, is a test indicator: nobody's case.
inline constexpr std::uint8_t test = 16;
}  // namespace match_flag

struct Endpoint {
    std::uint8_t address[16];  // IPv6, or IPv4 as ::ffff:a.b.c.d
    std::uint16_t port;
    std::uint8_t present;
    std::uint8_t reserved[5];
};

// Of a match that only the operator's own list acts upon, nothing is recorded that tells of a
// person: client, forwarded, host, target, account and all names are empty.
struct IncidentRecord {
    char case_number[32];
    std::uint64_t time_ns;  // Unix time, UTC, of the decision
    std::uint64_t object_bytes;
    std::uint64_t policy_generation;
    Endpoint client;     // the peer's address
    Endpoint forwarded;  // as told by a trusted hop
    Endpoint server;
    std::int16_t vlan;  // −1: none
    MatchAction action;
    ObjectForm form;
    std::uint8_t complete;  // 0: decided at an offset before the declared end
    std::uint8_t match_count;
    std::uint8_t lab;
    ContentType content_type;  // by its first bytes
    MatchRecord matches[8];
    char service[32];
    char legal_basis[128];
    char method[24];
    char host[256];
    char account[128];
    char target[1024];  // cut at 1023 bytes
    // Of a form part its field and file name, of an archive member its path and what it was in.
    char field[128];
    char name[256];
    char member[512];
    char container[256];
};
static_assert(std::is_trivially_copyable_v<IncidentRecord>);

// The vector of a self-test, not a case. Such a record names no person.
constexpr bool is_test(const IncidentRecord& incident) {
    return incident.match_count != 0 && (incident.matches[0].flags & match_flag::test) != 0;
}
static_assert(sizeof(IncidentRecord) % 8 == 0);

constexpr bool tells_of_person(const IncidentRecord& record) {
    return record.client.present != 0;
}

struct EnforcedRecord {
    std::uint64_t decided_sequence;
    std::uint64_t time_ns;
    std::uint8_t storage_reset;    // the storage was reset and silent since
    std::uint8_t client_answered;  // the client acknowledged the whole answer
    std::uint8_t reserved[6];
    char case_number[32];
};

enum class GapReason : std::uint8_t { not_running = 1, hung = 2, mode_bypass = 3 };

struct GapRecord {
    std::uint64_t from_ns;  // Unix time, UTC
    std::uint64_t to_ns;
    std::uint64_t bytes;  // bridged without inspection
    std::uint64_t packets;
    char service[32];
    GapReason reason;
    std::uint8_t reserved[7];
};

struct ModeRecord {
    std::uint64_t time_ns;
    char service[32];
    std::uint8_t from;  // ServiceMode
    std::uint8_t to;
    std::uint8_t reserved[6];
};

// Why an object has to be judged where it is stored. Numbers stand in records.
enum class VerifyReason : std::uint8_t {
    undecoded = 1,    // in a form that was not taken apart
    gap = 2,          // pieces of it were not seen
    full = 3,         // no room to put its pieces together
    copied = 4,       // the storage made a piece, or all of it, from what it had
    unconfirmed = 5,  // a block of which nobody knows that it was done (made by control)
    newer = 6,        // it replaced what was judged (made by control)
};
inline constexpr std::uint8_t verify_reason_count = 6;

// The target is that of the object, which need not be that of the request. One above 3 KiB (a key
// of 1 KiB, each byte of it percent-encoded) is cut, and nothing can be fetched by its name.
struct VerifyRecord {
    std::uint64_t time_ns;  // Unix time, UTC, at which it was let pass
    Endpoint client;
    Endpoint forwarded;
    Endpoint server;
    VerifyReason reason;
    std::uint8_t cut;
    std::uint8_t reserved[6];
    char service[32];
    char method[24];
    char host[256];
    char account[128];
    char target[3200];
};
static_assert(std::is_trivially_copyable_v<VerifyRecord> && sizeof(VerifyRecord) % 8 == 0);

}  // namespace cordon
