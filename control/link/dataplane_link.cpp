#include "control/link/dataplane_link.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <cstring>

#include "control/link/unix_socket.h"

namespace cordon {

namespace {

constexpr SocketPeer dataplane{"the dataplane", "cordon-dataplane"};

std::uint64_t now_ms() {
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1000000;
}

template <std::size_t N>
std::string_view text_of(const char (&text)[N]) {
    return {text, ::strnlen(text, N)};
}

// What the dataplane refused, in its own words.
Failure refused_by(Bytes payload) {
    LinkError error;
    if (payload.size() != sizeof error) {
        return failure(ErrorCode::integrity, "the dataplane sent an error of a wrong length");
    }
    std::memcpy(&error, payload.data(), sizeof error);
    constexpr int first = static_cast<int>(ErrorCode::refused);
    constexpr int last = static_cast<int>(ErrorCode::io);
    const int code = error.code >= first && error.code <= last ? error.code : first;
    return failure(static_cast<ErrorCode>(code),
                   "the dataplane: " + std::string(text_of(error.text)));
}

Result<LinkPayload> take_apart(Bytes frame, LinkType wanted) {
    LinkHeader header;
    if (frame.size() < sizeof header) {
        return failure(ErrorCode::integrity, "the dataplane sent a frame that is too short");
    }
    std::memcpy(&header, frame.data(), sizeof header);
    const Bytes payload = frame.subspan(sizeof header);
    if (header.magic != link_magic || header.length != payload.size()) {
        return failure(ErrorCode::integrity, "what the dataplane sent is no frame of its socket");
    }
    if (header.version != link_version) {
        return failure(ErrorCode::integrity, "the dataplane is of another release (link version " +
                                                 std::to_string(header.version) + "); restart it");
    }
    if (header.type == LinkType::error) return refused_by(payload);
    if (header.type != wanted) {
        return failure(ErrorCode::integrity, "the dataplane answered another question");
    }
    return LinkPayload(payload.begin(), payload.end());
}

template <typename Struct>
Result<Struct> decode(Bytes payload) {
    Struct value;
    if (payload.size() != sizeof value) {
        return failure(ErrorCode::integrity, "the dataplane sent " +
                                                 std::to_string(payload.size()) + " bytes where " +
                                                 std::to_string(sizeof value) +
                                                 " belong; it is of another release: restart it");
    }
    std::memcpy(&value, payload.data(), sizeof value);
    return value;
}

template <std::size_t N>
void terminate(char (&text)[N]) {
    text[N - 1] = '\0';
}

template <std::size_t N>
bool set_text(char (&field)[N], std::string_view text) {
    if (text.size() >= N) return false;
    std::memcpy(field, text.data(), text.size());
    return true;
}

}  // namespace

Result<LinkExchange> LinkExchange::begin(const std::string& socket_path, LinkType type,
                                         Bytes payload) {
    Result<Descriptor> socket = connect_unix(socket_path, SOCK_SEQPACKET, dataplane);
    if (!socket) return Failure(socket.error());
    const LinkHeader header = {link_magic, link_version, type,
                               static_cast<std::uint32_t>(payload.size()), 0};
    LinkPayload frame(sizeof header + payload.size());
    std::memcpy(frame.data(), &header, sizeof header);
    std::copy(payload.begin(), payload.end(), frame.begin() + sizeof header);
    const ssize_t sent =
        ::send(socket->get(), frame.data(), frame.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent != static_cast<ssize_t>(frame.size()))
        return cannot_connect(socket_path, dataplane, errno);
    return LinkExchange(std::move(*socket), type);
}

std::optional<Result<LinkPayload>> LinkExchange::take() {
    LinkPayload frame(link_frame_max + 1);
    const ssize_t got = ::recv(socket_.get(), frame.data(), frame.size(), MSG_DONTWAIT | MSG_TRUNC);
    if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) return std::nullopt;
    if (got <= 0) {
        return failure(ErrorCode::unreachable, "the dataplane closed the connection",
                       got < 0 ? errno : 0);
    }
    if (static_cast<std::size_t>(got) > link_frame_max) {
        return failure(ErrorCode::integrity, "the dataplane sent a frame that is too long");
    }
    frame.resize(static_cast<std::size_t>(got));
    return take_apart(frame, type_);
}

Result<LinkStatus> decode_status(Bytes payload) {
    Result<LinkStatus> status = decode<LinkStatus>(payload);
    if (!status) return status;
    terminate(status->version);
    terminate(status->index_error);
    status->service_count = std::min(status->service_count, services_max);
    for (LinkService& service : status->services)
        terminate(service.name);
    return status;
}

Result<LinkCounters> decode_counters(Bytes payload) {
    return decode<LinkCounters>(payload);
}

Result<LinkUnlisted> decode_unlisted(Bytes payload) {
    Result<LinkUnlisted> unlisted = decode<LinkUnlisted>(payload);
    if (!unlisted) return unlisted;
    const auto places = static_cast<std::uint32_t>(std::size(unlisted->destinations));
    unlisted->count = std::min(unlisted->count, places);
    return unlisted;
}

Result<LinkLoadIndex> make_load_index(std::string_view path) {
    LinkLoadIndex request = {};
    if (set_text(request.path, path)) return request;
    return failure(ErrorCode::usage, "the path of the index is too long: " + std::string(path));
}

Result<LinkSetMode> make_set_mode(std::string_view service, ServiceMode mode,
                                  std::uint64_t bypass_until_s) {
    LinkSetMode request = {};
    request.mode = mode;
    request.bypass_until_s = bypass_until_s;
    if (set_text(request.service, service)) return request;
    return failure(ErrorCode::usage, "no service has a name as long as that");
}

Failure link_timed_out(std::uint32_t timeout_ms) {
    return failure(ErrorCode::timeout, "the dataplane took the request and did not answer within " +
                                           std::to_string(timeout_ms) + " ms; it may hang");
}

Result<LinkPayload> DataplaneLink::ask(LinkType type, Bytes payload) const {
    const std::uint64_t deadline = now_ms() + timeout_ms_;
    constexpr int again_ms = 10;
    for (;;) {
        Result<LinkExchange> exchange = LinkExchange::begin(socket_path_, type, payload);
        if (!exchange && exchange.error().system_error == EAGAIN && now_ms() < deadline) {
            ::poll(nullptr, 0, again_ms);
            continue;
        }
        if (!exchange) return Failure(exchange.error());
        for (std::uint64_t now = now_ms(); now < deadline; now = now_ms()) {
            pollfd readable = {exchange->descriptor(), POLLIN, 0};
            ::poll(&readable, 1, static_cast<int>(deadline - now));
            if (std::optional<Result<LinkPayload>> answer = exchange->take()) return *answer;
        }
        return link_timed_out(timeout_ms_);
    }
}

Result<LinkStatus> DataplaneLink::status() const {
    return ask(LinkType::status, {}).and_then([](const LinkPayload& p) {
        return decode_status(p);
    });
}

Result<LinkCounters> DataplaneLink::counters() const {
    return ask(LinkType::counters, {}).and_then([](const LinkPayload& p) {
        return decode_counters(p);
    });
}

Result<LinkUnlisted> DataplaneLink::unlisted() const {
    return ask(LinkType::unlisted, {}).and_then([](const LinkPayload& p) {
        return decode_unlisted(p);
    });
}

Result<LinkStatus> DataplaneLink::load_index(std::string_view path) const {
    const Result<LinkLoadIndex> request = make_load_index(path);
    if (!request) return Failure(request.error());
    return ask(LinkType::load_index, payload_of(*request)).and_then([](const LinkPayload& p) {
        return decode_status(p);
    });
}

Result<LinkStatus> DataplaneLink::set_mode(std::string_view service, ServiceMode mode,
                                           std::uint64_t bypass_until_s) const {
    const Result<LinkSetMode> request = make_set_mode(service, mode, bypass_until_s);
    if (!request) return Failure(request.error());
    return ask(LinkType::set_mode, payload_of(*request)).and_then([](const LinkPayload& p) {
        return decode_status(p);
    });
}

}  // namespace cordon
