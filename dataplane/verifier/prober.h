// The upload of a self-test: the vector goes to the service as a client sends it, must be refused,
// and then it is looked what the storage has of it.
//
//   control ─► stored? ─► vector, with length ─► vector, chunked ─► vector over the control
//                            └─ each: the answer ─► a second later: GET: what is there? ─► DELETE
//
// Owns:       nothing that lives on.
// Invariants: only objects whose names it made up itself are put, fetched or deleted. What it says
//             is what it saw; what that means is judged by cordond, who knows the incidents.
// Thread:     one.
// Limits:     objects of test_vector_bytes; request_seconds_max for a request.
#pragma once

#include <functional>
#include <string>

#include "dataplane/contract/verify_link.h"
#include "dataplane/verifier/storage.h"

namespace cordon::verifier {

class Prober {
  public:
    static constexpr std::uint32_t request_seconds_max = 20;
    // Storages that tidy up after a broken connection have done so by then (docs/selftest.md).
    static constexpr std::uint32_t settle_ms = 1000;

    Prober(Storage* storage, std::function<void(std::uint32_t ms)> pause)
        : storage_(*storage), pause_(std::move(pause)) {}

    // What the storage is reached with.
    static VerifyJob access_of(const VerifyProbe& probe);

    // `nonce` is another one each time.
    void run(const VerifyProbe& probe, std::uint64_t nonce, VerifyProbed* probed);

  private:
    struct Upload;
    bool upload(const VerifyProbe& probe, const Upload& what, ProbeFinding* finding);
    void look(const Upload& what, ProbeFinding* finding);
    void tidy(const Upload& what, ProbeFinding* finding);

    Storage& storage_;
    std::function<void(std::uint32_t ms)> pause_;
};

}  // namespace cordon::verifier
