// Decides for every flow of a capture which end is the client, because a capture has no ports: a
// frame from the client "arrives" on the client side.
//
// By the first that applies: who sent the first pure SYN; who does not own a listed service; who
// was sent a SYN-ACK; who sent an HTTP method first; who has the higher port. A fragment without
// ports comes from the side that its addresses had last, else from the one that the flow of its
// datagram's first fragment shows.
//
// Owns:       one entry per flow, one per pair of addresses.
// Invariants: a flow's client never changes.
// Thread:     one.
#pragma once

#include <functional>
#include <unordered_map>
#include <vector>

#include "dataplane/flow/flow_table.h"
#include "dataplane/worker/port.h"

namespace cordon::replay {

class Roles {
  public:
    // `survey` is called once, when a flow is met without its SYN: it shows every frame of the
    // input to see().
    Roles(std::vector<SegmentEnd> services, ChecksumRule checksums, std::function<void()> survey)
        : services_(std::move(services)), checksums_(checksums), survey_(std::move(survey)) {}

    // The side on which a frame arrives. What is neither a TCP segment nor a fragment arrives at
    // the client's, unless a listed service sent it.
    Side side_of(Bytes frame);

    // The same of a frame that was decoded already, its checksums left alone. *flow is that of a
    // segment, else its key is null.
    struct KnownFlow {
        const FlowKey* key = nullptr;  // lives as long as this
        std::uint32_t number = 0;      // 0, 1, 2 …
    };
    Side side_of(Bytes frame, DecodeResult decoded, const Segment& segment, KnownFlow* flow);

    // Looks ahead: remembers what a frame says about its flow.
    void see(Bytes frame);

  private:
    enum class End : std::uint8_t { unknown, low, high };
    struct Evidence {
        End syn = End::unknown;      // sent the first pure SYN
        End syn_ack = End::unknown;  // was sent a SYN-ACK
        End method = End::unknown;   // sent an HTTP method first
        End client = End::unknown;   // decided
        std::uint32_t number = 0;
        End* pair = nullptr;  // its entry in pairs_, once there is one
        bool speaks_to_itself = false;
    };
    struct HashKey {
        std::size_t operator()(const FlowKey& key) const;
    };

    // `is_right()`: its checksums.
    using Entry = std::pair<const FlowKey, Evidence>;
    Entry* decided(const Segment& segment, const std::function<bool()>& is_right);
    Side side_of_segment(const Segment& segment, Entry* entry);
    Entry& entry_of(const FlowKey& key);
    Side side_of_fragment(Bytes frame, const Segment& segment);
    Side side_of_other(const Segment& segment) const;
    void survey_once();
    bool is_service(const SegmentEnd& end) const;
    End decide(const FlowKey& key, const Evidence& evidence) const;
    void note(const Segment& segment, End sender, Evidence* evidence) const;

    std::vector<SegmentEnd> services_;
    ChecksumRule checksums_;
    std::function<void()> survey_;
    bool surveyed_ = false;
    // Entries stay where they are, whatever else is added.
    std::unordered_map<FlowKey, Evidence, HashKey> flows_;
    std::unordered_map<FlowKey, End, HashKey> pairs_;  // of addresses, ports 0: who is the client
};

// Whether these bytes begin like an HTTP request: a method of upper-case letters and a space.
bool begins_with_method(Bytes payload);

}  // namespace cordon::replay
