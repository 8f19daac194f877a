// What becomes of one port when the other one loses its link: decided from states and times alone.
//
//   apart ──one has no link──► held: the other is taken down ──the first has it again──► settling
//     ▲                          │ somebody else brings it up          (brought up)        │
//     │                          ▼                                                         │
//     └─────────────────────── yielded                          both up, or settle_ns ─────┘
//
// So that a switch, a bond or a router on either side sees the loss as on a plain cable and turns
// to its other way.
//
// Owns:       nothing; pure.
// Invariants: at most one port is held, and only that one is ever brought up: what the operator
//             took down stays down. What the operator brings up against us stays up until the other
//             port has its link again.
// Worker/thread: the main thread.
#pragma once

#include <cstdint>
#include <optional>

#include "dataplane/base/time.h"
#include "dataplane/worker/port.h"

namespace cordon {

struct LinkState {
    bool up = false;       // as the operator, or we, set it
    bool carrier = false;  // and the far end is there
    bool works() const { return up && carrier; }
};

class LinkPair {
  public:
    // A port that was just brought up negotiates for this long before it counts as without link.
    static constexpr std::uint64_t settle_ns = 10 * ns_per_s;

    struct Step {
        Side port;
        bool up;  // to be brought up, else taken down
    };

    // Call at every look; does what it says must have been done before the next.
    std::optional<Step> look(LinkState client, LinkState storage, std::uint64_t now_ns);

    std::optional<Side> held() const { return held_; }

  private:
    std::optional<Step> look_held(const LinkState* links, std::uint64_t now_ns);

    std::optional<Side> held_;     // taken down by us
    std::optional<Side> yielded_;  // without link, and somebody brought the other one up
    std::uint64_t settled_ns_ = 0;
    bool begun_ = false;
};

}  // namespace cordon
