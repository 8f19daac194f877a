// The frames of the control socket: what is answered, and what closes the connection.
#include "dataplane/shell/link_frames.h"

#include <algorithm>
#include <cstring>
#include <vector>

#include "tests/support/cmocka_cpp.h"
#include "tests/support/guard_page.h"

using namespace cordon;

namespace {

class FakeTarget final : public LinkTarget {
  public:
    void status(LinkStatus* status) override {
        *status = {};
        status->generation = 42;
    }
    void counters(LinkCounters* counters) override {
        *counters = {};
        counters->received[1].bytes = 77;
    }
    void unlisted(LinkUnlisted* unlisted) override {
        *unlisted = {};
        unlisted->count = 3;
    }
    Result<void> load_index(const std::string& path) override {
        loaded = path;
        if (refuse) return failure(ErrorCode::integrity, "the index is damaged");
        return {};
    }
    Result<void> set_mode(std::string_view service, ServiceMode mode,
                          std::uint64_t until) override {
        changed = service;
        changed_mode = mode;
        changed_until = until;
        return {};
    }
    void distrust(std::string_view why) override { distrusted = why; }

    bool refuse = false;
    std::string distrusted;
    std::string loaded;
    std::string changed;
    ServiceMode changed_mode = ServiceMode::enforce;
    std::uint64_t changed_until = 0;
};

struct Asked {
    LinkHeader header;
    std::vector<std::uint8_t> payload;
    bool close;
};

Asked ask(LinkTarget& target, Bytes request) {
    std::vector<std::uint8_t> answer(link_frame_max);
    const LinkAnswer written = handle_frame(request, target, answer);
    Asked asked{};
    assert_true(written.length >= sizeof asked.header && written.length <= link_frame_max);
    std::memcpy(&asked.header, answer.data(), sizeof asked.header);
    assert_int_equal(asked.header.magic, link_magic);
    assert_int_equal(asked.header.length, written.length - sizeof asked.header);
    asked.payload.assign(answer.begin() + sizeof asked.header,
                         answer.begin() + static_cast<std::ptrdiff_t>(written.length));
    asked.close = written.close;
    return asked;
}

std::vector<std::uint8_t> frame(LinkType type, Bytes payload = {}) {
    std::vector<std::uint8_t> bytes(sizeof(LinkHeader) + payload.size());
    const LinkHeader header{link_magic, link_version, type,
                            static_cast<std::uint32_t>(payload.size()), 0};
    std::memcpy(bytes.data(), &header, sizeof header);
    std::copy(payload.begin(), payload.end(), bytes.begin() + sizeof header);
    return bytes;
}

template <typename T>
Bytes bytes_of(const T& value) {
    return {reinterpret_cast<const std::uint8_t*>(&value), sizeof value};
}

template <typename T>
T payload_as(const Asked& asked) {
    T value;
    assert_int_equal(asked.payload.size(), sizeof value);
    std::memcpy(&value, asked.payload.data(), sizeof value);
    return value;
}

void assert_error(const Asked& asked, ErrorCode code, bool close) {
    assert_int_equal(asked.header.type, LinkType::error);
    const LinkError error = payload_as<LinkError>(asked);
    assert_int_equal(error.code, code);
    assert_true(std::memchr(error.text, 0, sizeof error.text) != nullptr);
    assert_true(error.text[0] != '\0');
    assert_int_equal(asked.close, close);
}

void answers_each_question_by_its_own_type(void**) {
    FakeTarget target;
    const Asked status = ask(target, frame(LinkType::status));
    assert_int_equal(status.header.type, LinkType::status);
    assert_int_equal(payload_as<LinkStatus>(status).generation, 42);
    const Asked counters = ask(target, frame(LinkType::counters));
    assert_int_equal(payload_as<LinkCounters>(counters).received[1].bytes, 77);
    assert_int_equal(payload_as<LinkUnlisted>(ask(target, frame(LinkType::unlisted))).count, 3);
    assert_false(status.close);
}

void loads_an_index_and_answers_with_the_status_afterwards(void**) {
    FakeTarget target;
    LinkLoadIndex wanted{};
    std::strcpy(wanted.path, "/var/lib/cordon/index");
    const Asked asked = ask(target, frame(LinkType::load_index, bytes_of(wanted)));
    assert_string_equal(target.loaded.c_str(), "/var/lib/cordon/index");
    assert_int_equal(asked.header.type, LinkType::load_index);
    assert_int_equal(payload_as<LinkStatus>(asked).generation, 42);
}

void tells_why_an_index_was_refused_and_keeps_the_connection(void**) {
    FakeTarget target;
    target.refuse = true;
    LinkLoadIndex wanted{};
    std::strcpy(wanted.path, "/damaged");
    assert_error(ask(target, frame(LinkType::load_index, bytes_of(wanted))), ErrorCode::integrity,
                 false);
}

void refuses_a_path_without_end_or_not_absolute(void**) {
    FakeTarget target;
    LinkLoadIndex endless;
    std::memset(&endless, 'a', sizeof endless);
    endless.path[0] = '/';
    assert_error(ask(target, frame(LinkType::load_index, bytes_of(endless))), ErrorCode::usage,
                 false);
    LinkLoadIndex relative{};
    std::strcpy(relative.path, "index");
    assert_error(ask(target, frame(LinkType::load_index, bytes_of(relative))), ErrorCode::usage,
                 false);
    assert_true(target.loaded.empty());
}

void changes_a_mode_with_its_end(void**) {
    FakeTarget target;
    LinkSetMode wanted{};
    std::strcpy(wanted.service, "photos");
    wanted.mode = ServiceMode::bypass;
    wanted.bypass_until_s = 1'900'000'000;
    assert_int_equal(ask(target, frame(LinkType::set_mode, bytes_of(wanted))).header.type,
                     LinkType::set_mode);
    assert_string_equal(target.changed.c_str(), "photos");
    assert_int_equal(target.changed_mode, ServiceMode::bypass);
    assert_int_equal(target.changed_until, 1'900'000'000);
}

void is_distrusted_for_a_reason_only(void**) {
    FakeTarget target;
    LinkDistrust wanted{};
    assert_error(ask(target, frame(LinkType::distrust, bytes_of(wanted))), ErrorCode::usage, false);
    std::memset(wanted.why, 'x', sizeof wanted.why);
    assert_error(ask(target, frame(LinkType::distrust, bytes_of(wanted))), ErrorCode::usage, false);
    assert_true(target.distrusted.empty());
    std::strcpy(wanted.why + 1, " canary passed");
    assert_int_equal(ask(target, frame(LinkType::distrust, bytes_of(wanted))).header.type,
                     LinkType::distrust);
    assert_string_equal(target.distrusted.c_str(), "x canary passed");
}

void refuses_a_mode_that_does_not_exist(void**) {
    FakeTarget target;
    LinkSetMode wanted{};
    std::strcpy(wanted.service, "photos");
    wanted.mode = static_cast<ServiceMode>(3);
    assert_error(ask(target, frame(LinkType::set_mode, bytes_of(wanted))), ErrorCode::usage, false);
    assert_true(target.changed.empty());
}

void closes_on_a_frame_of_another_magic_version_or_type(void**) {
    FakeTarget target;
    auto wrong = frame(LinkType::status);
    wrong[0] ^= 1;
    assert_error(ask(target, wrong), ErrorCode::usage, true);
    wrong = frame(LinkType::status);
    wrong[4] ^= 1;
    assert_error(ask(target, wrong), ErrorCode::usage, true);
    assert_error(ask(target, frame(static_cast<LinkType>(7))), ErrorCode::usage, true);
    assert_error(ask(target, frame(static_cast<LinkType>(0xffff))), ErrorCode::usage, true);
    assert_error(ask(target, frame(LinkType::error)), ErrorCode::usage, true);
}

void closes_on_every_size_but_the_right_one(void**) {
    FakeTarget target;
    LinkLoadIndex wanted{};
    std::strcpy(wanted.path, "/index");
    const auto right = frame(LinkType::load_index, bytes_of(wanted));
    for (std::size_t size = 0; size < right.size(); ++size) {
        // Ends at an unreadable page: nothing behind the frame may be looked at.
        const test::GuardedBytes guarded(Bytes(right).first(size));
        assert_error(ask(target, guarded.bytes()), ErrorCode::usage, true);
    }
    assert_error(ask(target, frame(LinkType::status, bytes_of(wanted))), ErrorCode::usage, true);
    assert_true(target.loaded.empty());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(answers_each_question_by_its_own_type),
        cmocka_unit_test(loads_an_index_and_answers_with_the_status_afterwards),
        cmocka_unit_test(tells_why_an_index_was_refused_and_keeps_the_connection),
        cmocka_unit_test(refuses_a_path_without_end_or_not_absolute),
        cmocka_unit_test(changes_a_mode_with_its_end),
        cmocka_unit_test(is_distrusted_for_a_reason_only),
        cmocka_unit_test(refuses_a_mode_that_does_not_exist),
        cmocka_unit_test(closes_on_a_frame_of_another_magic_version_or_type),
        cmocka_unit_test(closes_on_every_size_but_the_right_one),
    };
    return cmocka_run_group_tests_name("link_frames", tests, nullptr, nullptr);
}
