// What ebpf/shunt.bpf.h does, in memory: the ranges that a worker gave away, and the rule by which
// a frame passes beside it. The kernel's own program is tested in tests/bpf/shunt_test.cpp.
//
// Owns:       the ranges; places are given in turn.
// Limits:     ranges_max at once; 0: such a port has none (not_supported).
#pragma once

#include <cstring>
#include <vector>

#include "dataplane/base/limits.h"
#include "dataplane/decode/decode.h"
#include "dataplane/worker/port.h"

namespace cordon::test {

class ShuntModel {
  public:
    std::size_t ranges_max = 0;

    ShuntGrant shunt(const ShuntRange& range, std::uint32_t* place) {
        if (ranges_max == 0) return ShuntGrant::not_supported;
        INVARIANT(range.to - range.from <= limits::shunt_bytes_max);
        if (in_use() == ranges_max) return ShuntGrant::full;
        *place = static_cast<std::uint32_t>(places_.size());
        places_.push_back({range, {}, true, true});
        places_.back().passed.reach = range.from;
        places_.back().passed.client.ack = range.client_ack;
        places_.back().passed.storage.ack = range.storage_ack;
        return ShuntGrant::granted;
    }
    ShuntPassed passed(std::uint32_t place) const {
        INVARIANT(places_.at(place).given);
        return places_[place].passed;
    }
    void revoke(std::uint32_t place) { places_.at(place).in_force = false; }
    void unshunt(const ShuntRange& range, std::uint32_t place) {
        INVARIANT(places_.at(place).given && is_same_flow(places_[place].range, range));
        places_[place].in_force = places_[place].given = false;
    }

    // Whether the frame that came in on `side` passes; notes what it says.
    bool bridges(Side side, Bytes frame) {
        if (places_.empty()) return false;
        Segment segment;
        Outcome why;
        if (decode(frame, ChecksumRule::off, &segment, &why) != DecodeResult::tcp) return false;
        for (Place& place : places_) {
            if (!place.in_force || !belongs(place.range, segment, side)) continue;
            if (side == Side::client ? passes_up(segment, &place) : passes_down(segment, &place))
                return true;
        }
        return false;
    }

    std::size_t in_use() const {
        std::size_t count = 0;
        for (const Place& place : places_)
            count += place.given;
        return count;
    }
    std::size_t granted() const { return places_.size(); }
    const ShuntRange& last() const { return places_.back().range; }
    const ShuntRange& range(std::size_t n) const { return places_.at(n).range; }

  private:
    struct Place {
        ShuntRange range;
        ShuntPassed passed;
        bool given;
        bool in_force;
    };

    static bool is_same_flow(const ShuntRange& a, const ShuntRange& b) {
        return std::memcmp(a.client, b.client, sizeof a.client) == 0 &&
               std::memcmp(a.storage, b.storage, sizeof a.storage) == 0 &&
               a.client_port == b.client_port && a.storage_port == b.storage_port;
    }
    static bool belongs(const ShuntRange& range, const Segment& segment, Side side) {
        const SegmentEnd& client = side == Side::client ? segment.source : segment.destination;
        const SegmentEnd& storage = side == Side::client ? segment.destination : segment.source;
        const std::uint8_t plain = tcp_flag::psh | tcp_flag::ece | tcp_flag::cwr;
        return std::memcmp(range.client, client.address.bytes, sizeof range.client) == 0 &&
               std::memcmp(range.storage, storage.address.bytes, sizeof range.storage) == 0 &&
               range.client_port == client.port && range.storage_port == storage.port &&
               (segment.flags & ~plain) == tcp_flag::ack &&
               (!range.timestamps || segment.has_timestamp);
    }
    static bool passes_up(const Segment& segment, Place* place) {
        const std::uint32_t begin = segment.sequence - place->range.from;
        const std::uint32_t length = place->range.to - place->range.from;
        const auto bytes = static_cast<std::uint32_t>(segment.payload.size());
        const std::size_t options = segment.has_timestamp ? 12 : 0;
        const bool odd = segment.payload_offset != segment.transport_offset + 20 + options ||
                         segment.has_timestamp != place->range.timestamps || segment.hop_limit < 4;
        if (odd || bytes == 0 || begin >= length || bytes > length - begin) return false;
        const std::uint32_t end = segment.sequence + bytes;
        if (static_cast<std::int32_t>(end - place->passed.reach) > 0) place->passed.reach = end;
        note(segment, &place->passed.client);
        return true;
    }
    static bool passes_down(const Segment& segment, Place* place) {
        const std::uint32_t length = place->range.to - place->range.from;
        if (!segment.payload.empty() || segment.acknowledgement - place->range.from - 1 >= length)
            return false;
        note(segment, &place->passed.storage);
        return true;
    }
    static void note(const Segment& segment, ShuntHeard* heard) {
        ++heard->frames;
        heard->bytes += segment.payload.size();
        if (static_cast<std::int32_t>(segment.acknowledgement - heard->ack) >= 0) {
            heard->ack = segment.acknowledgement;
            heard->window = segment.window;
        }
        if (segment.has_timestamp &&
            static_cast<std::int32_t>(segment.timestamp_value - heard->timestamp) > 0)
            heard->timestamp = segment.timestamp_value;
    }

    std::vector<Place> places_;
};

}  // namespace cordon::test
