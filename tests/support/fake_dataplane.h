// A server for the dataplane's socket that answers as a test says, and remembers what was asked.
//
// Owns:       the socket file and a thread that serves one connection after the other.
// Invariants: every connection gets one answer; an empty answer is silence until the client goes.
#pragma once

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "control/link/dataplane_link.h"
#include "dataplane/base/descriptor.h"

namespace cordon::test {

inline LinkPayload link_frame(LinkType type, Bytes payload) {
    const LinkHeader header = {link_magic, link_version, type,
                               static_cast<std::uint32_t>(payload.size()), 0};
    LinkPayload bytes(sizeof header + payload.size());
    std::memcpy(bytes.data(), &header, sizeof header);
    if (!payload.empty()) std::memcpy(bytes.data() + sizeof header, payload.data(), payload.size());
    return bytes;
}

class FakeDataplane {
  public:
    // The answer frame to a request; called by the fake's thread.
    using Answer = std::function<LinkPayload(LinkType type, Bytes payload)>;

    FakeDataplane(const std::string& path, Answer answer)
        : answer_(std::move(answer)), path_(path) {
        ::unlink(path.c_str());
        listener_ = Descriptor(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
        sockaddr_un address = {};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
            ::listen(listener_.get(), 16) != 0) {
            std::abort();
        }
        thread_ = std::thread([this] { run(); });
    }
    ~FakeDataplane() {
        stopping_ = true;
        thread_.join();
        ::unlink(path_.c_str());
    }
    FakeDataplane(const FakeDataplane&) = delete;
    FakeDataplane& operator=(const FakeDataplane&) = delete;

    // How often a type was asked, and the last payload of it.
    int asked(LinkType type, LinkPayload* payload = nullptr) {
        const std::lock_guard lock(mutex_);
        int count = 0;
        for (const auto& [seen, bytes] : seen_) {
            if (seen != type) continue;
            ++count;
            if (payload != nullptr) *payload = bytes;
        }
        return count;
    }

  private:
    void run() {
        while (!stopping_) {
            pollfd ready = {listener_.get(), POLLIN, 0};
            if (::poll(&ready, 1, 20) == 1) {
                serve(Descriptor(::accept(listener_.get(), nullptr, nullptr)));
            }
        }
    }

    void serve(const Descriptor& client) {
        LinkPayload frame(link_frame_max);
        const ssize_t got = ::recv(client.get(), frame.data(), frame.size(), 0);
        if (got < static_cast<ssize_t>(sizeof(LinkHeader))) return;
        frame.resize(static_cast<std::size_t>(got));
        LinkHeader header;
        std::memcpy(&header, frame.data(), sizeof header);
        const Bytes payload = Bytes(frame).subspan(sizeof header);
        {
            const std::lock_guard lock(mutex_);
            seen_.emplace_back(header.type, LinkPayload(payload.begin(), payload.end()));
        }
        const LinkPayload answer = answer_(header.type, payload);
        if (!answer.empty()) {
            (void)::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
            return;
        }
        pollfd gone = {client.get(), POLLIN, 0};
        while (!stopping_ && ::poll(&gone, 1, 20) == 0)
            continue;
    }

    Answer answer_;
    std::string path_;
    Descriptor listener_;
    std::mutex mutex_;
    std::vector<std::pair<LinkType, LinkPayload>> seen_;
    std::atomic<bool> stopping_{false};
    std::thread thread_;
};

}  // namespace cordon::test
