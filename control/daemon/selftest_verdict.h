// What a self-test means: from what came of the uploads, what the appliance has on record of them,
// and what the dataplane says that it does.
//
// Owns:       nothing.
// Invariants: `ok` only when every vector was refused by this very appliance, as its records say,
//             nothing of it is on the storage, and a clean object went through. `passed` only when
//             a vector was stored while the dataplane says that it inspects the service and would
//             block the vector: nothing else can be the dataplane's own fault.
// Thread:     any; pure.
#pragma once

#include <array>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "dataplane/base/result.h"
#include "dataplane/contract/link.h"
#include "dataplane/contract/verify_link.h"

namespace cordon {

// The later one counts more. The number behind a name is the exit code of `cordonctl selftest`.
// clang-format off
#define CORDON_SELFTEST_RESULTS(X)                                                                \
    X(ok,            0)                                                                           \
    X(kept,          4)  /* refused, but the storage has something of it */                       \
    X(unlooked,      4)  /* refused, and nobody could look what the storage has */                \
    X(unproven,      4)  /* refused without a case number */                                      \
    X(observed,      4)  /* recorded and stored: it is told to */                                 \
    X(unlisted,      4)  /* stored: no list in force has the vector */                            \
    X(unreachable,   3)  /* no answer, of the service or of cordon-verifier */                    \
    X(wrong_setup,   8)  /* the credentials or the place are wrong */                             \
    X(not_stored,    1)  /* a clean object is not stored either */                                \
    X(kept_whole,    1)  /* refused, and all of it is on the storage */                           \
    X(around,        1)  /* the answer, or the upload, did not pass this appliance */             \
    X(not_inspected, 1)  /* stored: the service is in bypass, or no dataplane is there */         \
    X(passed,        1)  /* stored, while the dataplane says that it inspects */
// clang-format on

enum class SelftestResult : std::uint8_t {
#define X(name, code) name,
    CORDON_SELFTEST_RESULTS(X)
#undef X
};
std::string_view name_of(SelftestResult result);
int exit_code_of(SelftestResult result);

// Of a vector, what the appliance has on record under the case number of its answer.
struct RecordedVector {
    std::string service;
    bool is_test = false;
    MatchAction action = MatchAction::block;
};

struct SelftestFacts {
    std::string service;
    VerifyProbed probed{};
    std::array<std::optional<RecordedVector>, probe_way_count> records;  // by ProbeWay
    bool released = false;  // a vector for this service is on record as released, since
    const LinkStatus* dataplane = nullptr;  // null: it does not answer
};

struct SelftestVerdict {
    SelftestResult result = SelftestResult::unreachable;
    std::string text;     // one or two sentences, with the way to mend it
    std::string storage;  // whether it abandons cut writes; empty: not known
    std::array<SelftestResult, probe_way_count> ways{};  // of those that were tried
};

SelftestVerdict judge_selftest(const SelftestFacts& facts);
nlohmann::json verdict_json(const SelftestFacts& facts, const SelftestVerdict& verdict);

}  // namespace cordon
