#include "control/daemon/request_server.h"

#include <grp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

#include "control/daemon/request.h"
#include "control/link/unix_socket.h"

namespace cordon {

Result<RequestServer> RequestServer::listen(const std::string& path, std::uint32_t clients_max) {
    return listen_unix(path, static_cast<int>(clients_max)).map([clients_max](Descriptor&& socket) {
        return RequestServer(std::move(socket), clients_max);
    });
}

RequestServer::RequestServer(Descriptor listener, std::uint32_t clients_max)
    : clients_max_(clients_max) {
    listeners_.push_back({std::move(listener), Role::admin, true});
}

Result<Descriptor> listen_for_group(const std::string& path, const std::string& group,
                                    std::uint32_t clients_max) {
    const auto refuse = [&path](Failure why) {
        ::unlink(path.c_str());  // of an earlier time: nobody answers there
        return why;
    };
    const struct group* found = ::getgrnam(group.c_str());
    if (found == nullptr)
        return refuse(failure(ErrorCode::config, "there is no group " + group +
                                                     ": nobody can ask "
                                                     "at " +
                                                     path));
    Result<Descriptor> socket = listen_unix(path, static_cast<int>(clients_max));
    if (!socket) return refuse(Failure(socket.error()));
    // Without CAP_CHOWN the owner may still give it to a group that he is in.
    if (::chown(path.c_str(), static_cast<uid_t>(-1), found->gr_gid) != 0)
        return refuse(failure(ErrorCode::permission,
                              "cannot give " + path + " to the group " + group +
                                  "; is cordond a member of it (SupplementaryGroups)?",
                              errno));
    return socket;
}

void RequestServer::add_descriptors(std::vector<pollfd>* set) const {
    for (const Listener& listener : listeners_)
        set->push_back({listener.socket.get(), POLLIN, 0});
    for (const auto& client : clients_) {
        // While a reply is under way no more is read: the kernel's buffer makes the client wait.
        const bool writing = client->written < client->output.size();
        const short events = writing ? POLLOUT : (client->busy ? short{0} : POLLIN);
        set->push_back({client->socket.get(), events, 0});
    }
}

void RequestServer::handle(std::span<const pollfd> ready, std::uint64_t now_ms) {
    // Clients first: accepting changes the list that `ready` describes.
    const std::size_t first = listeners_.size();
    for (std::size_t i = first; i < ready.size() && i < first + clients_.size(); ++i) {
        Client* client = clients_[i - first].get();
        if ((ready[i].revents & POLLOUT) != 0) write_to(client, now_ms);
        if ((ready[i].revents & POLLIN) != 0) read_from(client, now_ms);
        if ((ready[i].revents & (POLLERR | POLLNVAL)) != 0) client->gone = true;
        // The peer has closed both ways, so nobody waits for a reply.
        if ((ready[i].revents & (POLLHUP | POLLIN)) == POLLHUP) client->gone = true;
    }
    for (std::size_t i = 0; i < first && i < ready.size(); ++i)
        if ((ready[i].revents & POLLIN) != 0) accept_one(listeners_[i], now_ms);
    sweep(now_ms);
}

void RequestServer::accept_one(const Listener& listener, std::uint64_t now_ms) {
    Descriptor socket(
        ::accept4(listener.socket.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket.valid()) return;
    ucred peer = {};
    socklen_t length = sizeof peer;
    const bool known = ::getsockopt(socket.get(), SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0;
    auto client = std::make_unique<Client>();
    client->id = next_id_++;
    client->socket = std::move(socket);
    client->uid = peer.uid;
    client->role = listener.role;
    client->since_ms = now_ms;
    if (!known || (listener.own && peer.uid != 0 && peer.uid != ::geteuid())) {
        refuse(
            client.get(),
            error_reply({ErrorCode::permission, "only root and cordond's own user may ask here"}),
            now_ms);
    } else if (clients_.size() >= clients_max_) {
        refuse(client.get(),
               error_reply({ErrorCode::refused,
                            "cordond has control.clients_max clients already; try again"}),
               now_ms);
    } else {
        clients_.push_back(std::move(client));
    }
    // A refused client leaves here: what it is told fits the socket's buffer, and is not repeated.
}

void RequestServer::refuse(Client* client, std::string_view why, std::uint64_t now_ms) {
    client->output.assign(why).append("\n");
    client->written = 0;
    client->closing = true;
    write_to(client, now_ms);
}

void RequestServer::read_from(Client* client, std::uint64_t now_ms) {
    std::uint8_t bytes[4096];
    const ssize_t got = ::recv(client->socket.get(), bytes, sizeof bytes, MSG_DONTWAIT);
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (got <= 0) {
        client->gone = true;
        return;
    }
    client->input.feed(Bytes(bytes).first(static_cast<std::size_t>(got)));
    take_line(client, now_ms);
}

void RequestServer::take_line(Client* client, std::uint64_t now_ms) {
    std::string line;
    if (client->busy || client->closing) return;
    if (client->input.next(&line)) {
        client->busy = true;
        client->since_ms = now_ms;
        requests_.push_back({client->id, client->uid, client->role, std::move(line)});
    } else if (client->input.overflow()) {
        refuse(client, error_reply({ErrorCode::usage, "the request is longer than 16 KiB"}),
               now_ms);
    }
}

bool RequestServer::next(ClientRequest* request) {
    if (requests_.empty()) return false;
    *request = std::move(requests_.front());
    requests_.pop_front();
    return true;
}

void RequestServer::reply(ClientId id, std::string text, std::uint64_t now_ms) {
    const auto found = std::find_if(clients_.begin(), clients_.end(),
                                    [id](const auto& client) { return client->id == id; });
    if (found == clients_.end()) return;
    Client* client = found->get();
    if (text.size() > reply_bytes_max) {
        text = error_reply({ErrorCode::refused, "the answer is too long; ask for less"});
    }
    client->output = std::move(text) + "\n";
    client->written = 0;
    client->since_ms = now_ms;
    write_to(client, now_ms);
}

void RequestServer::write_to(Client* client, std::uint64_t now_ms) {
    while (client->written < client->output.size()) {
        const ssize_t sent =
            ::send(client->socket.get(), client->output.data() + client->written,
                   client->output.size() - client->written, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno == EINTR) continue;
        if (sent < 0 && errno == EAGAIN) return;
        if (sent < 0) {
            client->gone = true;
            return;
        }
        client->written += static_cast<std::size_t>(sent);
        client->since_ms = now_ms;
    }
    client->output.clear();
    client->output.shrink_to_fit();
    client->written = 0;
    client->busy = false;
    client->gone = client->gone || client->closing;
    if (!client->gone) take_line(client, now_ms);
}

bool RequestServer::overdue(const Client& client, std::uint64_t now_ms) const {
    const bool writing = client.written < client.output.size();
    if (client.busy && !writing) return false;  // it waits for us
    return now_ms - client.since_ms > (writing ? client_write_ms_max : client_idle_ms_max);
}

void RequestServer::sweep(std::uint64_t now_ms) {
    std::erase_if(clients_,
                  [&](const auto& client) { return client->gone || overdue(*client, now_ms); });
}

}  // namespace cordon
