#include "dataplane/shell/link_watch.h"

#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace cordon {
namespace {

const char* words_of(PortState state) {
    switch (state) {
        case PortState::up:
            return "is up";
        case PortState::no_carrier:
            return "has no link";
        case PortState::down:
            return "is down";
        case PortState::held:
            return "is taken down until the other port has its link again";
    }
    return "";
}

ifreq request_for(const std::string& name) {
    ifreq request{};
    name.copy(request.ifr_name, sizeof request.ifr_name - 1);
    return request;
}

}  // namespace

LinkWatch::LinkWatch(const Options& options, std::uint32_t mtu)
    : names_{options.client_port, options.storage_port},
      mtu_(mtu),
      mtu_told_{mtu, mtu},
      propagates_(options.link_propagation != 0),
      socket_(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {}

LinkWatch::~LinkWatch() {
    if (pair_.held()) set_up(*pair_.held(), true);
}

void LinkWatch::tend(std::uint64_t now_ns) {
    if (now_ns < due_ns_) return;
    due_ns_ = now_ns + look_every_ns;
    LinkState links[2] = {look(Side::client), look(Side::storage)};
    if (propagates_) {
        const auto step = pair_.look(links[0], links[1], now_ns);
        if (step && set_up(step->port, step->up)) links[index_of(step->port)] = look(step->port);
    }
    tell(Side::client, links[0]);
    tell(Side::storage, links[1]);
}

// An interface that is gone is one without link.
LinkState LinkWatch::look(Side side) {
    look_at_mtu(side);
    ifreq request = request_for(names_[index_of(side)]);
    if (::ioctl(socket_.get(), SIOCGIFFLAGS, &request) != 0) return {};
    return {(request.ifr_flags & IFF_UP) != 0, (request.ifr_flags & IFF_RUNNING) != 0};
}

void LinkWatch::look_at_mtu(Side side) {
    ifreq request = request_for(names_[index_of(side)]);
    if (::ioctl(socket_.get(), SIOCGIFMTU, &request) != 0) return;
    const auto mtu = static_cast<std::uint32_t>(request.ifr_mtu);
    if (mtu == mtu_told_[index_of(side)]) return;
    mtu_told_[index_of(side)] = mtu;
    if (mtu <= mtu_) return;
    std::fprintf(stderr,
                 "warning: the MTU of %s is %u now: frames above %u are dropped and counted until "
                 "the dataplane is restarted\n",
                 names_[index_of(side)].c_str(), mtu, mtu_);
}

bool LinkWatch::set_up(Side side, bool up) {
    const std::string& name = names_[index_of(side)];
    ifreq request = request_for(name);
    bool done = ::ioctl(socket_.get(), SIOCGIFFLAGS, &request) == 0;
    const int flags = up ? request.ifr_flags | IFF_UP : request.ifr_flags & ~IFF_UP;
    request.ifr_flags = static_cast<short>(flags);
    done = done && ::ioctl(socket_.get(), SIOCSIFFLAGS, &request) == 0;
    if (!done) {
        std::fprintf(stderr, "warning: cannot bring %s %s: %s\n", name.c_str(), up ? "up" : "down",
                     std::strerror(errno));
    }
    return done;
}

void LinkWatch::tell(Side side, LinkState link) {
    PortState state = PortState::up;
    if (!link.carrier) state = PortState::no_carrier;
    if (!link.up) state = PortState::down;
    if (pair_.held() == side) state = PortState::held;
    if (state == this->state(side)) return;
    states_[index_of(side)].store(state, std::memory_order_relaxed);
    std::fprintf(stderr, "port %s %s\n", names_[index_of(side)].c_str(), words_of(state));
}

}  // namespace cordon
