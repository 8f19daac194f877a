// Reads captures (pcap, pcapng) one packet after the other, as Ethernet frames, whatever their link
// layer was. A pcap of Ethernet frames is mapped, so that replay is not bound by reading it; what
// else there is, pipes among them, comes through libpcap.
//
// Owns:       the mapped captures, the open one, and a buffer for frames whose link header was made
//             here.
// Invariants: a frame given out lives until the next call; one of a mapped file as long as the
//             Capture, and it may be written to: the file stays as it is.
// Thread:     one. Whoever truncates a file that is being read ends the process (SIGBUS).
// Limits:     link types Ethernet, raw IP, NULL and LOOP, Linux cooked v1 and v2, PPP.
#pragma once

#include <pcap/pcap.h>

#include <memory>
#include <string>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/replay/pcap_view.h"

namespace cordon::replay {

struct CapturedFrame {
    Bytes frame;
    std::uint64_t unix_ns;
    MutableBytes place;  // the same bytes, where they lie in a mapped file; else empty
};

enum class ReadResult : std::uint8_t { frame, end, error };

// The Ethernet frame of a captured packet, in *buffer when it had to be made. False when the packet
// is too short for its link header. REQUIRES: link_supported(link).
bool to_ethernet(int link, Bytes packet, std::vector<std::uint8_t>* buffer, Bytes* frame);
bool link_supported(int link);

class Capture {
  public:
    explicit Capture(std::vector<std::string> paths) : paths_(std::move(paths)) {}
    ~Capture();
    Capture(const Capture&) = delete;
    Capture& operator=(const Capture&) = delete;

    ReadResult next(CapturedFrame* out);

    // One line for the operator, after `error`.
    const std::string& error() const { return error_; }
    std::uint64_t packets() const { return packets_; }

  private:
    struct Close {
        void operator()(pcap_t* p) const { ::pcap_close(p); }
    };
    bool open_next();
    bool map(const std::string& path);
    ReadResult next_mapped(CapturedFrame* out);
    std::string place() const;
    ReadResult fail(std::string text);

    std::vector<std::string> paths_;
    std::size_t opened_ = 0;
    std::vector<MutableBytes> mappings_;
    bool is_mapped_ = false;  // the open one is the last of these, or there is a pcap_
    PcapView view_;
    std::unique_ptr<pcap_t, Close> pcap_;
    int link_ = 0;
    std::uint64_t packets_ = 0;       // in all files
    std::uint64_t file_packets_ = 0;  // in this one
    std::vector<std::uint8_t> buffer_;
    std::string error_;
};

}  // namespace cordon::replay
