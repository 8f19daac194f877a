#include "dataplane/shell/control_socket.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace cordon {
namespace {

Failure socket_failure(const std::string& path, const char* what) {
    const int code = errno;
    const bool privilege = code == EACCES || code == EPERM;
    return failure(privilege ? ErrorCode::permission : ErrorCode::io,
                   "control socket " + path + ": " + what, code);
}

// A socket file that nobody serves is left over from a process that was killed.
bool is_served(const sockaddr_un& address) {
    const int probe = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (probe < 0) return false;
    const bool served =
        connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(probe);
    return served;
}

}  // namespace

Result<std::unique_ptr<ControlSocket>> ControlSocket::open(const std::string& path,
                                                           LinkTarget* target) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return failure(ErrorCode::config, "run_dir is too long for a socket path: " + path);
    }
    path.copy(address.sun_path, path.size());
    if (is_served(address)) {
        return failure(ErrorCode::refused, "another cordon-dataplane serves " + path);
    }
    unlink(path.c_str());
    const int listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (listener < 0) return socket_failure(path, "cannot be made");
    const mode_t before = umask(0117);
    const int bound = bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address);
    umask(before);
    const int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (bound != 0 || wake < 0 || listen(listener, 16) != 0) {
        const Failure why = socket_failure(path, "cannot be bound (does run_dir exist?)");
        close(listener);
        if (wake >= 0) close(wake);
        return why;
    }
    return std::unique_ptr<ControlSocket>(new ControlSocket(path, listener, wake, target));
}

ControlSocket::ControlSocket(std::string path, int listener, int wake, LinkTarget* target)
    : path_(std::move(path)),
      listener_(listener),
      wake_(wake),
      target_(target),
      request_(link_frame_max),
      answer_(link_frame_max),
      thread_([this] { run(); }) {}

ControlSocket::~ControlSocket() {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = write(wake_, &one, sizeof one);
    thread_.join();
    for (const int connection : connections_)
        close(connection);
    close(listener_);
    close(wake_);
    unlink(path_.c_str());
}

void ControlSocket::run() {
    for (;;) {
        std::vector<pollfd> watched{{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
        for (const int connection : connections_)
            watched.push_back({connection, POLLIN, 0});
        if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) return;
        if (watched[0].revents != 0) return;
        std::vector<int> kept;
        for (std::size_t i = 2; i < watched.size(); ++i) {
            const int connection = watched[i].fd;
            if (watched[i].revents == 0 || serve(connection)) {
                kept.push_back(connection);
            } else {
                close(connection);
            }
        }
        connections_ = std::move(kept);
        if (watched[1].revents != 0) accept_one();
    }
}

void ControlSocket::accept_one() {
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection < 0) return;
    if (connections_.size() >= connections_max) {
        close(connection);
        return;
    }
    connections_.push_back(connection);
}

// False: the connection is to be closed.
bool ControlSocket::serve(int connection) {
    // MSG_TRUNC gives the true size of a frame that does not fit.
    const ssize_t n = recv(connection, request_.data(), request_.size(), MSG_TRUNC);
    if (n < 0) return errno == EAGAIN || errno == EINTR;
    if (n == 0 || static_cast<std::size_t>(n) > request_.size()) return false;
    const Bytes request(request_.data(), static_cast<std::size_t>(n));
    const LinkAnswer answer = handle_frame(request, *target_, answer_);
    const ssize_t sent = send(connection, answer_.data(), answer.length, MSG_NOSIGNAL);
    return sent == static_cast<ssize_t>(answer.length) && !answer.close;
}

}  // namespace cordon
