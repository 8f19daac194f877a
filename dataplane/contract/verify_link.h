// What cordond and cordon-verifier say to each other: [verifier] socket, AF_UNIX SOCK_SEQPACKET.
// The verifier asks, cordond answers each frame with one. It opens a connection for each job that
// it does at once; `jobs` says how many that may be.
//
//   verifier → next                            ← job, or idle: ask again later
//            → match (before it deletes)       ← recorded: durable, now it may delete
//            → done                            ← taken
//            → next                            ← probe: upload the vector of a self-test
//            → probed                          ← taken
//
// With `job` and `idle` come descriptors of what is judged by, open for reading, when the mark of
// it all is another than the one the verifier named: the index, the suspensions beside it, and
// memory with the keys of its sections. The verifier needs no access to the files of cordond, and
// has no key of the appliance's own. Names of objects go over this socket, never content.
//
// Owns:       nothing; plain fixed-size structs, host byte order (same machine).
// Invariants: a job is handed to one connection; when that ends without `done`, it waits again.
// Limits:     a frame is as long as its type says; any other ends the connection. Texts end with
//             a NUL.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string_view>
#include <type_traits>

#include "dataplane/contract/journal_format.h"
#include "dataplane/contract/options.h"

namespace cordon {

inline constexpr std::uint32_t verify_magic = 0x46564443;  // "CDVF"
inline constexpr std::uint16_t verify_version = 4;

// Threads of the verifier, each with a connection to cordond and one to a storage.
inline constexpr std::uint32_t verify_jobs_max = 64;
static_assert(verify_jobs_max >= services_max);  // one for each storage

enum class StorageApi : std::uint8_t { s3, webdav };

// Numbers stand in the store: new ones go to the end.
// clang-format off
#define CORDON_VERIFY_OUTCOMES(X)                                                                 \
    X(none,        "waiting")      /* nothing is known yet */                                     \
    X(clean,       "clean")        /* judged, and nothing matched */                              \
    X(uninspected, "uninspected")  /* fetched, but not all of it can be judged there either */    \
    X(deleted,     "deleted")      /* it matched and is gone */                                   \
    X(reported,    "reported")     /* it matched, and policy lets it be */                        \
    X(gone,        "gone")         /* there is no such object */                                  \
    X(replaced,    "replaced")     /* what matched is no more there; a newer one is asked for */  \
    X(error,       "error")        /* given up */                                                 \
    X(overflow,    "overflow")     /* never tried: too many waited */
// clang-format on

enum class VerifyOutcome : std::uint8_t {
#define X(name, text) name,
    CORDON_VERIFY_OUTCOMES(X)
#undef X
};

inline constexpr std::string_view verify_outcome_names[] = {
#define X(name, text) text,
    CORDON_VERIFY_OUTCOMES(X)
#undef X
};

enum class VerifyType : std::uint16_t {
    next = 1,      // → VerifyNext
    job = 2,       // ← VerifyJob
    idle = 3,      // ← VerifyIdle
    match = 4,     // → VerifyMatch
    recorded = 5,  // ← VerifyRecorded
    done = 6,      // → VerifyDone
    taken = 7,     // ← VerifyTaken
    probe = 8,     // ← VerifyProbe
    probed = 9,    // → VerifyProbed
};

// Which descriptors come with a frame, in this order: bits.
enum VerifyFile : std::uint8_t {
    verify_file_index = 1,
    verify_file_suspensions = 2,  // contract/suspensions.h
    verify_file_keys = 4,         // tag_key_bytes each, as they are
};
inline constexpr std::size_t verify_files_max = 3;

struct VerifyHeader {
    std::uint32_t magic;
    std::uint16_t version;
    VerifyType type;
};

struct VerifyNext {
    std::uint64_t mark;  // of what it judges by, 0: it has nothing
    char program_version[32];
};

struct VerifyIdle {
    std::uint64_t mark;  // of what is in force, 0: nothing
    std::uint32_t wait_ms;
    std::uint32_t jobs;  // at once
    std::uint8_t lab;
    std::uint8_t files;  // VerifyFile
    std::uint8_t reserved[6];
};

struct VerifyJob {
    std::uint64_t id;
    std::uint64_t mark;  // as of VerifyIdle
    std::uint64_t object_bytes_max;
    std::uint32_t seconds_max;  // of one request to the storage
    StorageApi api;
    std::uint8_t path_style;  // S3: the bucket is the first part of the path, else of the host
    ServiceMode mode;
    std::uint8_t weak_blocks;
    std::uint8_t lab;
    std::uint8_t matched;  // in an earlier try, and recorded: only the deletion is left
    std::uint8_t cut;      // the target is longer than what stands here
    std::uint8_t files;    // VerifyFile
    std::uint32_t jobs;    // at once
    char node_prefix[8];
    char service[32];
    char endpoint[256];
    char region[64];
    char credentials[256];  // path of the file
    char ca_file[256];      // for https: who signs the storage's certificate; empty: the system's
    char swift[64];         // path of its Swift API, below which the same objects are; or empty
    char host[256];         // as the client named it
    char target[3200];
    char etag[256];  // of what matched
    char object_version[256];
};

struct VerifyMatch {
    std::uint64_t id;
    std::uint64_t object_bytes;
    IncidentRecord incident;  // what the line found: matches, form, action, case number
    char etag[256];
    char object_version[256];
};

struct VerifyRecorded {
    std::uint64_t id;
    char case_number[32];
};

struct VerifyDone {
    std::uint64_t id;
    std::uint64_t object_bytes;
    std::uint64_t time_ns;   // Unix time, UTC
    VerifyOutcome outcome;   // `none`: has to be tried again
    std::uint8_t permanent;  // with `none`: trying again will not help
    std::uint8_t newer;      // another version is visible now
    std::uint8_t reserved[1];
    std::uint32_t http_status;  // last answer of the storage, 0: none
    char detail[128];           // one sentence for the operator
};

// How the vector of a self-test is uploaded (contract/test_vector.h), and the control object that
// has to pass. Names stand in what cordonctl prints.
// clang-format off
#define CORDON_PROBE_WAYS(X)                                                                      \
    X(control,   "clean control")       /* with its length; must be stored as it is */            \
    X(sized,     "vector, with length") /* Content-Length */                                      \
    X(chunked,   "vector, chunked")     /* of unknown length; not to S3, which takes none */      \
    X(replacing, "vector, over a file") /* over the control object */
// clang-format on

enum class ProbeWay : std::uint8_t {
#define X(name, text) name,
    CORDON_PROBE_WAYS(X)
#undef X
};

inline constexpr std::string_view probe_way_names[] = {
#define X(name, text) text,
    CORDON_PROBE_WAYS(X)
#undef X
};
inline constexpr std::size_t probe_way_count = std::size(probe_way_names);

struct VerifyProbe {
    std::uint64_t id;
    std::uint32_t jobs;  // at once
    StorageApi api;
    std::uint8_t path_style;
    std::uint8_t ways;  // bit n: ProbeWay n
    std::uint8_t reserved;
    char service[32];
    char endpoint[256];  // by which clients reach the service: through the wire
    char region[64];
    char credentials[256];
    char ca_file[256];
    char folder[256];  // below which objects may be put, from "/" on and without one at its end
};

enum class ProbeAnswer : std::uint8_t {
    none,     // no connection, or no answer
    stored,   // 2xx
    refused,  // 4xx
    failed,   // anything else
};

enum class ProbeLeft : std::uint8_t {
    unknown,  // it could not be looked at
    nothing,
    before,  // what was there before
    part,    // something else: a part of it, an empty object
    all,
};

struct ProbeFinding {
    std::uint64_t left_bytes;
    std::uint32_t http_status;
    ProbeAnswer answer;
    ProbeLeft left;
    std::uint8_t tried;
    std::uint8_t littered;  // what is left could not be deleted
    char case_number[32];   // as the answer named it; empty: none
    char detail[128];       // one sentence for the operator
};

struct VerifyProbed {
    std::uint64_t id;
    ProbeFinding findings[probe_way_count];  // by ProbeWay
    char error[256];  // why nothing could be tried: the credentials, the endpoint; empty: it could
};

struct VerifyTaken {
    std::uint64_t id;
};

template <typename T>
struct VerifyFrame {
    VerifyHeader header;
    T body;
};

inline constexpr std::size_t verify_frame_max =
    std::max(sizeof(VerifyFrame<VerifyMatch>), sizeof(VerifyFrame<VerifyJob>));
static_assert(verify_frame_max >= sizeof(VerifyFrame<VerifyProbe>));
static_assert(verify_frame_max >= sizeof(VerifyFrame<VerifyProbed>));
// The two that answer `next` are told apart by their size.
static_assert(sizeof(VerifyFrame<VerifyProbe>) != sizeof(VerifyFrame<VerifyIdle>));
static_assert(sizeof(VerifyFrame<VerifyProbe>) != sizeof(VerifyFrame<VerifyJob>));
static_assert(std::is_trivially_copyable_v<VerifyMatch>);

}  // namespace cordon
