// The least that a process in the wire adds to an answer after a pause: `relay PORT PORT` sleeps in
// poll(2) and hands every frame of either port to the other, unread. An appliance that sleeps is
// measured beside it (tests/bench/idle): two wake-ups are in here as well, and nothing else.
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <cstdint>
#include <cstdio>

namespace {

// A packet socket that gets what comes in by this port. −1: no such port, or not permitted.
int open_port(const char* name) {
    const int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(ETH_P_ALL);
    address.sll_ifindex = static_cast<int>(if_nametoindex(name));
    const int yes = 1;
    const bool ready = fd >= 0 && address.sll_ifindex != 0 &&
                       setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &yes, sizeof yes) == 0 &&
                       bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    if (!ready) std::perror(name);
    return ready ? fd : -1;
}

void hand_over(int from, int to) {
    static std::uint8_t frame[65536];
    ssize_t length;
    while ((length = recv(from, frame, sizeof frame, MSG_DONTWAIT)) > 0) {
        // What finds no room is lost, as in any wire.
        [[maybe_unused]] const ssize_t sent =
            send(to, frame, static_cast<std::size_t>(length), MSG_DONTWAIT);
    }
}

}  // namespace

int main(int count, char** words) {
    if (count != 3) {
        std::fputs("usage: relay PORT PORT\n", stderr);
        return 2;
    }
    pollfd ports[] = {{open_port(words[1]), POLLIN, 0}, {open_port(words[2]), POLLIN, 0}};
    if (ports[0].fd < 0 || ports[1].fd < 0) return 1;
    std::puts("ready");
    std::fflush(stdout);
    for (;;) {
        poll(ports, 2, -1);
        hand_over(ports[0].fd, ports[1].fd);
        hand_over(ports[1].fd, ports[0].fd);
    }
}
