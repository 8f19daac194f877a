#include "dataplane/replay/pcap_port.h"

#include <algorithm>
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

Frame PcapPort::copy(Bytes bytes) {
    INVARIANT(bytes.size() <= frame_bytes_max);
    Frame frame = take_buffer(bytes.size() <= small_bytes ? small_bytes : frame_bytes_max);
    frame.length = static_cast<std::uint32_t>(bytes.size());
    if (!bytes.empty()) std::memcpy(frame.data, bytes.data(), bytes.size());
    return frame;
}

Frame PcapPort::in_place(MutableBytes frame) {
    const auto size = static_cast<std::uint32_t>(frame.size());
    return {frame.data(), size, size, nullptr};
}

void PcapPort::push(Side side, std::span<const Frame> frames) {
    INVARIANT(waiting_.empty());
    waiting_ = frames;
    waiting_side_ = side;
}

std::size_t PcapPort::receive(Side side, Frame* frames, std::size_t count) {
    if (waiting_side_ != side) return 0;
    count = std::min(count, waiting_.size());
    std::copy_n(waiting_.begin(), count, frames);
    waiting_ = waiting_.subspan(count);
    return count;
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
    *frame = take_buffer(frame_bytes_max);
    return true;
}

void PcapPort::release(Frame* frame) {
    auto* const buffer = static_cast<Buffer*>(frame->handle);
    if (buffer != nullptr) pool_of(buffer->capacity).free.push_back(buffer);
    *frame = Frame{};
}

PcapPort::Pool& PcapPort::pool_of(std::size_t capacity) {
    return capacity == small_bytes ? small_ : large_;
}

Frame PcapPort::take_buffer(std::size_t capacity) {
    Pool& pool = pool_of(capacity);
    if (pool.free.empty()) {
        pool.buffers.emplace_back(new Buffer{std::make_unique<std::uint8_t[]>(capacity),
                                             static_cast<std::uint32_t>(capacity)});
        pool.free.push_back(pool.buffers.back().get());
    }
    Buffer* buffer = pool.free.back();
    pool.free.pop_back();
    return {buffer->bytes.get(), 0, buffer->capacity, buffer};
}

}  // namespace cordon::replay
