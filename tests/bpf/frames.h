// Frames for the tests of the kernel programs, built field by field so that every field can be made
// wrong. Checksums are left zero: the programs do not look at them.
#pragma once

#include <arpa/inet.h>

#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

namespace cordon::test {

using Frame = std::vector<std::uint8_t>;

inline void put16(Frame* f, unsigned value) {
    f->push_back(static_cast<std::uint8_t>(value >> 8));
    f->push_back(static_cast<std::uint8_t>(value));
}

inline void put32(Frame* f, std::uint32_t value) {
    put16(f, value >> 16);
    put16(f, value & 0xffff);
}

inline constexpr std::uint8_t tcp_fin = 1, tcp_syn = 2, tcp_rst = 4, tcp_psh = 8, tcp_ack = 16,
                              tcp_urg = 32, tcp_ece = 64, tcp_cwr = 128;

struct Extension {
    std::uint8_t protocol;
    std::vector<std::uint8_t> body;  // without the next-header byte
};

struct FrameSpec {
    const char* src = "192.0.2.1";
    const char* dst = "10.0.0.1";
    std::uint16_t src_port = 40000;
    std::uint16_t dst_port = 80;
    std::size_t payload = 0;
    std::uint8_t flags = tcp_ack;
    std::uint8_t protocol = 6;
    std::vector<std::uint16_t> tags{};  // VLAN ids, outermost first
    std::uint16_t tag_type = 0x8100;
    std::size_t ip_options = 0;           // bytes, IPv4
    std::uint16_t fragment = 0;           // flags and offset, IPv4
    std::vector<Extension> extensions{};  // IPv6
    int length_error = 0;                 // added to the IP length
    std::uint8_t version_and_length = 0;  // IPv4: replaces the first byte
    unsigned tcp_words = 5;
    std::size_t padding = 0;  // bytes after the IP packet
    std::uint32_t sequence = 1000;
    std::uint32_t acknowledgement = 2000;
    std::uint32_t stamp = 0;  // TSval, in the options as Linux writes them; 0: none
    std::uint8_t hop_limit = 64;
};

inline Frame build_tcp(const FrameSpec& s) {
    Frame f;
    put16(&f, s.src_port);
    put16(&f, s.dst_port);
    put32(&f, s.sequence);
    put32(&f, s.acknowledgement);
    f.push_back(static_cast<std::uint8_t>(s.tcp_words << 4));
    f.push_back(s.flags);
    put16(&f, 65535);
    put32(&f, 0);
    unsigned words = 5;
    if (s.stamp != 0 && s.tcp_words >= 8) {
        put32(&f, 0x0101080a);
        put32(&f, s.stamp);
        put32(&f, 0);
        words = 8;
    }
    if (s.tcp_words > words) f.resize(f.size() + (s.tcp_words - words) * 4, 1);  // NOPs
    f.resize(f.size() + s.payload, 'x');
    return f;
}

inline void append_ipv4(Frame* f, const FrameSpec& s, const Frame& body) {
    const std::size_t header = 20 + s.ip_options;
    const auto first = static_cast<std::uint8_t>(0x40 | header / 4);
    f->push_back(s.version_and_length != 0 ? s.version_and_length : first);
    f->push_back(0);
    put16(f, static_cast<unsigned>(static_cast<int>(header + body.size()) + s.length_error));
    put16(f, 7);
    put16(f, s.fragment);
    f->push_back(s.hop_limit);
    f->push_back(s.protocol);
    put16(f, 0);
    std::uint8_t address[4];
    ::inet_pton(AF_INET, s.src, address);
    f->insert(f->end(), address, address + 4);
    ::inet_pton(AF_INET, s.dst, address);
    f->insert(f->end(), address, address + 4);
    f->resize(f->size() + s.ip_options, 1);
    f->insert(f->end(), body.begin(), body.end());
}

inline void append_ipv6(Frame* f, const FrameSpec& s, const Frame& body) {
    std::size_t length = body.size();
    for (const Extension& e : s.extensions)
        length += e.body.size() + 1;
    put32(f, 0x60000000);
    put16(f, static_cast<unsigned>(static_cast<int>(length) + s.length_error));
    f->push_back(s.extensions.empty() ? s.protocol : s.extensions.front().protocol);
    f->push_back(s.hop_limit);
    std::uint8_t address[16];
    ::inet_pton(AF_INET6, s.src, address);
    f->insert(f->end(), address, address + 16);
    ::inet_pton(AF_INET6, s.dst, address);
    f->insert(f->end(), address, address + 16);
    for (std::size_t i = 0; i < s.extensions.size(); ++i) {
        const bool last = i + 1 == s.extensions.size();
        f->push_back(last ? s.protocol : s.extensions[i + 1].protocol);
        f->insert(f->end(), s.extensions[i].body.begin(), s.extensions[i].body.end());
    }
    f->insert(f->end(), body.begin(), body.end());
}

inline Frame ethernet(unsigned type) {
    Frame f{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
    put16(&f, type);
    return f;
}

inline Frame build(const FrameSpec& s) {
    Frame f{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
    for (std::uint16_t id : s.tags) {
        put16(&f, s.tag_type);
        put16(&f, id);
    }
    const bool v6 = std::strchr(s.dst, ':') != nullptr;
    put16(&f, v6 ? 0x86dd : 0x0800);
    const Frame body = build_tcp(s);
    if (v6) {
        append_ipv6(&f, s, body);
    } else {
        append_ipv4(&f, s, body);
    }
    f.resize(f.size() + s.padding, 0);
    return f;
}

// A frame of another kind than IP, padded to the shortest that Ethernet knows.
inline Frame build_other(unsigned type, std::vector<std::uint8_t> body = {}) {
    Frame f = ethernet(type);
    f.insert(f.end(), body.begin(), body.end());
    if (f.size() < 60) f.resize(60, 0);
    return f;
}

}  // namespace cordon::test
