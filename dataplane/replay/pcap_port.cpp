#include "dataplane/replay/pcap_port.h"

#include <cstdio>

#include "dataplane/base/invariant.h"
#include "dataplane/base/time.h"

namespace cordon::replay {

bool PcapPort::open_outputs(const std::string& client, const std::string& storage,
                            std::string* why) {
    dead_.reset(::pcap_open_dead_with_tstamp_precision(
        DLT_EN10MB, static_cast<int>(frame_bytes_max), PCAP_TSTAMP_PRECISION_NANO));
    return open_output(Side::client, client, why) && open_output(Side::storage, storage, why);
}

bool PcapPort::open_output(Side side, const std::string& path, std::string* why) {
    if (path.empty()) return true;
    pcap_dumper_t* dumper = ::pcap_dump_open(dead_.get(), path.c_str());
    outputs_[index_of(side)].reset(dumper);
    if (dumper == nullptr) *why = ::pcap_geterr(dead_.get());
    return dumper != nullptr;
}

bool PcapPort::close_outputs() {
    for (auto& output : outputs_) {
        if (output == nullptr) continue;
        if (::pcap_dump_flush(output.get()) != 0) write_failed_ = true;
        if (std::ferror(::pcap_dump_file(output.get())) != 0) write_failed_ = true;
        output.reset();
    }
    return !write_failed_;
}

void PcapPort::push(Side side, Bytes frame) {
    INVARIANT(waiting_.data == nullptr && frame.size() <= frame_bytes_max);
    waiting_ = take_buffer();
    waiting_side_ = side;
    waiting_.length = static_cast<std::uint32_t>(frame.size());
    std::memcpy(waiting_.data, frame.data(), frame.size());
}

std::size_t PcapPort::receive(Side side, Frame* frames, std::size_t count) {
    if (waiting_.data == nullptr || waiting_side_ != side || count == 0) return 0;
    frames[0] = waiting_;
    waiting_ = Frame{};
    return 1;
}

std::size_t PcapPort::transmit(Side side, Frame* frames, std::size_t count) {
    for (std::size_t at = 0; at < count; ++at) {
        if (outputs_[index_of(side)] != nullptr) dump(side, frames[at]);
        release(&frames[at]);
    }
    return count;
}

void PcapPort::dump(Side side, const Frame& frame) {
    pcap_pkthdr header{};
    header.ts.tv_sec = static_cast<time_t>(unix_ns_ / ns_per_s);
    header.ts.tv_usec = static_cast<suseconds_t>(unix_ns_ % ns_per_s);
    header.caplen = frame.length;
    header.len = frame.length;
    ::pcap_dump(reinterpret_cast<u_char*>(outputs_[index_of(side)].get()), &header, frame.data);
}

bool PcapPort::allocate(Side, Frame* frame) {
    *frame = take_buffer();
    return true;
}

void PcapPort::release(Frame* frame) {
    INVARIANT(frame->handle != nullptr);
    free_.push_back(static_cast<Buffer*>(frame->handle));
    *frame = Frame{};
}

Frame PcapPort::take_buffer() {
    if (free_.empty()) {
        buffers_.emplace_back(new Buffer);
        free_.push_back(buffers_.back().get());
    }
    Buffer* buffer = free_.back();
    free_.pop_back();
    return {buffer->bytes, 0, frame_bytes_max, buffer};
}

}  // namespace cordon::replay
