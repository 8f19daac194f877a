// Questions to the dataplane that are under way, for the event loop: each with what to do when the
// answer comes, or when it does not.
//
// Owns:       the exchanges and their continuations.
// Invariants: every continuation is called exactly once, from begin() or handle().
// Thread:     the event loop's.
// Limits:     one exchange for a client, and the daemon's own: bounded by its callers.
#pragma once

#include <poll.h>

#include <functional>
#include <span>
#include <vector>

#include "control/link/dataplane_link.h"

namespace cordon {

class Exchanges {
  public:
    using Done = std::function<void(const Result<LinkPayload>& answer)>;

    void begin(const std::string& socket_path, LinkType type, Bytes payload,
               std::uint32_t timeout_ms, std::uint64_t now_ms, Done done);

    void add_descriptors(std::vector<pollfd>* set) const;
    // `ready`: what add_descriptors() appended, after poll().
    void handle(std::span<const pollfd> ready, std::uint64_t now_ms);

    std::size_t count() const { return list_.size(); }
    // When the first time-out falls due, or `otherwise`.
    std::uint64_t next_deadline_ms(std::uint64_t otherwise) const;

  private:
    struct Pending {
        LinkExchange exchange;
        std::uint64_t deadline_ms;
        std::uint32_t timeout_ms;
        Done done;
    };
    std::vector<Pending> list_;
};

}  // namespace cordon
