// The verifier's end of the socket to cordond: contract/verify_link.h.
//
// Owns:       the connection.
// Invariants: after any surprise the connection is closed, and whatever was under way is asked for
//             again: cordond knows what is done.
// Thread:     one; calls wait for cordond, answer_ms_max at most.
#pragma once

#include <string>

#include "dataplane/base/descriptor.h"
#include "dataplane/verifier/index_shelf.h"
#include "dataplane/verifier/job_runner.h"

namespace cordon::verifier {

class DeskLink final : public Desk {
  public:
    DeskLink(std::string path, IndexShelf* shelf) : path_(std::move(path)), shelf_(*shelf) {}

    bool is_open() const { return socket_.valid(); }
    bool open();
    void close() { socket_.close(); }

    enum class Next : std::uint8_t { job, probe, idle, lost };
    // With `idle`, *wait_ms is when to ask again.
    Next next(VerifyJob* job, VerifyProbe* probe, std::uint32_t* wait_ms);
    bool record(const VerifyMatch& match) override;
    bool done(const VerifyDone& result);
    bool probed(const VerifyProbed& result);

    // What was in force at the last next().
    Grounds grounds() const { return held_.grounds(); }
    // How many cordond wants to be done at once.
    std::uint32_t jobs() const { return jobs_; }

  private:
    template <typename Body>
    bool send(VerifyType type, const Body& body);
    template <typename Body>
    bool take(VerifyType type, Bytes frame, Body* body);
    bool receive(MutableBytes room, std::size_t* bytes, HandedFiles* with = nullptr);
    bool lose();
    bool taken(std::uint64_t id);

    std::string path_;
    Descriptor socket_;
    IndexShelf& shelf_;
    IndexShelf::Held held_;
    std::uint32_t jobs_ = 1;
};

}  // namespace cordon::verifier
