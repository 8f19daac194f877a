// The control socket: run_dir/dataplane.sock, served by a thread of its own, so that `status`
// answers whatever the workers and cordond are doing. To load an index takes as long as its file is
// large, so that is done in another one: nobody has to wait for it who wants a mode changed.
//
//   run()  ── request ► answer                       (connections_)
//          └─ load ──► waiting_ ──► run_loads() ── answer ──► ended_ ──► connections_ again
//
// Owns:       the listening socket, its file, its connections, its threads.
// Invariants: one request gets one answer; a client that does not read its answer, or sends
//             something else than frames, is closed and harms no other. A connection belongs to
//             one of the threads at a time.
// Thread:     start and stop from the main thread; everything else in its own.
// Limits:     connections_max; more are closed at once. Mode 0660: the group may ask.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "dataplane/base/descriptor.h"
#include "dataplane/base/result.h"
#include "dataplane/shell/link_frames.h"

namespace cordon {

class ControlSocket {
  public:
    static constexpr std::size_t connections_max = 32;

    static Result<std::unique_ptr<ControlSocket>> open(const std::string& path, LinkTarget* target);
    // Stops the thread and removes the file.
    ~ControlSocket();
    ControlSocket(const ControlSocket&) = delete;
    ControlSocket& operator=(const ControlSocket&) = delete;

  private:
    struct Descriptors {
        Descriptor listener;
        Descriptor wake;    // eventfd: time to stop
        Descriptor loaded;  // eventfd: something is in ended_
    };
    struct Load {
        int connection;
        std::vector<std::uint8_t> request;
    };
    enum class Served : std::uint8_t { kept, ended, handed_on };

    ControlSocket(std::string path, Descriptors own, LinkTarget* target);
    void run();
    void accept_one();
    Served serve(int connection);
    // False: the connection is to be closed.
    bool answer(int connection, Bytes request, MutableBytes room);
    void run_loads();
    void take_back();

    std::string path_;
    Descriptors own_;
    LinkTarget* target_;
    std::vector<int> connections_;
    std::size_t handed_on_ = 0;
    std::vector<std::uint8_t> request_;
    std::vector<std::uint8_t> answer_;

    std::mutex mutex_;  // of what follows
    std::condition_variable wanted_;
    std::deque<Load> waiting_;
    struct Ended {
        int connection;
        bool is_kept;
    };
    std::vector<Ended> ended_;
    bool is_stopping_ = false;

    std::thread thread_;
    std::thread loader_;
};

}  // namespace cordon
