// wire: a bad cable between two interfaces, with seeded loss, delay, reordering and duplication.
//
//   wire A B [--loss PCT] [--delay-ms N] [--reorder PCT] [--duplicate PCT] [--seed N]
//
// Forwards every frame of A to B and back. Only TCP suffers: address resolution stays reliable, so
// that a test fails for what it tests. Each direction has its own random sequence, so the same
// seed hits the same packets of a direction however both interleave. Prints what it did at SIGTERM.
//
// Owns:       two AF_PACKET sockets and the frames under way.
// Limits:     frames up to 9216 bytes; queue_max frames under way, the rest is dropped and counted.

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
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
#include <queue>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t queue_max = 100000;

volatile std::sig_atomic_t stopped = 0;
void stop(int) {
    stopped = 1;
}

struct Settings {
    double loss = 0, reorder = 0, duplicate = 0;  // percent
    int delay_ms = 0;
    unsigned seed = 1;
};

struct Direction {
    int from = -1, to = -1;
    const char* name = "";
    std::mt19937 random;
    unsigned long forwarded = 0, lost = 0, reordered = 0, duplicated = 0, refused = 0;
};

struct UnderWay {
    Clock::time_point due;
    unsigned long number;  // frames due at the same time keep their order
    Direction* direction;
    std::vector<std::uint8_t> bytes;
    bool operator<(const UnderWay& other) const {
        return due != other.due ? due > other.due : number > other.number;
    }
};

int open_interface(const char* name) {
    const unsigned index = ::if_nametoindex(name);
    const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(index);
    const int on = 1;
    const int buffer = 16 << 20;
    packet_mreq all{};
    all.mr_ifindex = static_cast<int>(index);
    all.mr_type = PACKET_MR_PROMISC;
    if (index == 0 || fd < 0 ||
        ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
        ::setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof on) != 0 ||
        ::setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &all, sizeof all) != 0) {
        std::fprintf(stderr, "wire: %s: %s\n", name, std::strerror(errno));
        std::exit(1);
    }
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &buffer, sizeof buffer);
    ::setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &buffer, sizeof buffer);
    return fd;
}

// TCP over IPv4 or IPv6 without extension headers, untagged: what the labs speak.
bool is_tcp(const std::uint8_t* frame, std::size_t length) {
    if (length < 34) return false;
    const int type = frame[12] << 8 | frame[13];
    return (type == ETH_P_IP && frame[23] == IPPROTO_TCP) ||
           (type == ETH_P_IPV6 && frame[20] == IPPROTO_TCP);
}

bool happens(Direction* direction, double percent) {
    // Drawn even at 0 %, so that one setting does not shift the others.
    return std::uniform_real_distribution<>(0, 100)(direction->random) < percent;
}

void send_frame(Direction* direction, const std::vector<std::uint8_t>& bytes) {
    if (::send(direction->to, bytes.data(), bytes.size(), 0) < 0) {
        ++direction->refused;
        return;
    }
    ++direction->forwarded;
}

class Cable {
  public:
    Cable(const Settings& settings, int a, int b) : settings_(settings) {
        ways_[0].from = ways_[1].to = a;
        ways_[0].to = ways_[1].from = b;
        ways_[0].name = "there";
        ways_[1].name = "back";
        ways_[0].random.seed(settings.seed * 2);
        ways_[1].random.seed(settings.seed * 2 + 1);
    }

    void run() {
        while (!stopped) {
            pollfd fds[2] = {{ways_[0].from, POLLIN, 0}, {ways_[1].from, POLLIN, 0}};
            const timespec wait = time_to_next();
            ::ppoll(fds, 2, &wait, nullptr);
            for (Direction& way : ways_)
                receive(&way);
            send_due();
        }
    }

    void print() const {
        for (const Direction& way : ways_) {
            std::printf("%s: %lu forwarded, %lu lost, %lu reordered, %lu duplicated, %lu refused\n",
                        way.name, way.forwarded, way.lost, way.reordered, way.duplicated,
                        way.refused);
        }
    }

  private:
    timespec time_to_next() const {
        if (queue_.empty()) return {0, 100'000'000};
        const auto left =
            std::chrono::duration_cast<std::chrono::nanoseconds>(queue_.top().due - Clock::now());
        return {0, left.count() > 0 ? std::min<long>(left.count(), 100'000'000) : 0};
    }

    void receive(Direction* way) {
        std::uint8_t frame[9216];
        for (int n = 0; n < 64; ++n) {
            const ssize_t length = ::recv(way->from, frame, sizeof frame, 0);
            if (length <= 0) return;
            pass(way, {frame, frame + length});
        }
    }

    void pass(Direction* way, std::vector<std::uint8_t> bytes) {
        auto due = Clock::now() + std::chrono::milliseconds(settings_.delay_ms);
        if (is_tcp(bytes.data(), bytes.size())) {
            const bool lose = happens(way, settings_.loss);
            const bool reorder = happens(way, settings_.reorder);
            const bool duplicate = happens(way, settings_.duplicate);
            if (lose || queue_.size() >= queue_max) {
                ++way->lost;
                return;
            }
            if (reorder) {
                ++way->reordered;
                due += std::chrono::milliseconds(2);
            }
            if (duplicate) {
                ++way->duplicated;
                queue_.push({due, next_number_++, way, bytes});
            }
        }
        queue_.push({due, next_number_++, way, std::move(bytes)});
    }

    void send_due() {
        const auto now = Clock::now();
        while (!queue_.empty() && queue_.top().due <= now) {
            send_frame(queue_.top().direction, queue_.top().bytes);
            queue_.pop();
        }
    }

    Settings settings_;
    Direction ways_[2];
    std::priority_queue<UnderWay> queue_;
    unsigned long next_number_ = 0;
};

[[noreturn]] void usage() {
    std::fputs(
        "usage: wire A B [--loss PCT] [--delay-ms N] [--reorder PCT] [--duplicate PCT] "
        "[--seed N]\n",
        stderr);
    std::exit(2);
}

Settings read_settings(int argc, char** argv) {
    Settings settings;
    for (int n = 3; n + 1 < argc; n += 2) {
        const std::string_view key = argv[n];
        const char* value = argv[n + 1];
        if (key == "--loss")
            settings.loss = std::atof(value);
        else if (key == "--reorder")
            settings.reorder = std::atof(value);
        else if (key == "--duplicate")
            settings.duplicate = std::atof(value);
        else if (key == "--delay-ms")
            settings.delay_ms = std::atoi(value);
        else if (key == "--seed")
            settings.seed = static_cast<unsigned>(std::atoi(value));
        else
            usage();
    }
    return settings;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 3 || argc % 2 == 0) usage();
    const Settings settings = read_settings(argc, argv);
    Cable cable(settings, open_interface(argv[1]), open_interface(argv[2]));
    std::signal(SIGTERM, stop);
    std::signal(SIGINT, stop);
    std::printf("ready, seed %u\n", settings.seed);
    std::fflush(stdout);
    cable.run();
    cable.print();
}
