// Answers of storages through a whole appliance: what is sloppy passes untouched and leaves the
// next request inspected and answerable; what makes its own end doubtful is cut.
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::string_view get = "GET /x HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view head = "HEAD /x HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view connect = "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view upgrade = "GET /x HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n\r\n";

struct Answer {
    std::string_view request;
    std::string_view text;
};

// The connection goes on behind these.
constexpr Answer complete_ones[] = {
    {get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
    {get, "HTTP/1.1 200 OK\nContent-Length: 5\n\nhello"},
    {get, "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello"},
    {get, "\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
    {get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello"},
    {get, "HTTP/1.1 200 OK\r\nX: y\r\n folded\r\nContent-Length: 5\r\n\r\nhello"},
    {get, "HTTP/1.1 200 OK\r\nno colon\r\nContent-Length: 5\r\n\r\nhello"},
    {get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"},
    {get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: Chunked\r\n\r\n5  \r\nhello\r\n0\r\nX: y\r\n\r\n"},
    {get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n1;a=b c\r\nz\r\n0\r\n\r\n"},
    {get, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
    {get,
     "HTTP/1.1 103 x\r\nContent-Length: 9\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
    {get, "HTTP/1.1 204 No Content\r\n\r\n"},
    {get, "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n"},
    {get, "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {get, "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n"},
    {get, "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello"},
    {head, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"},
    {head, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"},
    {head, "HTTP/1.1 200 OK\r\n\r\n"},
    {connect, "HTTP/1.1 405 Not Allowed\r\nContent-Length: 5\r\n\r\nhello"},
    {upgrade, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
    {upgrade, "HTTP/1.1 426 x\r\nUpgrade: TLS/1.0\r\nContent-Length: 0\r\n\r\n"},
};

// They pass, and only the end of the connection ends them.
constexpr Answer open_ones[] = {
    {get, "HTTP/1.1 200 OK\r\n\r\nuntil the end"},
    {get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nuntil the end"},
    {get, "HTTP/1.0 200 OK\r\nServer: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"},
};

constexpr Answer bad_ones[] = {
    {get, "hello"},
    {get, "HTTP/2.0 200 OK\r\n\r\n"},
    {get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"},
    {get, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello"},
    {get, "HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello"},
    {get, "HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello"},
    {get, "HTTP/1.1 200 OK\r\nContent-Length : 5\r\n\r\nhello"},
    {get, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n 0\r\n\r\nhello"},
    {get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n"},
    {get, "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
    {get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\nhello\n0\n\n"},
    {get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0x5\r\nhello\r\n0\r\n\r\n"},
    {get, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhelloxx0\r\n\r\n"},
    {get, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\n\r\n"},
    {head, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"},
    {connect, "HTTP/1.1 101 Switching Protocols\r\n\r\n"},
    // Two answers to one request: the storage saw two.
    {get, "HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\nHTTP/1.1 201 x\r\nContent-Length: 0\r\n\r\n"},
    {get,
     "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"},
};

void answer(Lab& lab, const Answer& one) {
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    lab.send(one.request);
    lab.respond(one.text);
}

void expect_next_inspected(Lab& lab, const Answer& one) {
    lab.answer.clear();
    lab.send(put("/known", known_content()));
    if (!lab.answer.starts_with("HTTP/1.1 403 "))
        fail_msg("behind %s: %s", one.text.data(), lab.answer.c_str());
}

void a_sloppy_answer_passes_and_the_next_request_is_inspected(void**) {
    for (const Answer& one : complete_ones) {
        Lab lab;
        answer(lab, one);
        if (lab.answer != one.text || lab.storage_reset) fail_msg("cut: %s", one.text.data());
        expect_next_inspected(lab, one);
    }
}

// The storage took a body, or what it thought to be behind one, for a request.
void an_answer_to_what_we_saw_no_request_in_is_cut(void**) {
    for (const Answer& one : complete_ones) {
        Lab lab;
        answer(lab, one);
        lab.respond("HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n");
        assert_false(lab.storage_reset);
        lab.answer.clear();
        lab.respond("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
        assert_true(lab.storage_reset && lab.answer.empty());
        assert_int_equal(lab.count(Outcome::http_bad_response), 1);
    }
}

void an_answer_without_end_passes(void**) {
    for (const Answer& one : open_ones) {
        Lab lab;
        answer(lab, one);
        if (lab.answer != one.text || lab.storage_reset) fail_msg("cut: %s", one.text.data());
    }
}

void a_doubtful_answer_is_cut(void**) {
    for (const Answer& one : bad_ones) {
        Lab lab;
        answer(lab, one);
        if (lab.count(Outcome::http_bad_response) != 1 || !lab.storage_reset || !lab.answer.empty())
            fail_msg("passed: %s", one.text.data());
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_sloppy_answer_passes_and_the_next_request_is_inspected),
        cmocka_unit_test(an_answer_to_what_we_saw_no_request_in_is_cut),
        cmocka_unit_test(an_answer_without_end_passes),
        cmocka_unit_test(a_doubtful_answer_is_cut),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
