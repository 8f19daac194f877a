// A Port whose frames come from a capture, a burst at a time, and go to captures or nowhere.
//
// Owns:       its buffers: stacks of free ones, small and large, that grow with what the worker
//             keeps; the files it writes. A frame that lies in its capture belongs to that.
// Invariants: what waits is of one side. Outstanding buffers are with the worker, or wait to come.
// Worker:     the thread of the replay. Unlike a real port it allocates: a replay has no budget.
// Limits:     frames of an IP datagram with its link header.
#pragma once

#include <pcap/pcap.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "dataplane/worker/port.h"

namespace cordon::replay {

class PcapPort : public Port {
  public:
    static constexpr std::size_t frame_bytes_max = 65535 + 22;

    // Files that receive what is sent out of a side; empty: nowhere. False with *why when one
    // cannot be written.
    bool open_outputs(const std::string& client, const std::string& storage, std::string* why);
    // False when something could not be written, now or before.
    bool close_outputs();

    // A copy of a frame, to be pushed. REQUIRES: frame.size() ≤ frame_bytes_max.
    Frame copy(Bytes frame);
    // A frame where it lies: whoever receives it may overwrite these bytes and none behind them.
    static Frame in_place(MutableBytes frame);

    // The next to be received. REQUIRES: the burst before was.
    void push(Side side, std::span<const Frame> frames);
    void set_time(std::uint64_t unix_ns) { unix_ns_ = unix_ns; }

    std::size_t receive(Side side, Frame* frames, std::size_t count) override;
    std::size_t transmit(Side side, Frame* frames, std::size_t count) override;
    bool allocate(Side side, Frame* frame) override;
    void release(Frame* frame) override;

  private:
    // Nearly every frame fits a small one: few lines of the cache, used again and again.
    static constexpr std::size_t small_bytes = 2048;
    struct Buffer {
        std::unique_ptr<std::uint8_t[]> bytes;
        std::uint32_t capacity;
    };
    struct Pool {
        std::vector<std::unique_ptr<Buffer>> buffers;
        std::vector<Buffer*> free;
    };
    struct CloseDumper {
        void operator()(pcap_dumper_t* dumper) const { ::pcap_dump_close(dumper); }
    };
    struct CloseDead {
        void operator()(pcap_t* dead) const { ::pcap_close(dead); }
    };

    bool open_output(Side side, const std::string& path, std::string* why);
    void dump(Side side, const Frame& frame);
    Pool& pool_of(std::size_t capacity);
    Frame take_buffer(std::size_t capacity);

    Pool small_;
    Pool large_;
    std::span<const Frame> waiting_;
    Side waiting_side_ = Side::client;
    std::uint64_t unix_ns_ = 0;
    std::unique_ptr<pcap_t, CloseDead> dead_;
    std::unique_ptr<pcap_dumper_t, CloseDumper> outputs_[2];
    bool write_failed_ = false;
};

}  // namespace cordon::replay
