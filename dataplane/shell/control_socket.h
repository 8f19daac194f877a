// The control socket: run_dir/dataplane.sock, served by a thread of its own, so that `status`
// answers whatever the workers and cordond are doing.
//
// Owns:       the listening socket, its file, its connections, its thread.
// Invariants: one request gets one answer; a client that does not read its answer, or sends
//             something else than frames, is closed and harms no other.
// Thread:     start and stop from the main thread; everything else in its own.
// Limits:     connections_max; more are closed at once. Mode 0660: the group may ask.
#pragma once

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

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
    ControlSocket(std::string path, int listener, int wake, LinkTarget* target);
    void run();
    void accept_one();
    bool serve(int connection);

    std::string path_;
    int listener_;
    int wake_;  // eventfd: time to stop
    LinkTarget* target_;
    std::vector<int> connections_;
    std::vector<std::uint8_t> request_;
    std::vector<std::uint8_t> answer_;
    std::thread thread_;
};

}  // namespace cordon
