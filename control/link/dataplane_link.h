// The client side of the dataplane's control socket (contract/link.h).
//
//   LinkExchange    one request under way, for an event loop: begin, wait until readable, take
//   DataplaneLink   the same with waiting, for programs that do one thing
//
// Owns:       one connection for each exchange, so that an answer that never comes blocks no other.
// Invariants: an answer is given out only when its magic, version, type and length are right; texts
//             in answers are NUL-terminated and counts within their arrays afterwards.
// Thread:     one thread for one object.
// Limits:     link_frame_max bytes each way; DataplaneLink waits at most its timeout.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dataplane/base/bytes.h"
#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"
#include "dataplane/contract/link.h"

namespace cordon {

using LinkPayload = std::vector<std::uint8_t>;

class LinkExchange {
  public:
    // Connects and sends. Errors: unreachable, permission; timeout with EAGAIN when the dataplane
    // has too many callers at the moment.
    static Result<LinkExchange> begin(const std::string& socket_path, LinkType type, Bytes payload);

    // Readable when there is something to take.
    int descriptor() const { return socket_.get(); }

    // Nothing while there is no answer yet.
    std::optional<Result<LinkPayload>> take();

  private:
    LinkExchange(Descriptor socket, LinkType type) : socket_(std::move(socket)), type_(type) {}

    Descriptor socket_;
    LinkType type_;
};

// The answers, from the payload of a frame.
Result<LinkStatus> decode_status(Bytes payload);
Result<LinkCounters> decode_counters(Bytes payload);
Result<LinkUnlisted> decode_unlisted(Bytes payload);

// The requests that carry something. Errors: usage, when a text does not fit.
Result<LinkLoadIndex> make_load_index(std::string_view path);
Result<LinkSetMode> make_set_mode(std::string_view service, ServiceMode mode,
                                  std::uint64_t bypass_until_s);

template <typename Struct>
Bytes payload_of(const Struct& value) {
    return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

class DataplaneLink {
  public:
    DataplaneLink(std::string socket_path, std::uint32_t timeout_ms)
        : socket_path_(std::move(socket_path)), timeout_ms_(timeout_ms) {}

    Result<LinkStatus> status() const;
    Result<LinkCounters> counters() const;
    Result<LinkUnlisted> unlisted() const;
    Result<LinkStatus> load_index(std::string_view path) const;
    Result<LinkStatus> set_mode(std::string_view service, ServiceMode mode,
                                std::uint64_t bypass_until_s) const;

    Result<LinkPayload> ask(LinkType type, Bytes payload) const;

  private:
    std::string socket_path_;
    std::uint32_t timeout_ms_;
};

// What is said when no answer came in time.
Failure link_timed_out(std::uint32_t timeout_ms);

}  // namespace cordon
