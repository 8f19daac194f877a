// Judges the content of a stored object by playing it to a Worker as an upload: the same line that
// inspects live traffic, so whatever it takes apart, fingerprints and looks up there counts here.
//
//   content ─► request and segments ─► Worker ─► records and reports ─► Judgement
//                 ▲                       │
//                 └──── ACKs ◄──── storage that keeps nothing
//
// Owns:       the worker, its port, and the frames between them.
// Invariants: the verdict depends on the content, not on how it was cut or how fast it came: the
//             clock stands still while content flows, so no tail is released and looked up by time.
// Thread:     one.
// Limits:     one object at a time; memory of a worker with few flows, and 64 frames.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "dataplane/base/time.h"
#include "dataplane/contract/suspensions.h"
#include "dataplane/worker/worker.h"

namespace cordon::verifier {

// What decides about a match, as it stands for the service.
struct JudgeSettings {
    ServiceMode mode = ServiceMode::enforce;
    bool weak_blocks = false;
    bool lab = false;
    char node_prefix[8] = {};
    char service[32] = {};
    std::uint64_t seed = 0;  // of case numbers
};

// By what is judged, as for the dataplane. Both outlive the judge.
struct Grounds {
    const IndexView* index = nullptr;          // null: none, so nothing is judged
    const Suspensions* suspensions = nullptr;  // null: none
};

enum class Finding : std::uint8_t {
    clean,
    uninspected,  // nothing matched, but not all of it could be judged here either
    match,
};

struct Judgement {
    Finding finding = Finding::clean;
    std::uint64_t bytes = 0;
    UninspectedReason reason = {};  // with uninspected
    IncidentRecord incident = {};   // with match: matches, action, form, case number
};

class LineJudge {
  public:
    // `coding` is the Content-Encoding under which the object is stored, empty: none.
    LineJudge(const JudgeSettings& settings, const Grounds& grounds, std::uint64_t length,
              std::string_view coding, Now now);
    ~LineJudge();
    LineJudge(const LineJudge&) = delete;
    LineJudge& operator=(const LineJudge&) = delete;

    // False: a match is to be blocked, more need not be read; or more came than `length`.
    bool feed(Bytes content);
    // Nothing when the content ended before `length`.
    std::optional<Judgement> finish();

  private:
    struct Played;
    std::unique_ptr<Played> played_;
};

}  // namespace cordon::verifier
