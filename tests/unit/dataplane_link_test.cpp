// The client of the dataplane's socket, against a server that answers wrongly in every way.

#include "control/link/dataplane_link.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstring>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "control/link/link_json.h"
#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

char directory[] = "/tmp/cordon-link-XXXXXX";
std::string socket_path;

int setup(void**) {
    if (::mkdtemp(directory) == nullptr) return -1;
    socket_path = std::string(directory) + "/dataplane.sock";
    return 0;
}

int teardown(void**) {
    ::unlink(socket_path.c_str());
    return ::rmdir(directory);
}

// Takes one connection, reads one frame, sends what `answer` makes of it, and closes.
class FakeDataplane {
  public:
    using Answer = std::function<LinkPayload(const LinkPayload& request)>;

    explicit FakeDataplane(Answer answer) : answer_(std::move(answer)) {
        ::unlink(socket_path.c_str());
        listener_ = Descriptor(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
        sockaddr_un address = {};
        address.sun_family = AF_UNIX;
        std::strcpy(address.sun_path, socket_path.c_str());
        if (::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
            ::listen(listener_.get(), 4) != 0) {
            std::abort();
        }
        thread_ = std::thread([this] { serve(); });
    }
    ~FakeDataplane() {
        thread_.join();
        ::unlink(socket_path.c_str());
    }

    const LinkPayload& request() const { return request_; }

  private:
    void serve() {
        const Descriptor client(::accept(listener_.get(), nullptr, nullptr));
        request_.resize(link_frame_max);
        const ssize_t got = ::recv(client.get(), request_.data(), request_.size(), 0);
        request_.resize(got < 0 ? 0 : static_cast<std::size_t>(got));
        const LinkPayload answer = answer_(request_);
        if (answer.empty()) {
            // Silence: until the client gives up.
            pollfd gone = {client.get(), POLLIN, 0};
            ::poll(&gone, 1, 5000);
        } else if (answer.size() > 1) {
            (void)::send(client.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
        }  // one byte: close without an answer
    }

    Answer answer_;
    Descriptor listener_;
    LinkPayload request_;
    std::thread thread_;
};

LinkPayload frame(LinkType type, Bytes payload, std::uint32_t magic = link_magic,
                  std::uint16_t version = link_version, int longer = 0) {
    const LinkHeader header = {
        magic, version, type, static_cast<std::uint32_t>(static_cast<int>(payload.size()) + longer),
        0};
    LinkPayload bytes(sizeof header + payload.size());
    std::memcpy(bytes.data(), &header, sizeof header);
    if (!payload.empty()) std::memcpy(bytes.data() + sizeof header, payload.data(), payload.size());
    return bytes;
}

LinkStatus good_status() {
    LinkStatus status = {};
    std::strcpy(status.version, "9.9.9");
    status.generation = 7;
    status.service_count = 1;
    std::strcpy(status.services[0].name, "photos");
    return status;
}

struct Outcome {
    int code;  // of the error, 0: none
    std::string text;
    LinkStatus status;
    LinkPayload request;
};

// What DataplaneLink::status() makes of an answer. The fake is gone when this returns, so that a
// failed assert leaves no thread behind.
Outcome status_after(const LinkPayload& answer, std::uint32_t timeout_ms = 2000) {
    Outcome outcome = {};
    {
        FakeDataplane fake([&](const LinkPayload&) { return answer; });
        const Result<LinkStatus> status = DataplaneLink(socket_path, timeout_ms).status();
        if (status) {
            outcome.status = *status;
        } else {
            outcome.code = static_cast<int>(status.error().code);
            outcome.text = status.error().message();
        }
        outcome.request = fake.request();
    }
    return outcome;
}

void expect_error(const LinkPayload& answer, ErrorCode code, const char* wanted) {
    const Outcome outcome = status_after(answer);
    assert_int_equal(outcome.code, static_cast<int>(code));
    if (outcome.text.find(wanted) == std::string::npos) fail_msg("%s", outcome.text.c_str());
}

void asks_and_takes_an_answer(void**) {
    const LinkStatus status = good_status();
    const Outcome outcome = status_after(frame(LinkType::status, payload_of(status)));
    assert_int_equal(outcome.code, 0);
    assert_int_equal(outcome.status.generation, 7);
    assert_string_equal(outcome.status.services[0].name, "photos");

    LinkHeader header;
    assert_int_equal(outcome.request.size(), sizeof header);
    std::memcpy(&header, outcome.request.data(), sizeof header);
    assert_int_equal(header.magic, link_magic);
    assert_int_equal(header.version, link_version);
    assert_int_equal(header.type, LinkType::status);
    assert_int_equal(header.length, 0);
}

void carries_what_a_request_says(void**) {
    const LinkStatus status = good_status();
    LinkPayload request;
    bool ok = false;
    {
        FakeDataplane fake(
            [&](const LinkPayload&) { return frame(LinkType::set_mode, payload_of(status)); });
        const DataplaneLink link(socket_path, 2000);
        ok = link.set_mode("photos", ServiceMode::bypass, 1234).has_value();
        request = fake.request();
    }
    assert_true(ok);
    LinkSetMode mode;
    assert_int_equal(request.size(), sizeof(LinkHeader) + sizeof mode);
    std::memcpy(&mode, request.data() + sizeof(LinkHeader), sizeof mode);
    assert_string_equal(mode.service, "photos");
    assert_int_equal(mode.mode, ServiceMode::bypass);
    assert_int_equal(mode.bypass_until_s, 1234);
}

void refuses_frames_that_are_too_short(void**) {
    LinkStatus status = good_status();
    const LinkPayload whole = frame(LinkType::status, payload_of(status));
    for (const std::size_t n :
         {std::size_t{2}, sizeof(LinkHeader) - 1, sizeof(LinkHeader), whole.size() - 1}) {
        expect_error(LinkPayload(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(n)),
                     ErrorCode::integrity, "the dataplane");
    }
}

void refuses_wrong_lengths_types_and_versions(void**) {
    const LinkStatus status = good_status();
    const Bytes bytes = payload_of(status);
    expect_error(frame(LinkType::status, bytes, link_magic, link_version, 8), ErrorCode::integrity,
                 "no frame");
    expect_error(frame(LinkType::status, bytes, link_magic, link_version, -8), ErrorCode::integrity,
                 "no frame");
    expect_error(frame(LinkType::status, bytes, 1), ErrorCode::integrity, "no frame");
    expect_error(frame(LinkType::status, bytes, link_magic, 9), ErrorCode::integrity,
                 "another release");
    expect_error(frame(LinkType::counters, bytes), ErrorCode::integrity, "another question");
    expect_error(frame(LinkType::status, bytes.first(bytes.size() - 8)), ErrorCode::integrity,
                 "bytes where");
    expect_error(frame(LinkType::status, {}), ErrorCode::integrity, "0 bytes where");
    LinkPayload longer(bytes.begin(), bytes.end());
    longer.resize(longer.size() + 8);
    expect_error(frame(LinkType::status, longer), ErrorCode::integrity, "bytes where");
    expect_error(LinkPayload(link_frame_max + 1, 0), ErrorCode::integrity, "too long");
}

void bounds_counts_and_texts_of_an_answer(void**) {
    LinkStatus status = good_status();
    status.service_count = 0xffffffff;
    std::memset(status.version, 'v', sizeof status.version);
    std::memset(status.index_error, 'e', sizeof status.index_error);
    for (LinkService& service : status.services)
        std::memset(&service, 0xff, sizeof service);
    const Outcome outcome = status_after(frame(LinkType::status, payload_of(status)));
    assert_int_equal(outcome.code, 0);
    assert_int_equal(outcome.status.service_count, services_max);
    assert_int_equal(std::strlen(outcome.status.version), sizeof status.version - 1);
    assert_int_equal(std::strlen(outcome.status.services[63].name), 31);
    const std::string line = one_line(status_json(outcome.status));
    assert_true(line.find("\"mode\":\"unknown\"") != std::string::npos);

    LinkUnlisted unlisted = {};
    unlisted.count = 1000000;
    assert_int_equal(decode_unlisted(payload_of(unlisted))->count, 64);
}

void hands_on_what_the_dataplane_refused(void**) {
    LinkError error = {static_cast<std::int32_t>(ErrorCode::config), "no such service"};
    expect_error(frame(LinkType::error, payload_of(error)), ErrorCode::config,
                 "the dataplane: no such service");
    error.code = 4711;
    expect_error(frame(LinkType::error, payload_of(error)), ErrorCode::refused, "no such");
    std::memset(error.text, 'x', sizeof error.text);
    expect_error(frame(LinkType::error, payload_of(error)), ErrorCode::refused, "xxx");
    expect_error(frame(LinkType::error, payload_of(error).first(10)), ErrorCode::integrity,
                 "wrong length");
}

void gives_up_when_no_answer_comes(void**) {
    timespec before, after;
    ::clock_gettime(CLOCK_MONOTONIC, &before);
    const Outcome outcome = status_after({}, 150);
    ::clock_gettime(CLOCK_MONOTONIC, &after);
    assert_int_equal(outcome.code, static_cast<int>(ErrorCode::timeout));
    assert_true(outcome.text.find("150 ms") != std::string::npos);
    const long ms =
        (after.tv_sec - before.tv_sec) * 1000 + (after.tv_nsec - before.tv_nsec) / 1000000;
    assert_true(ms >= 140);
}

void says_when_the_connection_is_closed(void**) {
    expect_error(LinkPayload(1), ErrorCode::unreachable, "closed the connection");
}

void says_when_nobody_is_there(void**) {
    const Result<LinkStatus> status = DataplaneLink("/nonexistent/x.sock", 100).status();
    assert_false(status.has_value());
    assert_int_equal(status.error().code, ErrorCode::unreachable);
    assert_true(status.error().message().find("is cordon-dataplane running?") != std::string::npos);
    const std::string overlong(200, 'a');
    assert_int_equal(DataplaneLink("/" + overlong, 100).status().error().code, ErrorCode::usage);
}

void gives_up_when_the_listener_takes_nobody(void**) {
    const Descriptor listener(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, socket_path.c_str());
    assert_int_equal(::bind(listener.get(), reinterpret_cast<sockaddr*>(&address), sizeof address),
                     0);
    assert_int_equal(::listen(listener.get(), 0), 0);
    const DataplaneLink link(socket_path, 50);
    int last = 0;
    for (int i = 0; i < 4; ++i)
        last = static_cast<int>(link.status().error().code);
    assert_int_equal(last, static_cast<int>(ErrorCode::timeout));
}

void refuses_requests_that_do_not_fit(void**) {
    assert_int_equal(make_load_index(std::string(256, 'a')).error().code, ErrorCode::usage);
    assert_true(make_load_index(std::string(255, 'a')).has_value());
    assert_false(make_set_mode(std::string(32, 'a'), ServiceMode::observe, 0).has_value());
}

void adds_the_frame_classes_up_to_the_ports(void**) {
    static LinkCounters counters;
    counters = {};
    counters.received[0] = {10, 1000};
    counters.received[1] = {5, 500};
    counters.frames[0] = {10, 1000};
    counters.frames[frame_class(UninspectedReason::tls)] = {5, 500};
    nlohmann::json coverage = coverage_json(counters);
    assert_true(coverage["sum"]["balanced"].get<bool>());
    assert_int_equal(coverage["frames"].size(), frame_class_count);
    assert_int_equal(coverage["objects"].size(), object_class_count);
    assert_int_equal(coverage["outcomes"].size(), outcome_count);
    counters.frames[0].bytes += 2;
    coverage = coverage_json(counters);
    assert_false(coverage["sum"]["balanced"].get<bool>());
    assert_int_equal(coverage["sum"]["difference"].get<int>(), -2);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(asks_and_takes_an_answer),
        cmocka_unit_test(carries_what_a_request_says),
        cmocka_unit_test(refuses_frames_that_are_too_short),
        cmocka_unit_test(refuses_wrong_lengths_types_and_versions),
        cmocka_unit_test(bounds_counts_and_texts_of_an_answer),
        cmocka_unit_test(hands_on_what_the_dataplane_refused),
        cmocka_unit_test(gives_up_when_no_answer_comes),
        cmocka_unit_test(says_when_the_connection_is_closed),
        cmocka_unit_test(says_when_nobody_is_there),
        cmocka_unit_test(gives_up_when_the_listener_takes_nobody),
        cmocka_unit_test(refuses_requests_that_do_not_fit),
        cmocka_unit_test(adds_the_frame_classes_up_to_the_ports),
    };
    return cmocka_run_group_tests_name("dataplane_link", tests, setup, teardown);
}
