// Builds frames for tests:
//   Packet().ipv4("10.0.0.1", "10.0.0.2").ports(4242, 80).payload("x").frame()
//
// Checksums are right unless asked otherwise, and are computed here in the plainest way, word by
// word, so that the fast ones are not checked against themselves.
#pragma once

#include <arpa/inet.h>

#include <cstdlib>
#include <string_view>
#include <utility>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/decode/decode.h"

namespace cordon::test {

using FrameBytes = std::vector<std::uint8_t>;

inline std::uint32_t plain_sum(Bytes bytes, std::uint32_t sum = 0) {
    for (std::size_t at = 0; at < bytes.size(); ++at) {
        sum += at % 2 == 0 ? static_cast<std::uint32_t>(bytes[at]) << 8 : bytes[at];
        sum = (sum & 0xffff) + (sum >> 16);
    }
    return sum;
}

inline std::uint16_t plain_checksum(Bytes bytes, std::uint32_t sum = 0) {
    return static_cast<std::uint16_t>(~plain_sum(bytes, sum) & 0xffff);
}

class Packet {
  public:
    Packet& macs(const std::uint8_t (&destination)[6], const std::uint8_t (&source)[6]) {
        std::memcpy(macs_, destination, 6);
        std::memcpy(macs_ + 6, source, 6);
        return *this;
    }
    Packet& vlan(std::uint16_t id, std::uint16_t ethertype = 0x8100) {
        vlans_.emplace_back(ethertype, id);
        return *this;
    }
    Packet& ethertype(std::uint16_t value) {
        ethertype_ = value;
        return *this;
    }
    Packet& ipv4(const char* source, const char* destination) {
        return addresses(4, AF_INET, source, destination);
    }
    Packet& ipv6(const char* source, const char* destination) {
        return addresses(6, AF_INET6, source, destination);
    }
    Packet& ipv4_options(FrameBytes options) {  // a multiple of four bytes
        ipv4_options_ = std::move(options);
        return *this;
    }
    // An extension header whose first byte (next header) is filled in here.
    Packet& extension(std::uint8_t kind, FrameBytes body) {
        extensions_.emplace_back(kind, std::move(body));
        return *this;
    }
    Packet& protocol(std::uint8_t value) {
        protocol_ = value;
        return *this;
    }
    Packet& fragment(std::uint16_t flags_and_offset) {  // IPv4
        fragment_ = flags_and_offset;
        return *this;
    }
    Packet& traffic_class(std::uint8_t value, std::uint32_t flow_label = 0) {
        traffic_class_ = value;
        flow_label_ = flow_label;
        return *this;
    }
    Packet& hop_limit(std::uint8_t value) {
        hop_limit_ = value;
        return *this;
    }
    Packet& ports(std::uint16_t source, std::uint16_t destination) {
        source_port_ = source;
        destination_port_ = destination;
        return *this;
    }
    Packet& sequence(std::uint32_t value) {
        sequence_ = value;
        return *this;
    }
    Packet& acknowledgement(std::uint32_t value) {
        acknowledgement_ = value;
        return *this;
    }
    Packet& flags(std::uint8_t value) {
        flags_ = value;
        return *this;
    }
    Packet& window(std::uint16_t value) {
        window_ = value;
        return *this;
    }
    Packet& urgent(std::uint16_t value) {
        urgent_ = value;
        return *this;
    }
    Packet& option(const FrameBytes& bytes) {
        options_.insert(options_.end(), bytes.begin(), bytes.end());
        return *this;
    }
    Packet& mss(std::uint16_t value) {
        return option(
            {2, 4, static_cast<std::uint8_t>(value >> 8), static_cast<std::uint8_t>(value)});
    }
    Packet& window_scale(std::uint8_t value) { return option({3, 3, value}); }
    Packet& sack_permitted() { return option({4, 2}); }
    Packet& nop() { return option({1}); }
    Packet& timestamps(std::uint32_t value, std::uint32_t echo) {
        FrameBytes bytes{8, 10, 0, 0, 0, 0, 0, 0, 0, 0};
        store_be32(bytes.data() + 2, value);
        store_be32(bytes.data() + 6, echo);
        return option(bytes);
    }
    Packet& payload(std::string_view text) { return payload(as_bytes(text)); }
    Packet& payload(Bytes bytes) {
        payload_.assign(bytes.begin(), bytes.end());
        return *this;
    }
    Packet& padding(std::size_t bytes) {  // behind the IP datagram
        padding_ = bytes;
        return *this;
    }
    Packet& bad_ip_checksum() {
        ip_checksum_error_ = 1;
        return *this;
    }
    Packet& bad_tcp_checksum() {
        tcp_checksum_error_ = 1;
        return *this;
    }

    FrameBytes frame() const {
        FrameBytes frame(macs_, macs_ + 12);
        for (const auto& [tag, id] : vlans_) {
            put16(&frame, tag);
            put16(&frame, id);
        }
        put16(&frame, ethertype_ != 0 ? ethertype_ : version_ == 4 ? 0x0800 : 0x86dd);
        const FrameBytes tcp = tcp_bytes();
        const FrameBytes ip = version_ == 4 ? ipv4_bytes(tcp.size()) : ipv6_bytes(tcp.size());
        frame.insert(frame.end(), ip.begin(), ip.end());
        frame.insert(frame.end(), tcp.begin(), tcp.end());
        frame.insert(frame.end(), padding_, 0xee);
        return frame;
    }

  private:
    static void put16(FrameBytes* to, std::uint16_t value) {
        to->push_back(static_cast<std::uint8_t>(value >> 8));
        to->push_back(static_cast<std::uint8_t>(value));
    }
    Packet& addresses(std::uint8_t version, int family, const char* from, const char* to) {
        version_ = version;
        if (::inet_pton(family, from, source_) != 1) std::abort();
        if (::inet_pton(family, to, destination_) != 1) std::abort();
        return *this;
    }
    std::size_t address_bytes() const { return version_ == 4 ? 4 : 16; }

    FrameBytes tcp_bytes() const {
        FrameBytes options = options_;
        while (options.size() % 4 != 0)
            options.push_back(0);
        FrameBytes tcp(20);
        store_be16(tcp.data(), source_port_);
        store_be16(tcp.data() + 2, destination_port_);
        store_be32(tcp.data() + 4, sequence_);
        store_be32(tcp.data() + 8, acknowledgement_);
        tcp[12] = static_cast<std::uint8_t>((20 + options.size()) / 4 << 4);
        tcp[13] = flags_;
        store_be16(tcp.data() + 14, window_);
        store_be16(tcp.data() + 18, urgent_);
        tcp.insert(tcp.end(), options.begin(), options.end());
        tcp.insert(tcp.end(), payload_.begin(), payload_.end());
        std::uint32_t sum = plain_sum({source_, address_bytes()});
        sum = plain_sum({destination_, address_bytes()}, sum);
        sum += 6 + static_cast<std::uint32_t>(tcp.size());
        const auto checksum = static_cast<std::uint16_t>(plain_checksum(tcp, sum));
        store_be16(tcp.data() + 16, static_cast<std::uint16_t>(checksum ^ tcp_checksum_error_));
        return tcp;
    }
    FrameBytes ipv4_bytes(std::size_t transport) const {
        FrameBytes ip(20);
        const std::size_t header = 20 + ipv4_options_.size();
        ip[0] = static_cast<std::uint8_t>(0x40 | header / 4);
        ip[1] = traffic_class_;
        store_be16(ip.data() + 2, static_cast<std::uint16_t>(header + transport));
        store_be16(ip.data() + 4, 0x1234);
        store_be16(ip.data() + 6, fragment_);
        ip[8] = hop_limit_;
        ip[9] = protocol_;
        std::memcpy(ip.data() + 12, source_, 4);
        std::memcpy(ip.data() + 16, destination_, 4);
        ip.insert(ip.end(), ipv4_options_.begin(), ipv4_options_.end());
        store_be16(ip.data() + 10,
                   static_cast<std::uint16_t>(plain_checksum(ip) ^ ip_checksum_error_));
        return ip;
    }
    FrameBytes ipv6_bytes(std::size_t transport) const {
        FrameBytes ip(40);
        store_be32(ip.data(),
                   6u << 28 | static_cast<std::uint32_t>(traffic_class_) << 20 | flow_label_);
        ip[6] = extensions_.empty() ? protocol_ : extensions_[0].first;
        ip[7] = hop_limit_;
        std::memcpy(ip.data() + 8, source_, 16);
        std::memcpy(ip.data() + 24, destination_, 16);
        for (std::size_t at = 0; at < extensions_.size(); ++at) {
            FrameBytes body = extensions_[at].second;
            body.at(0) = at + 1 < extensions_.size() ? extensions_[at + 1].first : protocol_;
            ip.insert(ip.end(), body.begin(), body.end());
        }
        store_be16(ip.data() + 4, static_cast<std::uint16_t>(ip.size() - 40 + transport));
        return ip;
    }

    std::uint8_t macs_[12] = {2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1};
    std::vector<std::pair<std::uint16_t, std::uint16_t>> vlans_;
    std::uint16_t ethertype_ = 0;
    std::uint8_t version_ = 4;
    std::uint8_t source_[16] = {10, 0, 0, 1};
    std::uint8_t destination_[16] = {10, 0, 0, 2};
    FrameBytes ipv4_options_;
    std::vector<std::pair<std::uint8_t, FrameBytes>> extensions_;
    std::uint8_t protocol_ = 6;
    std::uint16_t fragment_ = 0x4000;
    std::uint8_t traffic_class_ = 0;
    std::uint32_t flow_label_ = 0;
    std::uint8_t hop_limit_ = 61;
    std::uint16_t source_port_ = 4242;
    std::uint16_t destination_port_ = 80;
    std::uint32_t sequence_ = 1000;
    std::uint32_t acknowledgement_ = 2000;
    std::uint8_t flags_ = tcp_flag::ack;
    std::uint16_t window_ = 501;
    std::uint16_t urgent_ = 0;
    FrameBytes options_;
    FrameBytes payload_;
    std::size_t padding_ = 0;
    std::uint16_t ip_checksum_error_ = 0;
    std::uint16_t tcp_checksum_error_ = 0;
};

}  // namespace cordon::test
