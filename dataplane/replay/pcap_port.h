// A Port whose frames come from a capture, one at a time, and go to captures or nowhere.
//
// Owns:       its buffers: a stack of free ones that grows with what the worker keeps; the files it
//             writes.
// Invariants: at most one frame waits to be received. Outstanding buffers are with the worker.
// Worker:     the thread of the replay. Unlike a real port it allocates: a replay has no budget.
// Limits:     frames of an IP datagram with its link header.
#pragma once

#include <pcap/pcap.h>

#include <memory>
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

    // REQUIRES: the frame before was received, frame.size() ≤ frame_bytes_max.
    void push(Side side, Bytes frame);
    void set_time(std::uint64_t unix_ns) { unix_ns_ = unix_ns; }

    std::size_t receive(Side side, Frame* frames, std::size_t count) override;
    std::size_t transmit(Side side, Frame* frames, std::size_t count) override;
    bool allocate(Side side, Frame* frame) override;
    void release(Frame* frame) override;

  private:
    struct Buffer {
        std::uint8_t bytes[frame_bytes_max];
    };
    struct CloseDumper {
        void operator()(pcap_dumper_t* dumper) const { ::pcap_dump_close(dumper); }
    };
    struct CloseDead {
        void operator()(pcap_t* dead) const { ::pcap_close(dead); }
    };

    bool open_output(Side side, const std::string& path, std::string* why);
    void dump(Side side, const Frame& frame);
    Frame take_buffer();

    std::vector<std::unique_ptr<Buffer>> buffers_;
    std::vector<Buffer*> free_;
    Frame waiting_;
    Side waiting_side_ = Side::client;
    std::uint64_t unix_ns_ = 0;
    std::unique_ptr<pcap_t, CloseDead> dead_;
    std::unique_ptr<pcap_dumper_t, CloseDumper> outputs_[2];
    bool write_failed_ = false;
};

}  // namespace cordon::replay
