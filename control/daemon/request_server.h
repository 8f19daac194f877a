// The sockets of cordond: clients write one JSON object a line and get one JSON object a line back,
// in order. run_dir/cordond.sock is root's; viewer.sock, operator.sock and admin.sock beside it
// belong to a group each, and who comes by one has its role.
//
// Owns:       the listening sockets, their clients and buffers.
// Invariants: nothing here waits: a client that does not read, or does not end its line, costs its
//             own buffers and nothing else. A client has one request under way; its next line is
//             taken after the reply. A reply to a client that has gone is thrown away.
//             At cordond.sock only root and the user cordond runs as are served (peer
//             credentials); the others are guarded by their group and mode.
// Thread:     the event loop's.
// Limits:     clients_max; request_line_bytes_max in, reply_bytes_max out; a client that neither
//             sends a whole line nor takes its reply is closed after idle_ms_max.
#pragma once

#include <poll.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "control/audit/person.h"
#include "control/daemon/line_buffer.h"
#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"

namespace cordon {

inline constexpr std::size_t reply_bytes_max = 8u << 20;
inline constexpr std::uint64_t client_idle_ms_max = 60 * 1000;
inline constexpr std::uint64_t client_write_ms_max = 10 * 1000;

using ClientId = std::uint64_t;

struct ClientRequest {
    ClientId client;
    std::uint32_t uid;  // of the peer
    Role role;          // of the socket it came by
    std::string line;
};

// A socket for the members of a group, at a path whose directory they can pass.
Result<Descriptor> listen_for_group(const std::string& path, const std::string& group,
                                    std::uint32_t clients_max);

class RequestServer {
  public:
    static Result<RequestServer> listen(const std::string& path, std::uint32_t clients_max);
    // The same on a socket that listens already.
    RequestServer(Descriptor listener, std::uint32_t clients_max);
    // Another one, whose clients have a role.
    void add_listener(Descriptor listener, Role role) {
        listeners_.push_back({std::move(listener), role, false});
    }

    // What to wait for; the same vector, from the same place, goes to handle() after poll().
    void add_descriptors(std::vector<pollfd>* set) const;
    void handle(std::span<const pollfd> ready, std::uint64_t now_ms);

    // Requests in the order they came.
    bool next(ClientRequest* request);
    // `text` is one line without its end.
    void reply(ClientId client, std::string text, std::uint64_t now_ms);

    std::size_t client_count() const { return clients_.size(); }

  private:
    struct Listener {
        Descriptor socket;
        Role role;
        bool own;  // for root and our own user only
    };
    struct Client {
        ClientId id;
        Descriptor socket;
        std::uint32_t uid;
        Role role;
        LineBuffer input;
        std::string output;
        std::size_t written = 0;
        bool busy = false;     // a request is under way
        bool closing = false;  // close when the output is written
        bool gone = false;
        std::uint64_t since_ms;  // of the last progress
    };

    void accept_one(const Listener& listener, std::uint64_t now_ms);
    void read_from(Client* client, std::uint64_t now_ms);
    void write_to(Client* client, std::uint64_t now_ms);
    void refuse(Client* client, std::string_view why, std::uint64_t now_ms);
    void take_line(Client* client, std::uint64_t now_ms);
    bool overdue(const Client& client, std::uint64_t now_ms) const;
    void sweep(std::uint64_t now_ms);

    std::vector<Listener> listeners_;
    std::uint32_t clients_max_;
    ClientId next_id_ = 1;
    std::vector<std::unique_ptr<Client>> clients_;
    std::deque<ClientRequest> requests_;
};

}  // namespace cordon
