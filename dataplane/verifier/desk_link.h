// The verifier's end of the socket to cordond: contract/verify_link.h.
//
// Owns:       the connection, and the index of which cordond gave the file.
// Invariants: after any surprise the connection is closed, and whatever was under way is asked for
//             again: cordond knows what is done.
// Thread:     one; calls wait for cordond, answer_ms_max at most.
#pragma once

#include <memory>
#include <string>

#include "dataplane/base/descriptor.h"
#include "dataplane/shell/index_holder.h"
#include "dataplane/verifier/job_runner.h"

namespace cordon::verifier {

class DeskLink final : public Desk {
  public:
    explicit DeskLink(std::string path) : path_(std::move(path)) {}

    bool is_open() const { return socket_.valid(); }
    bool open();

    enum class Next : std::uint8_t { job, idle, lost };
    // With `idle`, *wait_ms is when to ask again.
    Next next(VerifyJob* job, std::uint32_t* wait_ms);
    bool record(const VerifyMatch& match) override;
    bool done(const VerifyDone& result);

    // Null: none that could be read.
    const IndexView* index() const { return index_ ? &index_->view() : nullptr; }
    const std::string& index_error() const { return index_error_; }

  private:
    template <typename Body>
    bool send(VerifyType type, const Body& body);
    template <typename Body>
    bool take(VerifyType type, Bytes frame, Body* body);
    bool receive(MutableBytes room, std::size_t* bytes, Descriptor* with);
    void take_index(Descriptor file, std::uint64_t mark, bool lab);
    bool lose();

    std::string path_;
    Descriptor socket_;
    std::unique_ptr<IndexImage> index_;
    std::uint64_t index_mark_ = 0;
    std::string index_error_;
};

}  // namespace cordon::verifier
