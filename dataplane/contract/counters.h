// One table of everything the dataplane counts: name, unit, help. The names are what operators,
// metrics and `cordon-replay` show; they never change meaning.
//
// Owns:       nothing. A Counters block belongs to one worker.
// Invariants: counters only grow. Every frame is counted in exactly one frame class, every object
//             in exactly one object class.
// Worker:     the worker writes with relaxed stores, control reads with relaxed loads.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "dataplane/contract/content_type.h"
#include "dataplane/contract/options.h"

namespace cordon {

// Why bytes of a protected service passed, or an object ended, without a full inspection.
// clang-format off
#define CORDON_UNINSPECTED_REASONS(X)                                                             \
    X(tls,         "TLS seen where clear text was expected")                                      \
    X(protocol,    "not HTTP")                                                                    \
    X(midstream,   "connection older than the dataplane")                                         \
    X(asymmetric,  "only one direction of the connection passes here")                            \
    X(bypassed,    "bridged by the kernel while the dataplane was away")                          \
    X(mode_bypass, "service in mode bypass")                                                      \
    X(upgraded,    "connection left HTTP with the consent of the service (101, CONNECT)")         \
    X(incomplete,  "the object ended before its end was seen")                                    \
    X(form,        "object in a form that is not decoded")                                        \
    X(tunnel,      "tunnel, or a protocol that may carry TCP unseen, bridged")                    \
    X(no_index,    "no indicators in force")                                                      \
    X(limit,       "a limit was reached, and the service lets such connections pass")             \
    X(encrypted,   "archive member that is encrypted")                                            \
    X(archive,     "archive or member in a format that is not taken apart")                       \
    X(assembly,    "pieces of an upload that could not be put together")

// Why a frame or segment was dropped.
#define CORDON_OUTCOMES(X)                                                                        \
    /* decode */                                                                                  \
    X(frame_truncated,      "packets", "frame shorter than its headers say")                      \
    X(vlan_too_deep,        "packets", "more than two VLAN tags")                                 \
    X(ipv4_bad_header,      "packets", "IPv4 header malformed or its checksum wrong")             \
    X(ipv6_bad_header,      "packets", "IPv6 header or extension chain malformed")                \
    X(fragment_reassembled, "datagrams","IP datagrams put together from their fragments")         \
    X(fragment_repeated,    "packets", "IP fragment that came twice, ignored")                    \
    X(fragment_malformed,   "packets", "IP fragment of impossible length or place, dropped")      \
    X(fragment_tiny,        "datagrams","IPv6 datagram dropped: headers cut by its first fragment") \
    X(fragment_overlap,     "datagrams","IP datagram dropped: its fragments overlap")             \
    X(fragment_inconsistent,"datagrams","IP datagram dropped: its fragments disagree on its end") \
    X(fragment_too_many,    "datagrams","IP datagram dropped: in too many fragments")             \
    X(fragment_evicted,     "datagrams","incomplete IP datagrams given up for newer ones")        \
    X(fragment_expired,     "datagrams","incomplete IP datagrams given up after their time")      \
    X(fragment_late,        "packets", "IP fragment of a datagram that was dropped before")       \
    X(tunnel_refused,       "packets", "tunnel or unknown protocol to or from a protected service, dropped")\
    X(hop_limit_low,        "packets", "segment that might die before the storage (TTL, hop limit), dropped")\
    X(tcp_bad_header,       "packets", "TCP header or options malformed")                         \
    X(tcp_bad_checksum,     "packets", "TCP checksum wrong")                                      \
    /* flow */                                                                                    \
    X(flow_opened,          "flows",   "connections taken up at their SYN")                       \
    X(flow_midstream,       "flows",   "connections met in mid-life")                             \
    X(flow_midstream_cut,   "flows",   "connections met in mid-life refused or reset")            \
    X(flow_asymmetric,      "flows",   "connections seen in one direction only")                  \
    X(flow_evicted,         "flows",   "embryonic or idle connections given up for new ones")     \
    X(flow_table_full,      "packets", "SYN or stray that found no place in the flow table")      \
    X(flow_retired,         "flows",   "uninspected connections closed at a quiet moment")        \
    X(flow_expired,         "flows",   "connections removed after their time without traffic")    \
    /* stream */                                                                                  \
    X(syn_option_removed,   "packets", "SYN option other than MSS, window scale, SACK, timestamps made NOP") \
    X(syn_data_removed,     "packets", "data in a SYN removed (TCP Fast Open)")                   \
    X(urgent_removed,       "packets", "urgent pointer removed")                                  \
    X(option_removed,       "packets", "option other than SACK and negotiated timestamps made NOP") \
    X(timestamp_missing,    "packets", "segment without the negotiated timestamp, its bytes sent on with one") \
    X(segment_trimmed,      "packets", "segment across the end of the receiver's window, cut to it") \
    X(wrong_side,           "packets", "segment of one end that came in where the other one is, dropped") \
    X(segment_out_of_window,"packets", "segment outside the receiver's window, dropped")          \
    X(segment_old_timestamp,"packets", "segment failing PAWS, dropped")                           \
    X(segment_bad_flags,    "packets", "impossible combination of TCP flags, dropped")            \
    X(segment_unexpected,   "packets", "segment that fits no state of its connection, dropped")   \
    X(reset_bad_sequence,   "packets", "RST that is not at the expected sequence number, dropped")\
    X(ack_invalid,          "packets", "ACK of bytes never sent, dropped")                        \
    X(retransmission,       "packets", "segment repeated, answered from kept bytes")              \
    X(gap_segment,          "packets", "segment ahead of a hole, forwarded and kept")             \
    X(gaps_full,            "packets", "segment dropped: too many holes")                         \
    X(kept_full,            "packets", "segment dropped: kept_bytes_max reached")                 \
    X(shunt_granted,        "ranges",  "ranges of bodies that nobody needs, given to the kernel")      \
    X(shunt_revoked,        "ranges",  "of these, taken back because newer indicators came")          \
    X(shunt_full,           "ranges",  "of these, not given: no room for another one")                \
    X(inconsistent,         "flows",   "connection cut: repeated bytes differ, or protocol class contradicted") \
    /* http */                                                                                    \
    X(http_request,         "messages","request heads parsed")                                    \
    X(http_bad_head,        "messages","malformed request head, 400 and cut")                     \
    X(http_bare_lf,         "messages","line ended by bare LF, 400 and cut")                      \
    X(http_folded_header,   "messages","folded header, 400 and cut")                              \
    X(http_bad_header_name, "messages","bad header name, 400 and cut")                            \
    X(http_both_lengths,    "messages","Content-Length and Transfer-Encoding, 400 and cut")       \
    X(http_bad_length,      "messages","Content-Length repeated or not a number, 400 and cut")    \
    X(http_bad_coding,      "messages","Transfer-Encoding other than chunked, 400 and cut")       \
    X(http_bad_chunk,       "messages","chunk size, extension or trailer malformed, 400 and cut") \
    X(http_chunk_too_long,  "messages","chunk line or trailer longer than its limit, 400 and cut")\
    X(http_bad_host,        "messages","Host missing, repeated or malformed, 400 and cut")        \
    X(http_bad_version,     "messages","version other than HTTP/1.0 and HTTP/1.1, 400 and cut")   \
    X(http_head_too_long,   "messages","head longer than head_bytes_max, 431 and cut")            \
    X(http_upgrade_refused, "messages","101 or CONNECT 2xx not allowed for the service, cut")     \
    X(http_expect_refused,  "messages","Expect answered by a final status, connection closed")    \
    X(http_pipeline_full,   "messages","request behind pipeline_max others that await their answer")\
    X(http_bad_response,    "flows",   "response framing malformed, connection cut")              \
    X(messages_full,        "packets", "segment dropped: no room for another message")            \
    X(message_slow,         "messages","slow messages ended with 408 or 503 to make room for others") \
    X(protocol_refused,     "flows",   "TLS or a protocol other than HTTP refused or reset")      \
    X(proxy_header_bad,     "flows",   "PROXY header malformed or missing, cut")                  \
    /* object and verdict */                                                                      \
    X(form_bad_boundary,    "messages","multipart without a boundary that all servers read alike") \
    X(form_bad_delimiter,   "messages","multipart delimiter that servers read differently")       \
    X(form_bad_head,        "messages","head of a form part malformed or too long")               \
    X(form_bad_coding,      "messages","quoted-printable form part that servers read differently")   \
    X(form_unterminated,    "messages","multipart body that ended without its last delimiter")    \
    X(form_too_deep,        "objects", "multipart nested deeper than servers take apart")         \
    X(aws_bad_chunk,        "messages","aws-chunked framing malformed or cut short")              \
    X(aws_bad_length,       "messages","aws-chunked payload of another length than declared")     \
    X(coding_bad,           "messages","content coding malformed, cut short, or none at all")     \
    X(coding_limit,         "messages","content coding too deep, or too much in too little")      \
    X(coding_full,          "messages","content coding not undone: no decoder was free")          \
    X(text_decoded,         "objects", "base64 texts decoded that were a body or a value in it")    \
    X(text_bad,             "objects", "base64 text that ended in something else")                 \
    X(archive_opened,       "objects", "archives taken apart")                                    \
    X(archive_member,       "objects", "files found in archives")                                 \
    X(archive_encrypted,    "objects", "archive members not seen: encrypted")                     \
    X(archive_unsupported,  "objects", "archive members not seen: method not undone here")        \
    X(archive_unknown,      "objects", "archives of a format that is not taken apart (7z, rar)")  \
    X(archive_inconsistent, "objects", "archives in which two readers would see other members")   \
    X(archive_bad,          "objects", "archives damaged or cut short, seen as far as they go")   \
    X(archive_limit,        "objects", "archives too deep, with too many members or too much in too little") \
    X(archive_full,         "objects", "archives not taken apart: no decoder was free")           \
    X(unpacking_put_off,    "times",   "uploads whose unpacking went on in a later turn")         \
    X(assembly_opened,      "uploads", "uploads in pieces begun")                                 \
    X(assembly_piece,       "pieces",  "pieces of uploads seen to their end")                     \
    X(assembly_spooled,     "pieces",  "pieces kept until their predecessors come")               \
    X(assembly_chained,     "pieces",  "pieces put behind their predecessors")                    \
    X(assembly_copied,      "pieces",  "pieces that the storage copies from elsewhere")           \
    X(assembly_committed,   "uploads", "uploads in pieces judged as a whole")                     \
    X(assembly_by_leaves,   "uploads", "uploads in pieces judged by the leaves of their tree fingerprint alone") \
    X(assembly_leafless,    "pieces",  "pieces without room for the leaves of their tree fingerprint") \
    X(assembly_source,      "objects", "objects whose leaves are kept for parts that the storage copies") \
    X(assembly_source_full, "objects", "objects without room for leaves of which the storage may copy parts") \
    X(assembly_source_read, "pieces",  "pieces that the storage copied from an object whose leaves are known") \
    X(assembly_aborted,     "uploads", "uploads in pieces aborted by the client")                 \
    X(assembly_expired,     "uploads", "uploads in pieces forgotten after their time")            \
    X(assembly_gap,         "uploads", "uploads completed with pieces that were not seen")        \
    X(assembly_conflict,    "pieces",  "pieces that contradict others of their upload")           \
    X(assembly_stalled,     "pieces",  "pieces in place that waited in vain for others of their object") \
    X(assembly_unread,      "uploads", "uploads in pieces of which only the whole could be judged, not what is in it") \
    X(assembly_full,        "uploads", "no room for another upload in pieces, or for its bytes")  \
    X(assembly_bad,         "messages","request of an upload in pieces that servers read differently") \
    X(pattern_scanned,      "objects", "texts searched for patterns")                             \
    X(pattern_matched,      "objects", "texts or names in which a pattern was found")             \
    X(pattern_full,         "objects", "texts not searched: no search was free")                  \
    X(verify_requested,     "objects", "objects to be verified on the storage")                   \
    X(verify_unrecorded,    "objects", "objects to be verified of which no record could be written") \
    X(object_opened,        "objects", "objects begun")                                           \
    X(object_clean,         "objects", "objects inspected to their end without a match")          \
    X(object_dismissed,     "objects", "objects not hashed to their end: none of the listed ones") \
    X(object_matched,       "objects", "objects that matched an indicator")                       \
    X(object_aborted,       "objects", "objects whose upload ended early")                        \
    X(match_blocked,        "objects", "matches blocked")                                         \
    X(match_reported,       "objects", "matches reported and released")                           \
    X(match_observed,       "objects", "matches released in mode observe")                        \
    X(match_suspended,      "objects", "clean but for indicators that are suspended")             \
    X(match_tested,         "objects", "matches of test indicators alone: vectors of a self-test") \
    X(test_unrecorded,      "objects", "of these, treated alike without a record: too many of late") \
    X(stale_plan,           "objects", "objects judged without a digest that newer indicators need")  \
    X(match_unrecorded,     "objects", "matches refused with 503: no record could be written")    \
    X(tail_released_early,  "segments","held tail released before its object ended, looked up") \
    X(block_confirmed,      "flows",   "block answers acknowledged by the client")                \
    X(block_unconfirmed,    "flows",   "block answers given up without acknowledgement")          \
    X(storage_reset_sent,   "packets", "RST sent to the storage")                                 \
    X(block_absorbed,       "packets", "packets of a blocked connection absorbed")                \
    X(drain_full,           "packets", "packets of a refused client beyond drain_bytes_max, dropped") \
    /* worker */                                                                                  \
    X(frame_bridged,        "packets", "frames bridged by the worker (not a protected service)")  \
    X(answers_full,         "flows",   "connections cut without an answer: too many at once")         \
    X(transmit_full,        "packets", "frames dropped because the port's queue was full")        \
    X(buffer_empty,         "packets", "frames not built because no buffer was free")             \
    X(deny_failed,          "flows",   "blocked connections the kernel could not be told of")        \
    X(generation_swapped,   "swaps",   "indicator generations put into force")
// clang-format on

enum class UninspectedReason : std::uint8_t {
#define X(name, help) name,
    CORDON_UNINSPECTED_REASONS(X)
#undef X
};

enum class Outcome : std::uint8_t {
#define X(name, unit, help) name,
    CORDON_OUTCOMES(X)
#undef X
};

// The classes of the two ledgers. `uninspected` stands once per reason, as "uninspected:tls".
enum class FrameClass : std::uint8_t {
    inspected,      // carries client bytes that were inspected
    dismissed,      // carries bytes of an object that cannot match
    control,        // no payload (SYN, ACK, FIN, RST), or a head
    response,       // carries bytes of the storage's answer
    repeated,       // carries only bytes seen before
    dropped,        // not forwarded; the outcome counters say why
    not_protected,  // bridged
    uninspected,    // first of the reasons
};

enum class ObjectClass : std::uint8_t {
    inspected,
    dismissed_size,  // no listed object has its size, or is as large
    dismissed_head,  // none begins as it does
    uninspected,     // first of the reasons
};

// What became of objects of one type: the words of `cordonctl coverage`.
enum class TypeVerdict : std::uint8_t { clean, dismissed, matched, uninspected };
inline constexpr std::size_t type_verdict_count = 4;

// What became of objects of one service: the words of `cordonctl top`.
enum class ServiceVerdict : std::uint8_t {
    clean,
    dismissed,
    blocked,
    reported,
    observed,
    uninspected,
};
inline constexpr std::size_t service_verdict_count = 6;
inline constexpr std::string_view service_verdict_names[service_verdict_count] = {
    "clean", "dismissed", "blocked", "reported", "observed", "uninspected"};

// What the policies of a service decide about, and what was done: the words of `cordonctl status`.
// `asymmetric` goes by on_midstream.
enum class PolicyCase : std::uint8_t { tls, unparsable, midstream, asymmetric, limit };
enum class PolicyResult : std::uint8_t { passed, reset, refused, retired };
inline constexpr std::size_t policy_case_count = 5;
inline constexpr std::size_t policy_result_count = 4;

struct CounterInfo {
    std::string_view name;
    std::string_view unit;
    std::string_view help;
};

inline constexpr CounterInfo outcome_table[] = {
#define X(name, unit, help) {#name, unit, help},
    CORDON_OUTCOMES(X)
#undef X
};

inline constexpr CounterInfo uninspected_table[] = {
#define X(name, help) {"uninspected:" #name, "bytes", help},
    CORDON_UNINSPECTED_REASONS(X)
#undef X
};

inline constexpr std::size_t outcome_count = std::size(outcome_table);
inline constexpr std::size_t reason_count = std::size(uninspected_table);
inline constexpr std::size_t frame_class_count =
    static_cast<std::size_t>(FrameClass::uninspected) + reason_count;
inline constexpr std::size_t object_class_count =
    static_cast<std::size_t>(ObjectClass::uninspected) + reason_count;

constexpr std::size_t frame_class(FrameClass c) {
    return static_cast<std::size_t>(c);
}
constexpr std::size_t frame_class(UninspectedReason r) {
    return static_cast<std::size_t>(FrameClass::uninspected) + static_cast<std::size_t>(r);
}
constexpr std::size_t object_class(ObjectClass c) {
    return static_cast<std::size_t>(c);
}
constexpr std::size_t object_class(UninspectedReason r) {
    return static_cast<std::size_t>(ObjectClass::uninspected) + static_cast<std::size_t>(r);
}

constexpr std::string_view frame_class_name(std::size_t index) {
    constexpr std::string_view plain[] = {"inspected", "dismissed", "control",      "response",
                                          "repeated",  "dropped",   "not_protected"};
    if (index < std::size(plain)) return plain[index];
    return uninspected_table[index - std::size(plain)].name;
}

constexpr std::string_view object_class_name(std::size_t index) {
    constexpr std::string_view plain[] = {"inspected", "dismissed:size", "dismissed:head"};
    if (index < std::size(plain)) return plain[index];
    return uninspected_table[index - std::size(plain)].name;
}

// A counter that one thread writes and others read.
class Counter {
  public:
    void add(std::uint64_t n = 1) {
        value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
    }
    std::uint64_t read() const { return value_.load(std::memory_order_relaxed); }

  private:
    std::atomic<std::uint64_t> value_{0};
};

struct Tally {  // how many, and how many bytes
    Counter count;
    Counter bytes;
    void add(std::uint64_t n_bytes) {
        count.add();
        bytes.add(n_bytes);
    }
};

// How long something took, in classes: `latency_ends_ns` are the upper ends of all but the last.
inline constexpr std::uint64_t latency_ends_ns[] = {
    20'000,      50'000,      100'000,       200'000,       500'000,       1'000'000,
    2'000'000,   5'000'000,   10'000'000,    20'000'000,    50'000'000,    100'000'000,
    200'000'000, 500'000'000, 1'000'000'000, 2'000'000'000, 5'000'000'000, 10'000'000'000};
inline constexpr std::size_t latency_class_count = std::size(latency_ends_ns) + 1;

struct Latency {
    std::array<Counter, latency_class_count> classes;
    Counter sum_ns;
    void add(std::uint64_t ns, std::uint64_t n = 1) {
        std::size_t c = 0;
        while (c < std::size(latency_ends_ns) && ns > latency_ends_ns[c])
            ++c;
        classes[c].add(n);
        sum_ns.add(n * ns);
    }
};

struct ServiceCounters {
    std::array<Tally, object_class_count> objects;  // as Counters::objects
    // Every object that was judged, as Counters::types: a member counts beside its archive.
    std::array<Tally, service_verdict_count> verdicts;
    // Of a message that carried objects: from its end to its verdict, when what was held may leave.
    Latency verdict_latency;
    Counter policies[policy_case_count][policy_result_count];  // connections
};

struct alignas(64) Counters {  // worker writes, control reads
    std::array<Counter, outcome_count> outcomes;
    std::array<Tally, frame_class_count> frames;    // bytes of whole frames as received
    std::array<Tally, object_class_count> objects;  // bytes of object content
    // The other side of the object ledger, counted where bytes are read: of bodies by framing, and
    // of clients whose connection is not inspected. What an open object has is in no class yet.
    Counter body_bytes;
    Counter unframed_bytes;
    // By type and verdict: every object that was judged. One that stands in another (a part, a
    // decoded text, a member) counts beside it: these bytes add up to more than bodies have.
    std::array<std::array<Tally, type_verdict_count>, content_type_count> types;
    // By side: client, storage. A kept IP fragment joins when the fate of its datagram is known.
    Tally received[2];
    Tally transmitted[2];
    std::array<ServiceCounters, services_max> services;

    void count(Outcome o, std::uint64_t n = 1) { outcomes[static_cast<std::size_t>(o)].add(n); }
    void decided(std::size_t service, PolicyCase about, PolicyResult result) {
        services[service]
            .policies[static_cast<std::size_t>(about)][static_cast<std::size_t>(result)]
            .add();
    }
    // An object, with those of its bytes that no other has in the ledger.
    void classed(std::size_t service, std::size_t object_class, std::uint64_t n_bytes) {
        objects[object_class].add(n_bytes);
        services[service].objects[object_class].add(n_bytes);
    }
    void classed_bytes(std::size_t service, std::size_t object_class, std::uint64_t n_bytes) {
        objects[object_class].bytes.add(n_bytes);
        services[service].objects[object_class].bytes.add(n_bytes);
    }
    void judged(std::size_t service, ServiceVerdict verdict, std::uint64_t n_bytes) {
        services[service].verdicts[static_cast<std::size_t>(verdict)].add(n_bytes);
    }
    std::uint64_t read(Outcome o) const { return outcomes[static_cast<std::size_t>(o)].read(); }
};

}  // namespace cordon
