// crowd: the bad company of an overload test, from one process.
//
//   crowd flood ADDRESS PORT RATE        SYNs from invented addresses (11.0.0.0/8), RATE a second
//   crowd hold ADDRESS PORT COUNT [TEXT] COUNT connections that say TEXT and then nothing
//   crowd trickle ADDRESS PORT COUNT TEXT   that say TEXT, then a byte a second; who is ended comes
//                                        back at once
//   crowd serve ADDRESS PORT             a storage that accepts everybody, reads, and says nothing
//
// Prints `ready` when its first round is done, and at SIGTERM what happened, as `name=number`.
//
// Owns:       its sockets. IPv4 only.
// Limits:     descriptors_max.

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr rlim_t descriptors_max = 70'000;

volatile std::sig_atomic_t stopped = 0;
void stop(int) {
    stopped = 1;
}

[[noreturn]] void give_up(const char* what) {
    std::fprintf(stderr, "crowd: %s: %s\n", what, std::strerror(errno));
    std::exit(1);
}

void ready() {
    std::puts("ready");
    std::fflush(stdout);
}

sockaddr_in address_of(const char* text, const char* port) {
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(static_cast<std::uint16_t>(std::atoi(port)));
    if (inet_pton(AF_INET, text, &to.sin_addr) != 1) give_up(text);
    return to;
}

// --- flood ---------------------------------------------------------------------------------------

struct SynPacket {
    iphdr ip;
    tcphdr tcp;
};

std::uint16_t tcp_checksum(const SynPacket& packet) {
    std::uint32_t sum = 0;
    const auto add = [&sum](const void* at, std::size_t bytes) {
        const auto* from = static_cast<const std::uint8_t*>(at);
        for (std::size_t n = 0; n < bytes; n += 2)
            sum += static_cast<std::uint32_t>(from[n] << 8 | from[n + 1]);
    };
    add(&packet.ip.saddr, 8);
    sum += IPPROTO_TCP + sizeof packet.tcp;
    add(&packet.tcp, sizeof packet.tcp);
    while (sum >> 16 != 0)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons(static_cast<std::uint16_t>(~sum));
}

int flood(const sockaddr_in& to, double rate) {
    const int raw = ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
    if (raw < 0) give_up("raw socket");
    std::mt19937 random(1);
    std::uint64_t sent = 0;
    const auto begin = Clock::now();
    ready();
    while (stopped == 0) {
        const std::chrono::duration<double> passed = Clock::now() - begin;
        if (static_cast<double>(sent) >= passed.count() * rate) {
            std::this_thread::sleep_for(milliseconds(1));
            continue;
        }
        for (int n = 0; n < 32; ++n, ++sent) {
            SynPacket packet{};
            packet.ip.version = 4;
            packet.ip.ihl = 5;
            packet.ip.tot_len = htons(sizeof packet);
            packet.ip.ttl = 64;
            packet.ip.protocol = IPPROTO_TCP;
            packet.ip.saddr = htonl(0x0b000000 | (static_cast<std::uint32_t>(random()) & 0xffffff));
            packet.ip.daddr = to.sin_addr.s_addr;
            packet.tcp.source = htons(static_cast<std::uint16_t>(1024 + random() % 60000));
            packet.tcp.dest = to.sin_port;
            packet.tcp.seq = htonl(static_cast<std::uint32_t>(random()));
            packet.tcp.doff = 5;
            packet.tcp.syn = 1;
            packet.tcp.window = htons(1024);
            packet.tcp.check = tcp_checksum(packet);
            // A full queue is the cable's rate; the rest of the flood is lost.
            ::sendto(raw, &packet, sizeof packet, MSG_DONTWAIT,
                     reinterpret_cast<const sockaddr*>(&to), sizeof to);
        }
    }
    std::printf("sent=%llu\n", static_cast<unsigned long long>(sent));
    return 0;
}

// --- hold and trickle ----------------------------------------------------------------------------

class Holder {
  public:
    Holder(const sockaddr_in& to, std::size_t count, std::string_view text, bool trickles)
        : to_(to), text_(text), trickles_(trickles), ends_(count, -1) {
        poll_ = ::epoll_create1(EPOLL_CLOEXEC);
        if (poll_ < 0) give_up("epoll");
    }

    int run() {
        // As many at once as a listener's backlog surely takes, and no flood of handshakes.
        constexpr std::size_t at_once = 256;
        constexpr double each_second = 4000;
        const auto begun_at = Clock::now();
        for (std::size_t n = 0; n < ends_.size() && stopped == 0; ++n) {
            begin(n);
            const std::chrono::duration<double> due(static_cast<double>(n) / each_second);
            while ((begun_ - established_ - failed_ >= at_once || Clock::now() - begun_at < due) &&
                   stopped == 0)
                look(1);
        }
        while (established_ + failed_ < begun_ && stopped == 0)
            look(10);
        std::printf("established=%zu\n", established_);
        ready();
        auto next = Clock::now() + std::chrono::seconds(1);
        while (stopped == 0) {
            look(50);
            if (!trickles_ || Clock::now() < next) continue;
            next += std::chrono::seconds(1);
            for (const int end : ends_)
                if (end >= 0) (void)!::send(end, "a", 1, MSG_NOSIGNAL | MSG_DONTWAIT);
        }
        std::printf("begun=%zu\nended=%zu\ntimeouts=%zu\n", begun_, ended_, timeouts_);
        return 0;
    }

  private:
    void begin(std::size_t n) {
        const int end = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (end < 0) give_up("socket");
        ends_[n] = end;
        ++begun_;
        ::connect(end, reinterpret_cast<const sockaddr*>(&to_), sizeof to_);
        epoll_event wanted{EPOLLOUT | EPOLLIN, {.u64 = n}};
        if (::epoll_ctl(poll_, EPOLL_CTL_ADD, end, &wanted) != 0) give_up("epoll_ctl");
    }
    void look(int ms) {
        epoll_event events[256];
        const int count = ::epoll_wait(poll_, events, 256, ms);
        for (int at = 0; at < count; ++at)
            heard(static_cast<std::size_t>(events[at].data.u64), events[at].events);
    }
    void heard(std::size_t n, std::uint32_t events) {
        if ((events & EPOLLOUT) != 0 && (events & EPOLLERR) == 0) {
            epoll_event wanted{EPOLLIN, {.u64 = n}};
            ::epoll_ctl(poll_, EPOLL_CTL_MOD, ends_[n], &wanted);
            ++established_;
            (void)!::send(ends_[n], text_.data(), text_.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            return;
        }
        if ((events & EPOLLOUT) != 0) ++failed_;
        char bytes[4096];
        const ssize_t got = ::recv(ends_[n], bytes, sizeof bytes, MSG_DONTWAIT);
        if (got > 0) {
            const std::string_view answer(bytes, static_cast<std::size_t>(got));
            if (answer.starts_with("HTTP/1.1 408") || answer.starts_with("HTTP/1.1 503"))
                ++timeouts_;
            return;
        }
        if (got < 0 && errno == EAGAIN) return;
        ::close(ends_[n]);
        ends_[n] = -1;
        ++ended_;
        if (trickles_) begin(n);
    }

    sockaddr_in to_;
    std::string text_;
    bool trickles_;
    std::vector<int> ends_;
    int poll_ = -1;
    std::size_t begun_ = 0;
    std::size_t established_ = 0;
    std::size_t failed_ = 0;
    std::size_t ended_ = 0;
    std::size_t timeouts_ = 0;
};

// --- serve ---------------------------------------------------------------------------------------

int serve(const sockaddr_in& at) {
    const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    const int yes = 1;
    ::setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (::bind(listener, reinterpret_cast<const sockaddr*>(&at), sizeof at) != 0) give_up("bind");
    if (::listen(listener, 4096) != 0) give_up("listen");
    const int poll = ::epoll_create1(EPOLL_CLOEXEC);
    epoll_event wanted{EPOLLIN, {.fd = listener}};
    ::epoll_ctl(poll, EPOLL_CTL_ADD, listener, &wanted);
    std::size_t accepted = 0;
    ready();
    while (stopped == 0) {
        epoll_event events[256];
        const int count = ::epoll_wait(poll, events, 256, 50);
        for (int n = 0; n < count; ++n) {
            const int fd = events[n].data.fd;
            if (fd != listener) {
                char bytes[4096];
                if (::recv(fd, bytes, sizeof bytes, MSG_DONTWAIT) <= 0) ::close(fd);
                continue;
            }
            for (int one; (one = ::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC)) >= 0;) {
                ++accepted;
                wanted = {EPOLLIN, {.fd = one}};
                ::epoll_ctl(poll, EPOLL_CTL_ADD, one, &wanted);
            }
        }
    }
    std::printf("accepted=%zu\n", accepted);
    return 0;
}

int usage() {
    std::fputs(
        "crowd flood ADDRESS PORT RATE | hold|trickle ADDRESS PORT COUNT [TEXT] | "
        "serve ADDRESS PORT\n",
        stderr);
    return 2;
}

// The shell's word for a line end.
std::string unescaped(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text.substr(at, 4) != "\\r\\n") {
            out += text[at];
            continue;
        }
        out += "\r\n";
        at += 3;
    }
    return out;
}

}  // namespace

int main(int count, char** words) {
    ::prctl(PR_SET_PDEATHSIG, SIGTERM);
    std::signal(SIGTERM, stop);
    std::signal(SIGINT, stop);
    rlimit descriptors{descriptors_max, descriptors_max};
    ::setrlimit(RLIMIT_NOFILE, &descriptors);
    if (count < 4) return usage();
    const std::string_view what = words[1];
    const sockaddr_in to = address_of(words[2], words[3]);
    if (what == "serve") return serve(to);
    if (count < 5) return usage();
    if (what == "flood") return flood(to, std::atof(words[4]));
    if (what != "hold" && what != "trickle") return usage();
    const auto connections = static_cast<std::size_t>(std::atol(words[4]));
    return Holder(to, connections, unescaped(count > 5 ? words[5] : ""), what == "trickle").run();
}
