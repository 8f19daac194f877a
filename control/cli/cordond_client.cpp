#include "control/cli/cordond_client.h"

#include <poll.h>
#include <sys/socket.h>

#include <cstring>

#include "control/daemon/clocks.h"
#include "control/daemon/request_server.h"
#include "control/link/link_json.h"
#include "control/link/unix_socket.h"

namespace cordon {

namespace {

using nlohmann::json;

bool wait_for(int descriptor, short events, std::uint64_t deadline_ms) {
    const std::uint64_t now = monotonic_ms();
    if (now >= deadline_ms) return false;
    pollfd ready = {descriptor, events, 0};
    return ::poll(&ready, 1, static_cast<int>(deadline_ms - now)) > 0;
}

Result<void> send_all(int socket, std::string_view text, std::uint64_t deadline_ms) {
    while (!text.empty()) {
        const ssize_t sent = ::send(socket, text.data(), text.size(), MSG_NOSIGNAL);
        if (sent > 0) {
            text.remove_prefix(static_cast<std::size_t>(sent));
        } else if (errno != EAGAIN || !wait_for(socket, POLLOUT, deadline_ms)) {
            return failure(ErrorCode::unreachable, "cordond closed the connection", errno);
        }
    }
    return {};
}

Result<std::string> receive_line(int socket, std::uint64_t deadline_ms, std::uint32_t timeout_ms) {
    std::string line;
    char bytes[16384];
    while (line.size() <= reply_bytes_max + 1) {
        if (!wait_for(socket, POLLIN, deadline_ms)) {
            return failure(ErrorCode::timeout,
                           "cordond took the request and did not answer within " +
                               std::to_string(timeout_ms) + " ms");
        }
        const ssize_t got = ::recv(socket, bytes, sizeof bytes, 0);
        if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
        if (got <= 0) {
            return failure(ErrorCode::unreachable, "cordond closed the connection",
                           got < 0 ? errno : 0);
        }
        line.append(bytes, static_cast<std::size_t>(got));
        if (line.ends_with('\n')) return line;
    }
    return failure(ErrorCode::integrity, "the answer of cordond is too long");
}

// The edge of the JSON library: what has another type than it should throws there.
Result<json> take_apart(const std::string& line) {
    try {
        const json reply = json::parse(line);
        if (reply.at("ok").get<bool>()) return reply.at("result");
        const json& error = reply.at("error");
        const int code = error.at("code").get<int>();
        const bool known =
            code >= static_cast<int>(ErrorCode::refused) && code <= static_cast<int>(ErrorCode::io);
        return failure(known ? static_cast<ErrorCode>(code) : ErrorCode::refused,
                       error.at("text").get<std::string>());
    } catch (const json::exception&) {
        return failure(ErrorCode::integrity,
                       "what cordond sent is no answer; is it another release?");
    }
}

}  // namespace

Result<json> ask_cordond(const std::string& socket_path, const json& request,
                         std::uint32_t timeout_ms) {
    const std::uint64_t deadline = monotonic_ms() + timeout_ms;
    const Result<Descriptor> socket = connect_unix(socket_path, SOCK_STREAM, {"cordond", "it"});
    if (!socket) return Failure(socket.error());
    const Result<void> sent = send_all(socket->get(), one_line(request) + "\n", deadline);
    if (!sent) return Failure(sent.error());
    const Result<std::string> line = receive_line(socket->get(), deadline, timeout_ms);
    if (!line) return Failure(line.error());
    return take_apart(*line);
}

bool cordond_is_away(const Error& error) {
    return error.code == ErrorCode::unreachable || error.code == ErrorCode::timeout;
}

}  // namespace cordon
