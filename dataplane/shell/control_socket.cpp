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

void ring(const Descriptor& event) {
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t n = write(event.get(), &one, sizeof one);
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
    Descriptors own{Descriptor(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)),
                    Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
                    Descriptor(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK))};
    const bool are_made = own.listener.valid() && own.wake.valid() && own.loaded.valid();
    if (!are_made) return socket_failure(path, "cannot be made");
    const int listener = own.listener.get();
    const mode_t before = umask(0117);
    const int bound = bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address);
    umask(before);
    if (bound != 0 || listen(listener, 16) != 0)
        return socket_failure(path, "cannot be bound (does run_dir exist?)");
    return std::unique_ptr<ControlSocket>(new ControlSocket(path, std::move(own), target));
}

ControlSocket::ControlSocket(std::string path, Descriptors own, LinkTarget* target)
    : path_(std::move(path)),
      own_(std::move(own)),
      target_(target),
      request_(link_frame_max),
      answer_(link_frame_max),
      thread_([this] { run(); }),
      loader_([this] { run_loads(); }) {}

ControlSocket::~ControlSocket() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
    }
    wanted_.notify_one();
    ring(own_.wake);
    thread_.join();
    loader_.join();
    for (const Load& load : waiting_)
        close(load.connection);
    for (const Ended& ended : ended_)
        close(ended.connection);
    for (const int connection : connections_)
        close(connection);
    unlink(path_.c_str());
}

void ControlSocket::run() {
    constexpr std::size_t own_count = 3;
    for (;;) {
        std::vector<pollfd> watched{{own_.wake.get(), POLLIN, 0},
                                    {own_.loaded.get(), POLLIN, 0},
                                    {own_.listener.get(), POLLIN, 0}};
        for (const int connection : connections_)
            watched.push_back({connection, POLLIN, 0});
        if (poll(watched.data(), watched.size(), -1) < 0 && errno != EINTR) return;
        if (watched[0].revents != 0) return;
        std::vector<int> kept;
        for (std::size_t i = own_count; i < watched.size(); ++i) {
            const int connection = watched[i].fd;
            const Served served = watched[i].revents == 0 ? Served::kept : serve(connection);
            if (served == Served::kept) kept.push_back(connection);
            if (served == Served::ended) close(connection);
        }
        connections_ = std::move(kept);
        if (watched[1].revents != 0) take_back();
        if (watched[2].revents != 0) accept_one();
    }
}

// What the other thread has answered.
void ControlSocket::take_back() {
    std::uint64_t count;
    [[maybe_unused]] const ssize_t n = read(own_.loaded.get(), &count, sizeof count);
    std::vector<Ended> ended;
    {
        const std::lock_guard lock(mutex_);
        ended.swap(ended_);
    }
    handed_on_ -= ended.size();
    for (const Ended& one : ended) {
        if (one.is_kept)
            connections_.push_back(one.connection);
        else
            close(one.connection);
    }
}

void ControlSocket::run_loads() {
    std::vector<std::uint8_t> room(link_frame_max);
    std::unique_lock lock(mutex_);
    for (;;) {
        wanted_.wait(lock, [this] { return is_stopping_ || !waiting_.empty(); });
        if (is_stopping_) return;
        const Load load = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        const bool is_kept = answer(load.connection, load.request, room);
        lock.lock();
        ended_.push_back({load.connection, is_kept});
        ring(own_.loaded);
    }
}

void ControlSocket::accept_one() {
    const int connection =
        accept4(own_.listener.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (connection < 0) return;
    if (connections_.size() + handed_on_ >= connections_max) {
        close(connection);
        return;
    }
    connections_.push_back(connection);
}

ControlSocket::Served ControlSocket::serve(int connection) {
    // MSG_TRUNC gives the true size of a frame that does not fit.
    const ssize_t n = recv(connection, request_.data(), request_.size(), MSG_TRUNC);
    if (n < 0) return errno == EAGAIN || errno == EINTR ? Served::kept : Served::ended;
    if (n == 0 || static_cast<std::size_t>(n) > request_.size()) return Served::ended;
    const Bytes request(request_.data(), static_cast<std::size_t>(n));
    if (!takes_long(request))
        return answer(connection, request, answer_) ? Served::kept : Served::ended;
    {
        const std::lock_guard lock(mutex_);
        waiting_.push_back({connection, {request.begin(), request.end()}});
    }
    ++handed_on_;
    wanted_.notify_one();
    return Served::handed_on;
}

bool ControlSocket::answer(int connection, Bytes request, MutableBytes room) {
    const LinkAnswer answer = handle_frame(request, *target_, room);
    const ssize_t sent = send(connection, room.data(), answer.length, MSG_NOSIGNAL);
    return sent == static_cast<ssize_t>(answer.length) && !answer.close;
}

}  // namespace cordon
