// The control socket: an index that takes long keeps nobody else waiting.
#include "dataplane/shell/control_socket.h"

#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <future>
#include <memory>
#include <semaphore>
#include <vector>

#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

// Loads only when it is told to go on.
class SlowTarget final : public LinkTarget {
  public:
    void status(LinkStatus* status) override {
        *status = {};
        status->generation = loads_;
    }
    void counters(LinkCounters* counters) override { *counters = {}; }
    void unlisted(LinkUnlisted* unlisted) override { *unlisted = {}; }
    Result<void> load_index(const std::string&) override {
        begun_.release();
        if (is_slow_) go_on_.acquire();
        ++loads_;
        return {};
    }
    Result<void> set_mode(std::string_view, ServiceMode, std::uint64_t) override { return {}; }
    void distrust(std::string_view) override {}

    void hurry() { is_slow_ = false; }
    void wait_for_load() { begun_.acquire(); }
    void go_on() { go_on_.release(); }

  private:
    std::counting_semaphore<64> begun_{0};
    std::counting_semaphore<64> go_on_{0};
    std::atomic<bool> is_slow_{true};
    std::atomic<std::uint64_t> loads_{0};
};

class Client {
  public:
    explicit Client(const std::string& path)
        : socket_(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(address.sun_path, sizeof address.sun_path - 1);
        assert_int_equal(
            connect(socket_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        // Who waits for ever fails instead.
        const timeval patience{20, 0};
        setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    }

    void ask(LinkType type, std::size_t payload_bytes = 0) {
        std::vector<std::uint8_t> frame(sizeof(LinkHeader) + payload_bytes);
        const LinkHeader header{link_magic, link_version, type,
                                static_cast<std::uint32_t>(payload_bytes), 0};
        std::memcpy(frame.data(), &header, sizeof header);
        if (payload_bytes != 0) frame[sizeof header] = '/';
        assert_int_equal(send(socket_.get(), frame.data(), frame.size(), MSG_NOSIGNAL),
                         frame.size());
    }
    void ask_for_load() { ask(LinkType::load_index, sizeof(LinkLoadIndex)); }

    // Of an answer of that type, the generation; `error` has none.
    std::uint64_t answered(LinkType type) {
        std::vector<std::uint8_t> frame(link_frame_max);
        const ssize_t n = recv(socket_.get(), frame.data(), frame.size(), 0);
        assert_true(n >= static_cast<ssize_t>(sizeof(LinkHeader)));
        LinkHeader header;
        std::memcpy(&header, frame.data(), sizeof header);
        assert_int_equal(header.type, type);
        if (type != LinkType::status && type != LinkType::load_index) return 0;
        LinkStatus status;
        std::memcpy(&status, frame.data() + sizeof header, sizeof status);
        return status.generation;
    }
    bool is_closed() {
        std::uint8_t byte;
        return recv(socket_.get(), &byte, 1, 0) == 0;
    }

  private:
    Descriptor socket_;
};

struct Served {
    Served() {
        char name[] = "/tmp/cordon-control-XXXXXX";
        assert_non_null(mkdtemp(name));
        folder = name;
        path = folder + "/dataplane.sock";
        auto opened = ControlSocket::open(path, &target);
        assert_true(opened.has_value());
        socket = std::move(*opened);
    }
    ~Served() {
        socket.reset();
        std::filesystem::remove_all(folder);
    }
    std::string folder, path;
    SlowTarget target;
    std::unique_ptr<ControlSocket> socket;
};

// The first one's index loads, and the second has not begun: a status in between says so.
struct TwoLoads : Served {
    TwoLoads() {
        first.ask_for_load();
        target.wait_for_load();
        second.ask_for_load();
        Client asks(path);
        asks.ask(LinkType::status);
        assert_int_equal(asks.answered(LinkType::status), 0);
    }
    Client first{path}, second{path};
};

void others_are_answered_while_an_index_loads(void**) {
    Served served;
    Client loads(served.path), asks(served.path);
    loads.ask_for_load();
    served.target.wait_for_load();
    asks.ask(LinkType::status);
    assert_int_equal(asks.answered(LinkType::status), 0);
    asks.ask(LinkType::counters);
    asks.answered(LinkType::counters);
    served.target.go_on();
    assert_int_equal(loads.answered(LinkType::load_index), 1);
    // And its connection goes on.
    loads.ask(LinkType::status);
    assert_int_equal(loads.answered(LinkType::status), 1);
}

void loads_come_one_after_the_other(void**) {
    TwoLoads two;
    two.target.go_on();
    assert_int_equal(two.first.answered(LinkType::load_index), 1);
    two.target.wait_for_load();
    two.target.go_on();
    assert_int_equal(two.second.answered(LinkType::load_index), 2);  // nothing is counted twice
}

void who_left_meanwhile_harms_nobody(void**) {
    Served served;
    {
        Client leaves(served.path);
        leaves.ask_for_load();
        served.target.wait_for_load();
    }
    Client waits(served.path);
    waits.ask_for_load();
    served.target.hurry();
    served.target.go_on();
    assert_int_equal(waits.answered(LinkType::load_index), 2);
}

void a_load_of_another_size_is_refused_and_closed(void**) {
    Served served;
    Client client(served.path);
    client.ask(LinkType::load_index, 3);
    client.answered(LinkType::error);
    assert_true(client.is_closed());
}

void connections_under_way_count(void**) {
    Served served;
    std::vector<std::unique_ptr<Client>> clients;
    for (std::size_t n = 0; n < ControlSocket::connections_max; ++n) {
        clients.push_back(std::make_unique<Client>(served.path));
        if (n < 4) clients.back()->ask_for_load();
        clients.back()->ask(n < 4 ? LinkType::load_index : LinkType::status,
                            n < 4 ? sizeof(LinkLoadIndex) : 0);
        if (n >= 4) clients.back()->answered(LinkType::status);
    }
    served.target.wait_for_load();
    Client one_more(served.path);
    assert_true(one_more.is_closed());
    served.target.hurry();
    served.target.go_on();
    for (std::size_t n = 0; n < 4; ++n) {
        clients[n]->answered(LinkType::load_index);
        clients[n]->answered(LinkType::load_index);
    }
}

void it_stops_with_loads_that_wait(void**) {
    TwoLoads two;
    auto stopped = std::async(std::launch::async, [&] { two.socket.reset(); });
    two.target.hurry();
    two.target.go_on();
    stopped.get();
    struct stat gone;
    assert_int_equal(stat(two.path.c_str(), &gone), -1);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(others_are_answered_while_an_index_loads),
        cmocka_unit_test(loads_come_one_after_the_other),
        cmocka_unit_test(who_left_meanwhile_harms_nobody),
        cmocka_unit_test(a_load_of_another_size_is_refused_and_closed),
        cmocka_unit_test(connections_under_way_count),
        cmocka_unit_test(it_stops_with_loads_that_wait),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
