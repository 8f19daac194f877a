// Unix sockets: those of other processes of Cordon, connected to without waiting, and our own.
//
// Owns:       nothing; the caller gets the descriptor.
// Thread:     any.
// Limits:     the path fits sockaddr_un.
#pragma once

#include <string>
#include <string_view>

#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"

namespace cordon {

// Who listens there, in the words of what an operator reads:
// "<name> does not answer at <path>; is <program> running?"
struct SocketPeer {
    std::string_view name;
    std::string_view program;
};

// `type` is SOCK_STREAM or SOCK_SEQPACKET.
Result<Descriptor> connect_unix(const std::string& path, int type, const SocketPeer& peer);

// Listens for streams at `path`, mode 0660 from its first moment. A socket file outlives its
// process: one that is there is replaced, so only who holds the lock of the run directory may do
// this.
Result<Descriptor> listen_unix(const std::string& path, int backlog);

// What an errno of connecting or of the first answer means.
Failure cannot_connect(const std::string& path, const SocketPeer& peer, int error);

}  // namespace cordon
