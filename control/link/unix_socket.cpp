#include "control/link/unix_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

namespace cordon {

Failure cannot_connect(const std::string& path, const SocketPeer& peer, int error) {
    const std::string name(peer.name);
    if (error == EACCES || error == EPERM) {
        return failure(ErrorCode::permission, "not allowed to talk to " + name + " at " + path,
                       error);
    }
    if (error == EAGAIN) {
        return failure(ErrorCode::timeout, name + " has too many callers at " + path, error);
    }
    return failure(
        ErrorCode::unreachable,
        name + " does not answer at " + path + "; is " + std::string(peer.program) + " running?",
        error);
}

Result<Descriptor> listen_unix(const std::string& path, int backlog) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return failure(ErrorCode::config, "the path of the socket is too long: " + path);
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ::unlink(path.c_str());
    const mode_t before = ::umask(0117);
    const int bound =
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const int error = errno;
    ::umask(before);
    if (bound != 0) return failure(ErrorCode::io, "cannot make the socket " + path, error);
    if (::listen(socket.get(), backlog) != 0) {
        return failure(ErrorCode::io, "cannot listen at " + path, errno);
    }
    return socket;
}

Result<Descriptor> connect_unix(const std::string& path, int type, const SocketPeer& peer) {
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    if (path.size() >= sizeof address.sun_path) {
        return failure(ErrorCode::usage, "the path of the socket is too long: " + path);
    }
    std::memcpy(address.sun_path, path.data(), path.size());
    Descriptor socket(::socket(AF_UNIX, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    if (!socket.valid()) return failure(ErrorCode::io, "cannot make a socket", errno);
    if (::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0)
        return cannot_connect(path, peer, errno);
    return socket;
}

}  // namespace cordon
