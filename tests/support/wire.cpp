// wire: a bad cable between two interfaces, with seeded loss, delay, reordering, duplication and
// congestion marks.
//
//   wire A B [--loss PCT] [--delay-ms N] [--reorder PCT] [--duplicate PCT] [--mark PCT] [--seed N]
//            [--mbit N] [--queue-ms N]
//
// With --mbit each direction is so fast, and what would wait longer than --queue-ms is dropped.
// Forwards every frame of A to B and back. Only TCP suffers: address resolution stays reliable, so
// that a test fails for what it tests. What happens to a segment follows from the seed, the
// direction, the connection (first, second, … seen), the segment's own numbers relative to the
// connection's first, and how often these were seen: not from when it comes. So two runs with one
// seed lose the same copies of the same bytes, whatever stands behind the cable and however data,
// acknowledgements and repetitions interleave, and what stands there can be compared. Prints what
// it did at SIGTERM.
//
// Owns:       two AF_PACKET sockets and the frames under way.
// Limits:     frames up to 9216 bytes; frames_max under way, the rest is dropped and counted;
//             16 bytes of memory for every different segment.

#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/prctl.h>
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
#include <deque>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t frame_bytes_max = 9216;
constexpr std::size_t frames_max = 32768;  // 10 ms at 3 million frames a second
constexpr std::size_t batch = 64;
constexpr auto late_by = std::chrono::milliseconds(2);  // of a reordered frame

volatile std::sig_atomic_t stopped = 0;
void stop(int) {
    stopped = 1;
}

struct Settings {
    double loss = 0, reorder = 0, duplicate = 0, mark = 0;  // percent
    int delay_ms = 0;
    double mbit = 0;  // 0: as fast as we are
    int queue_ms = 20;
    std::uint64_t seed = 1;
};

std::uint32_t load16(const std::uint8_t* at) {
    return static_cast<std::uint32_t>(at[0] << 8 | at[1]);
}
std::uint32_t load32(const std::uint8_t* at) {
    return load16(at) << 16 | load16(at + 2);
}

// The finaliser of SplitMix64: every bit of the input changes half of the output.
std::uint64_t mix(std::uint64_t state, std::uint64_t value) {
    state += value + 0x9e3779b97f4a7c15u;
    state = (state ^ (state >> 30)) * 0xbf58476d1ce4e5b9u;
    state = (state ^ (state >> 27)) * 0x94d049bb133111ebu;
    return state ^ (state >> 31);
}

// --- what a segment is ---------------------------------------------------------------------------

struct Tcp {
    const std::uint8_t* addresses;  // source, then destination
    std::size_t address_bytes;      // of one
    std::uint32_t source_port, destination_port;
    std::uint32_t sequence, acknowledgement;
    std::uint32_t payload_bytes;
    std::uint8_t flags;

    bool syn() const { return (flags & 2) != 0; }
    bool acknowledges() const { return (flags & 16) != 0; }
};

// TCP over IPv4 or IPv6 without extension headers, untagged: what the labs speak.
bool read_tcp(const std::uint8_t* frame, std::size_t length, Tcp* tcp) {
    constexpr std::size_t link = 14;
    if (length < link + 40) return false;
    const std::uint8_t* ip = frame + link;
    std::size_t header = 40, total = 40 + load16(ip + 4);
    if (load16(frame + 12) == ETH_P_IP && ip[9] == IPPROTO_TCP) {
        header = static_cast<std::size_t>(ip[0] & 15) * 4;
        total = load16(ip + 2);
        tcp->addresses = ip + 12;
        tcp->address_bytes = 4;
    } else if (load16(frame + 12) == ETH_P_IPV6 && ip[6] == IPPROTO_TCP) {
        tcp->addresses = ip + 8;
        tcp->address_bytes = 16;
    } else {
        return false;
    }
    if (length < link + header + 20 || total > length - link) return false;
    const std::uint8_t* at = ip + header;
    const std::size_t headers = header + static_cast<std::size_t>(at[12] >> 4) * 4;
    if (total < headers) return false;
    tcp->source_port = load16(at);
    tcp->destination_port = load16(at + 2);
    tcp->sequence = load32(at + 4);
    tcp->acknowledgement = load32(at + 8);
    tcp->flags = at[13];
    tcp->payload_bytes = static_cast<std::uint32_t>(total - headers);
    return true;
}

// Gives each segment a number that is the same in every run with the same seed.
class Names {
  public:
    explicit Names(std::uint64_t seed) : seed_(seed) {}

    std::uint64_t name(const Tcp& tcp, std::uint64_t way) {
        Connection& connection = connection_of(tcp, way);
        const std::uint32_t sequence = tcp.sequence - connection.first[way];
        const std::uint32_t acknowledgement =
            tcp.acknowledges() ? tcp.acknowledgement - connection.first[1 - way] : 0;
        // Where data goes one way, its acknowledgement number depends on when it was sent.
        const bool data = tcp.payload_bytes != 0 || tcp.syn() || (tcp.flags & 1) != 0;
        const std::uint64_t what =
            data ? std::uint64_t{sequence} << 32 | tcp.flags : std::uint64_t{acknowledgement};
        const std::uint64_t plain =
            mix(mix(mix(seed_, way * 2 + (data ? 1U : 0U)), connection.number), what);
        return mix(plain, ++copies_[plain]);
    }

  private:
    struct Connection {
        std::uint64_t number = 0;
        std::uint32_t first[2] = {0, 0};
        bool known[2] = {false, false};
    };

    // Both directions give the same key.
    static std::uint64_t key_of(const Tcp& tcp, std::uint64_t way) {
        std::uint64_t ends[2] = {mix(0, tcp.source_port), mix(0, tcp.destination_port)};
        for (std::size_t n = 0; n < 2 * tcp.address_bytes; ++n) {
            std::uint64_t& end = ends[n / tcp.address_bytes];
            end = mix(end, tcp.addresses[n]);
        }
        return mix(ends[way], ends[1 - way]);
    }

    Connection& connection_of(const Tcp& tcp, std::uint64_t way) {
        Connection& connection = connections_[key_of(tcp, way)];
        const bool anew = tcp.syn() && !tcp.acknowledges() && connection.known[way] &&
                          connection.first[way] != tcp.sequence;  // the port is used again
        if (connection.number == 0 || anew) connection = Connection{++count_};
        if (!connection.known[way]) connection.first[way] = tcp.sequence;
        connection.known[way] = true;
        if (tcp.acknowledges() && !connection.known[1 - way]) {
            connection.first[1 - way] = tcp.acknowledgement - 1;
            connection.known[1 - way] = true;
        }
        return connection;
    }

    std::uint64_t seed_;
    std::uint64_t count_ = 0;
    std::unordered_map<std::uint64_t, Connection> connections_;
    std::unordered_map<std::uint64_t, std::uint32_t> copies_;
};

// --- frames under way ----------------------------------------------------------------------------

struct Slot {
    std::uint8_t bytes[frame_bytes_max];
};

struct UnderWay {
    Clock::time_point due;
    std::uint32_t slot;
    std::uint32_t length;
};

struct Direction {
    int from = -1, to = -1;
    std::uint64_t number = 0;
    const char* name = "";
    std::deque<UnderWay> queue;  // one delay for all, so that it is in order of time
    std::deque<UnderWay> late;   // the reordered ones
    Clock::time_point free_at;   // when the last frame has left, with a rate
    unsigned long forwarded = 0, lost = 0, full = 0, reordered = 0, duplicated = 0, marked = 0,
                  refused = 0;
};

int open_interface(const char* name) {
    const unsigned index = ::if_nametoindex(name);
    const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(index);
    const int on = 1;
    const int buffer = 32 << 20;
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

// The one change that a cable makes: CE on a frame whose ends can ECN (RFC 3168 §5).
bool mark_congestion(std::uint8_t* frame) {
    std::uint8_t* ip = frame + 14;
    if (load16(frame + 12) == ETH_P_IPV6) {
        if ((ip[1] & 0x30) == 0) return false;
        ip[1] |= 0x30;
        return true;
    }
    if ((ip[1] & 3) == 0) return false;
    const std::uint32_t added = 3u - (ip[1] & 3u);
    ip[1] |= 3;
    std::uint32_t sum = (~load16(ip + 10) & 0xffffu) + added;  // RFC 1624
    sum = ~((sum & 0xffff) + (sum >> 16)) & 0xffffu;
    ip[10] = static_cast<std::uint8_t>(sum >> 8);
    ip[11] = static_cast<std::uint8_t>(sum);
    return true;
}

class Cable {
  public:
    Cable(const Settings& settings, int a, int b)
        : settings_(settings),
          names_(settings.seed),
          slots_(std::make_unique_for_overwrite<Slot[]>(frames_max)) {
        ways_[0].from = ways_[1].to = a;
        ways_[0].to = ways_[1].from = b;
        ways_[0].name = "there";
        ways_[1].name = "back";
        ways_[1].number = 1;
        for (std::uint32_t n = frames_max; n-- > 0;)
            free_.push_back(n);
    }

    void run() {
        while (!stopped) {
            pollfd fds[2] = {{ways_[0].from, POLLIN, 0}, {ways_[1].from, POLLIN, 0}};
            const timespec wait = time_to_next();
            ::ppoll(fds, 2, &wait, nullptr);
            for (std::size_t n = 0; n < 2; ++n)
                if (fds[n].revents != 0) receive(&ways_[n]);
            const auto now = Clock::now();
            for (Direction& way : ways_) {
                send_due(&way, &way.queue, now);
                send_due(&way, &way.late, now);
            }
        }
    }

    void print() const {
        for (const Direction& way : ways_) {
            std::printf(
                "%s: %lu forwarded, %lu lost, %lu at a full queue, %lu reordered, %lu duplicated, "
                "%lu marked, %lu refused\n",
                way.name, way.forwarded, way.lost, way.full, way.reordered, way.duplicated,
                way.marked, way.refused);
        }
    }

  private:
    timespec time_to_next() const {
        auto next = Clock::now() + std::chrono::milliseconds(100);
        for (const Direction& way : ways_) {
            if (!way.queue.empty()) next = std::min(next, way.queue.front().due);
            if (!way.late.empty()) next = std::min(next, way.late.front().due);
        }
        const auto left =
            std::chrono::duration_cast<std::chrono::nanoseconds>(next - Clock::now()).count();
        return {0, std::max<long>(left, 0)};
    }

    // One batch: what is due must not wait for a sender that never pauses.
    void receive(Direction* way) {
        mmsghdr messages[batch] = {};
        iovec parts[batch];
        const std::size_t room = std::min(batch, free_.size());
        for (std::size_t n = 0; n < room; ++n) {
            parts[n] = {slots_[free_[free_.size() - 1 - n]].bytes, frame_bytes_max};
            messages[n].msg_hdr.msg_iov = &parts[n];
            messages[n].msg_hdr.msg_iovlen = 1;
        }
        const int count =
            ::recvmmsg(way->from, messages, static_cast<unsigned>(room), MSG_DONTWAIT, nullptr);
        std::uint32_t taken[batch];
        for (int n = 0; n < count; ++n) {
            taken[n] = free_.back();
            free_.pop_back();
        }
        const auto due = Clock::now() + std::chrono::milliseconds(settings_.delay_ms);
        for (int n = 0; n < count; ++n)
            pass(way, {due, taken[n], messages[n].msg_len});
    }

    void pass(Direction* way, UnderWay frame) {
        std::uint8_t* bytes = slots_[frame.slot].bytes;
        Tcp tcp;
        if (!read_tcp(bytes, frame.length, &tcp)) return way->queue.push_back(frame);
        const std::uint64_t name = names_.name(tcp, way->number);
        if (happens(name, 1, settings_.loss)) {
            ++way->lost;
            return free_.push_back(frame.slot);
        }
        if (!wait_in_line(way, &frame)) {
            ++way->full;
            return free_.push_back(frame.slot);
        }
        if (happens(name, 2, settings_.mark) && mark_congestion(bytes)) ++way->marked;
        if (happens(name, 3, settings_.duplicate) && !free_.empty()) {
            ++way->duplicated;
            UnderWay copy = frame;
            copy.slot = free_.back();
            free_.pop_back();
            std::memcpy(slots_[copy.slot].bytes, bytes, frame.length);
            way->queue.push_back(copy);
        }
        if (happens(name, 4, settings_.reorder)) {
            ++way->reordered;
            frame.due += late_by;
            return way->late.push_back(frame);
        }
        way->queue.push_back(frame);
    }

    // Its turn on a cable of limited rate. False: too many wait.
    bool wait_in_line(Direction* way, UnderWay* frame) const {
        if (settings_.mbit <= 0) return true;
        const auto now = frame->due - std::chrono::milliseconds(settings_.delay_ms);
        const auto begin = std::max(now, way->free_at);
        if (begin - now > std::chrono::milliseconds(settings_.queue_ms)) return false;
        way->free_at = begin + std::chrono::nanoseconds(
                                   static_cast<long>(frame->length * 8000.0 / settings_.mbit));
        frame->due += way->free_at - now;
        return true;
    }

    static bool happens(std::uint64_t name, std::uint64_t what, double percent) {
        constexpr double whole = 18446744073709551616.0;  // 2^64
        return static_cast<double>(mix(name, what)) / whole * 100 < percent;
    }

    void send_due(Direction* way, std::deque<UnderWay>* queue, Clock::time_point now) {
        while (!queue->empty() && queue->front().due <= now) {
            mmsghdr messages[batch] = {};
            iovec parts[batch];
            unsigned count = 0;
            while (count < batch && count < queue->size() && (*queue)[count].due <= now) {
                const UnderWay& frame = (*queue)[count];
                parts[count] = {slots_[frame.slot].bytes, frame.length};
                messages[count].msg_hdr.msg_iov = &parts[count];
                messages[count].msg_hdr.msg_iovlen = 1;
                ++count;
            }
            send(way, messages, count);
            for (unsigned n = 0; n < count; ++n)
                free_.push_back((*queue)[n].slot);
            queue->erase(queue->begin(), queue->begin() + count);
        }
    }

    void send(Direction* way, mmsghdr* messages, unsigned count) {
        for (unsigned done = 0; done < count;) {
            const int sent = ::sendmmsg(way->to, messages + done, count - done, 0);
            if (sent > 0) {
                way->forwarded += static_cast<unsigned>(sent);
                done += static_cast<unsigned>(sent);
            } else {
                ++way->refused;
                ++done;
            }
        }
    }

    Settings settings_;
    Names names_;
    Direction ways_[2];
    std::unique_ptr<Slot[]> slots_;  // untouched ones cost no memory
    std::vector<std::uint32_t> free_;
};

[[noreturn]] void usage() {
    std::fputs(
        "usage: wire A B [--loss PCT] [--delay-ms N] [--reorder PCT] [--duplicate PCT] "
        "[--mark PCT] [--seed N] [--mbit N] [--queue-ms N]\n",
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
        else if (key == "--mark")
            settings.mark = std::atof(value);
        else if (key == "--mbit")
            settings.mbit = std::atof(value);
        else if (key == "--queue-ms")
            settings.queue_ms = std::atoi(value);
        else if (key == "--delay-ms")
            settings.delay_ms = std::atoi(value);
        else if (key == "--seed")
            settings.seed = static_cast<std::uint64_t>(std::atoll(value));
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
    prctl(PR_SET_TIMERSLACK, 1000, 0, 0, 0);  // 50 µs by default
    std::printf("ready, seed %llu\n", static_cast<unsigned long long>(settings.seed));
    std::fflush(stdout);
    cable.run();
    cable.print();
}
