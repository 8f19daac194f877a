// Our end of a connection that was cut: a small TCP sender that gets one answer and a FIN to the
// client, and acknowledges what the client still sends.
//
// Owns:       the bytes of the answer.
// Invariants: acknowledged ≤ sent ≤ length + 1 (the FIN is the last octet).
// Worker:     used by one worker only; pooled.
// Limits:     answer_bytes_max; answers_max of them in a worker.
#pragma once

#include <cstdint>

#include "dataplane/contract/counters.h"
#include "dataplane/contract/journal_format.h"
#include "dataplane/http/body_rest.h"
#include "dataplane/http/refusal.h"
#include "dataplane/worker/recorder.h"

namespace cordon {

// A segment in the name of one end.
struct OwnSegment {
    std::uint32_t sequence;
    std::uint32_t ack;
    std::uint8_t flags;
    Bytes payload;
};

// What cannot be inspected, and what is done with it.
struct Uninspectable {
    PolicyCase about;
    UninspectedReason reason;  // when it passes
    UninspectedAction action;
    ErrorStatus status;  // when it is refused
    bool in_body;
};

inline constexpr std::size_t answer_bytes_max = refusal_bytes_max;
inline constexpr std::uint32_t answers_max = 1024;
// Of these for matches only: thousands of bad requests do not take the 403 from whom it is due.
inline constexpr std::uint32_t answers_reserve = 256;

struct Answer {
    RecordTicket ticket;
    std::uint64_t sequence;        // of the durable record
    std::uint64_t since_ns;        // of this phase
    std::uint64_t send_at_ns;      // next (re)transmission
    std::uint64_t rto_ns;          // doubles with each try
    std::uint64_t reset_at_ns;     // next repetition of the RST to the storage
    std::uint64_t base;            // down offset of the first octet
    std::uint64_t await_until_ns;  // awaits_body: no longer than this
    std::uint64_t await_last_ns;   // and in no case longer than this
    std::uint64_t drained_bytes;   // of the client, acknowledged and thrown away
    std::uint32_t length;          // octets of the answer; the FIN comes after them
    std::uint32_t sent;            // octets sent so far, FIN included
    std::uint32_t acknowledged;
    std::uint32_t next_free;
    std::uint32_t resets;        // repetitions so far
    std::uint32_t storage_next;  // SND.NXT towards the storage when it was cut off
    std::uint16_t status;
    RequestKind kind;
    bool silent;        // nothing but a FIN: the storage has begun to answer
    bool refused;       // the recorder had no room
    bool is_match;      // a record was asked for
    bool is_test;       // of the vector of a self-test, which is counted apart
    bool beside;        // decided, and perhaps bridged by the kernel before the deny map knew
    bool recorded;      // and is durable
    bool started;       // the storage is reset, the answer is on its way
    bool confirmed;     // the client has all of it
    bool enforced_due;  // the `enforced` record still has to be handed over
    bool client_gone;   // by RST
    bool awaits_body;   // the client still sends the body of its request: rest
    BodyRest rest;
    char case_number[32];
    std::uint16_t origin_bytes;
    char origin[origin_bytes_max];
    std::uint8_t bytes[answer_bytes_max];
};

}  // namespace cordon
