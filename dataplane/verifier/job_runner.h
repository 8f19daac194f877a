// One job: fetch the object, judge it, and on a match that policy blocks delete exactly what was
// judged.
//
//   get ─► judge ─┬─ clean, gone, uninspected ─────────────────────────► done
//                 └─ match ─► record (durable) ─► look: still the same? ─┬─ other ─► done, newer
//                                  ▲                                    └─ DELETE ─► look: gone?
//             a job that was recorded before enters here ──────────────────┘          └─► done
//
// Owns:       nothing that lives on.
// Invariants: nothing is deleted before its incident is durable, nor without a validator or a
//             version that says it is what was judged. The deletion is confirmed by looking again.
// Thread:     one.
#pragma once

#include <functional>
#include <string>

#include "dataplane/base/time.h"
#include "dataplane/contract/verify_link.h"
#include "dataplane/verifier/line_judge.h"
#include "dataplane/verifier/storage.h"

namespace cordon::verifier {

class Desk {
  public:
    virtual ~Desk() = default;
    // False: nobody knows whether it is durable.
    virtual bool record(const VerifyMatch& match) = 0;
};

class JobRunner {
  public:
    JobRunner(Storage* storage, Desk* desk, std::function<Now()> clock, std::uint64_t seed)
        : storage_(*storage), desk_(*desk), clock_(std::move(clock)), seed_(seed) {}

    // False: the desk is gone, and so is the job.
    bool run(const VerifyJob& job, const Grounds& grounds, VerifyDone* done);

  private:
    struct Judged;
    bool judge(const VerifyJob& job, const Location& where, const Grounds& grounds,
               VerifyDone* done);
    bool record(const VerifyJob& job, const Judged& judged, VerifyDone* done, bool* deletes);
    void remove(const Location& where, const std::string& validator,
                const std::string& object_version, VerifyDone* done);
    void confirm(const Location& where, const std::string& validator,
                 const std::string& object_version, VerifyDone* done);
    static void put_off(const StorageAnswer& answer, const char* doing, VerifyDone* done);

    Storage& storage_;
    Desk& desk_;
    std::function<Now()> clock_;
    std::uint64_t seed_;
};

}  // namespace cordon::verifier
