// The socket of cordond: lines however they arrive, clients that are slow, rude or too many.

#include "control/daemon/request_server.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <string>

#include "control/daemon/request.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/every_split.h"

using namespace cordon;

namespace {

char directory[] = "/tmp/cordon-server-XXXXXX";
std::string socket_path;
RequestServer* server;
std::uint64_t now_ms;

int setup(void**) {
    if (::mkdtemp(directory) == nullptr) return -1;
    socket_path = std::string(directory) + "/cordond.sock";
    return 0;
}

int teardown(void**) {
    ::unlink(socket_path.c_str());
    return ::rmdir(directory);
}

int start(void**) {
    now_ms = 1000;
    Result<RequestServer> listening = RequestServer::listen(socket_path, 3);
    if (!listening) return -1;
    server = new RequestServer(std::move(*listening));
    return 0;
}

int stop(void**) {
    delete server;
    return 0;
}

int connect_client() {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return -1;
    return fd;
}

// What the event loop does, until nothing is ready.
void turn() {
    for (int i = 0; i < 200; ++i) {
        std::vector<pollfd> set;
        server->add_descriptors(&set);
        const int ready = ::poll(set.data(), set.size(), 0);
        server->handle(set, now_ms);
        if (ready == 0) return;
    }
}

void say(int fd, std::string_view text) {
    assert_int_equal(::send(fd, text.data(), text.size(), MSG_NOSIGNAL),
                     static_cast<ssize_t>(text.size()));
}

// What has come, "EOF" behind it when the server closed.
std::string hear(int fd) {
    std::string text;
    char bytes[65536];
    for (;;) {
        const ssize_t got = ::recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (got > 0) {
            text.append(bytes, static_cast<std::size_t>(got));
        } else {
            return got == 0 || errno == ECONNRESET ? text + "EOF" : text;
        }
    }
}

std::string next_line(ClientRequest* request) {
    return server->next(request) ? request->line : "(none)";
}

void answers_a_line_with_a_line(void**) {
    const int fd = connect_client();
    turn();
    say(fd, "{\"request\":\"status\"}\n");
    turn();
    ClientRequest request;
    assert_string_equal(next_line(&request).c_str(), "{\"request\":\"status\"}");
    assert_int_equal(request.uid, ::geteuid());
    server->reply(request.client, "{\"ok\":true}", now_ms);
    assert_string_equal(hear(fd).c_str(), "{\"ok\":true}\n");
    ::close(fd);
    turn();
    assert_int_equal(server->client_count(), 0);
}

void makes_the_socket_for_owner_and_group_only(void**) {
    struct stat s;
    assert_int_equal(::stat(socket_path.c_str(), &s), 0);
    assert_int_equal(s.st_mode & 0777, 0660);
}

void takes_lines_however_they_arrive(void**) {
    test::every_split(as_bytes("one\n\ntwo\r\nthree\n"), [](const std::vector<Bytes>& pieces) {
        LineBuffer buffer;
        std::string all;
        for (const Bytes piece : pieces) {
            assert_true(buffer.feed(piece));
            std::string line;
            while (buffer.next(&line))
                all += "[" + line + "]";
        }
        assert_string_equal(all.c_str(), "[one][][two\r][three]");
        assert_int_equal(buffer.waiting(), 0);
    });
}

void takes_the_next_line_after_the_reply(void**) {
    const int fd = connect_client();
    turn();
    say(fd, "one\ntwo\nthr");
    turn();
    ClientRequest request;
    assert_string_equal(next_line(&request).c_str(), "one");
    turn();
    ClientRequest none;
    assert_false(server->next(&none));
    server->reply(request.client, "1", now_ms);
    assert_string_equal(next_line(&request).c_str(), "two");
    server->reply(request.client, "2", now_ms);
    assert_false(server->next(&none));
    say(fd, "ee\n");
    turn();
    assert_string_equal(next_line(&request).c_str(), "three");
    assert_string_equal(hear(fd).c_str(), "1\n2\n");
    ::close(fd);
}

void cuts_a_client_whose_line_never_ends(void**) {
    const int fd = connect_client();
    turn();
    const std::string long_line(request_line_bytes_max + 1, 'x');
    for (std::size_t at = 0; at < long_line.size(); at += 4096) {
        (void)::send(fd, long_line.data() + at, std::min<std::size_t>(4096, long_line.size() - at),
                     MSG_NOSIGNAL);
        turn();
    }
    const std::string heard = hear(fd);
    assert_true(heard.find("longer than 16 KiB") != std::string::npos);
    assert_true(heard.ends_with("EOF"));
    assert_int_equal(server->client_count(), 0);
    ::close(fd);

    LineBuffer buffer;
    assert_true(buffer.feed(as_bytes(std::string(request_line_bytes_max, 'x') + "\n")));
    assert_false(LineBuffer().feed(as_bytes(long_line)));
}

void serves_others_while_one_does_not_read(void**) {
    const int slow = connect_client();
    const int quick = connect_client();
    turn();
    say(slow, "big\n");
    turn();
    ClientRequest request;
    assert_string_equal(next_line(&request).c_str(), "big");
    const std::string large(4u << 20, 'x');
    server->reply(request.client, large, now_ms);
    turn();
    say(quick, "small\n");
    turn();
    assert_string_equal(next_line(&request).c_str(), "small");
    server->reply(request.client, "ok", now_ms);
    assert_string_equal(hear(quick).c_str(), "ok\n");

    // The slow one gets all of it when it reads at last.
    std::string heard;
    for (int i = 0; i < 1000 && heard.size() < large.size() + 1; ++i) {
        heard += hear(slow);
        turn();
    }
    assert_int_equal(heard.size(), large.size() + 1);
    ::close(slow);
    ::close(quick);
}

void closes_a_client_that_never_reads(void**) {
    const int fd = connect_client();
    turn();
    say(fd, "big\n");
    turn();
    ClientRequest request;
    assert_true(server->next(&request));
    server->reply(request.client, std::string(4u << 20, 'x'), now_ms);
    now_ms += client_write_ms_max;
    turn();
    assert_int_equal(server->client_count(), 1);
    now_ms += 1;
    turn();
    assert_int_equal(server->client_count(), 0);
    ::close(fd);
}

void closes_a_client_that_says_nothing_but_not_one_that_waits(void**) {
    const int idle = connect_client();
    const int waiting = connect_client();
    turn();
    say(waiting, "question\n");
    turn();
    now_ms += client_idle_ms_max + 1;
    turn();
    assert_int_equal(server->client_count(), 1);
    assert_string_equal(hear(idle).c_str(), "EOF");
    ClientRequest request;
    assert_true(server->next(&request));
    server->reply(request.client, "answer", now_ms);
    assert_string_equal(hear(waiting).c_str(), "answer\n");
    ::close(idle);
    ::close(waiting);
}

void refuses_clients_beyond_the_limit(void**) {
    int fds[4];
    for (int& fd : fds) {
        fd = connect_client();
        turn();
    }
    assert_int_equal(server->client_count(), 3);
    const std::string heard = hear(fds[3]);
    assert_true(heard.find("control.clients_max") != std::string::npos);
    assert_true(heard.ends_with("EOF"));
    for (const int fd : fds)
        ::close(fd);
    turn();
    const int again = connect_client();
    turn();
    assert_int_equal(server->client_count(), 1);
    ::close(again);
}

void throws_a_reply_to_nobody_away(void**) {
    const int fd = connect_client();
    turn();
    say(fd, "question\n");
    turn();
    ClientRequest request;
    assert_true(server->next(&request));
    ::close(fd);
    turn();
    assert_int_equal(server->client_count(), 0);
    server->reply(request.client, "answer", now_ms);
    server->reply(4711, "answer", now_ms);
}

void shortens_an_answer_that_is_too_long_to_an_error(void**) {
    const int fd = connect_client();
    turn();
    say(fd, "question\n");
    turn();
    ClientRequest request;
    assert_true(server->next(&request));
    server->reply(request.client, std::string(reply_bytes_max + 1, 'x'), now_ms);
    assert_true(hear(fd).find("the answer is too long") != std::string::npos);
    ::close(fd);
}

void reads_the_fields_of_a_request(void**) {
    Request request = *Request::parse("{\"request\":\"a\",\"limit\":5,\"service\":\"x\"}");
    assert_string_equal(request.name().c_str(), "a");
    assert_int_equal(request.number("limit", 1, 10), 5);
    assert_int_equal(request.number("before", 7, 10), 7);
    assert_string_equal(request.text("service").c_str(), "x");
    assert_true(request.check().has_value());
}

void refuses_requests_that_are_none(void**) {
    const char* wrong[] = {"",
                           "x",
                           "5",
                           "[]",
                           "{}",
                           "{\"request\":5}",
                           "{\"request\":\"a\"",
                           "\"request\"",
                           "null",
                           "{\"request\":\"a\"}{}"};
    for (const char* line : wrong) {
        const Result<Request> request = Request::parse(line);
        assert_false(request.has_value());
        assert_int_equal(request.error().code, ErrorCode::usage);
    }
    const std::string deep = std::string(8000, '[') + std::string(8000, ']');
    assert_false(Request::parse(deep).has_value());
}

void refuses_fields_that_do_not_fit(void**) {
    const char* wrong[] = {
        "{\"request\":\"a\",\"limit\":-1}",    "{\"request\":\"a\",\"limit\":11}",
        "{\"request\":\"a\",\"limit\":\"5\"}", "{\"request\":\"a\",\"limit\":1.5}",
        "{\"request\":\"a\",\"limit\":null}",  "{\"request\":\"a\",\"limt\":5}"};
    for (const char* line : wrong) {
        Request request = *Request::parse(line);
        assert_int_equal(request.number("limit", 3, 10), 3);
        const Result<void> checked = request.check();
        assert_false(checked.has_value());
        assert_int_equal(checked.error().code, ErrorCode::usage);
    }
    Request request =
        *Request::parse("{\"request\":\"a\",\"x\":\"" + std::string(1025, 'y') + "\"}");
    assert_string_equal(request.text("x", "default").c_str(), "default");
    assert_false(request.check().has_value());
}

void names_every_error_code(void**) {
    for (int code = 1; code <= static_cast<int>(ErrorCode::io); ++code) {
        assert_string_not_equal(error_name(static_cast<ErrorCode>(code)), "unknown");
    }
}

}  // namespace

int main() {
#define with_server(test) cmocka_unit_test_setup_teardown(test, start, stop)
    const CMUnitTest tests[] = {
        with_server(answers_a_line_with_a_line),
        with_server(makes_the_socket_for_owner_and_group_only),
        cmocka_unit_test(takes_lines_however_they_arrive),
        with_server(takes_the_next_line_after_the_reply),
        with_server(cuts_a_client_whose_line_never_ends),
        with_server(serves_others_while_one_does_not_read),
        with_server(closes_a_client_that_never_reads),
        with_server(closes_a_client_that_says_nothing_but_not_one_that_waits),
        with_server(refuses_clients_beyond_the_limit),
        with_server(throws_a_reply_to_nobody_away),
        with_server(shortens_an_answer_that_is_too_long_to_an_error),
        cmocka_unit_test(reads_the_fields_of_a_request),
        cmocka_unit_test(refuses_requests_that_are_none),
        cmocka_unit_test(refuses_fields_that_do_not_fit),
        cmocka_unit_test(names_every_error_code),
    };
    return cmocka_run_group_tests_name("request_server", tests, setup, teardown);
}
