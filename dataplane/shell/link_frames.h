// One frame of the control socket: what it asks, and the answer. Any bytes may come in.
//
// Owns:       nothing; the answer is written into the caller's buffer.
// Invariants: a frame is answered by one of its own type, or by an error frame; after an error of
//             framing (size, magic, version, type) the connection is to be closed. No text of the
//             frame is used before it is known to be terminated.
// Thread:     that of the connection: two may ask at once, one of them for an index.
// Limits:     link_frame_max.
#pragma once

#include <string>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"
#include "dataplane/contract/link.h"

namespace cordon {

// What can be asked of the appliance.
class LinkTarget {
  public:
    virtual ~LinkTarget() = default;
    virtual void status(LinkStatus* status) = 0;
    virtual void counters(LinkCounters* counters) = 0;
    virtual void unlisted(LinkUnlisted* unlisted) = 0;
    virtual Result<void> load_index(const std::string& path) = 0;
    virtual Result<void> set_mode(std::string_view service, ServiceMode mode,
                                  std::uint64_t bypass_until_s) = 0;
    virtual void distrust(std::string_view why) = 0;
};

struct LinkAnswer {
    std::size_t length = 0;  // of the answer frame
    bool close = false;
};

// Whether an answer may take as long as a file is large.
bool takes_long(Bytes request);

// `answer` has room for link_frame_max bytes.
LinkAnswer handle_frame(Bytes request, LinkTarget& target, MutableBytes answer);

}  // namespace cordon
