// The tracker of answers: where each ends, what is tolerated of servers and what is not, at every
// split and with input that ends at an unreadable page.
#include "dataplane/http/response.h"

#include <string>

#include "tests/support/cmocka_cpp.h"
#include "tests/support/every_split.h"
#include "tests/support/guard_page.h"

namespace cordon {
namespace {

using Kind = ResponseEvent::Kind;

std::string word_of(const ResponseTracker& tracker, const ResponseEvent& event) {
    const std::string mark = event.unsolicited ? "!" : "";
    const std::string at = "@" + std::to_string(tracker.consumed()) + "|";
    const std::string status = std::to_string(event.status) + mark;
    switch (event.kind) {
        case Kind::interim:
            return "interim " + status + at;
        case Kind::final_head:
            return "final " + status + at;
        case Kind::end:
            return (event.complete ? "end" : "cut") + mark + at;
        case Kind::upgraded:
            return "upgraded " + status + at;
        case Kind::error:
            return "error|";
    }
    return "?";
}

// `kinds`: one letter for each request: o, h (HEAD), c (CONNECT), u (Upgrade); a final 'F' sends a
// FIN at the end.
std::string trace_of(const std::vector<Bytes>& pieces, std::string_view kinds) {
    ResponseTracker tracker;
    tracker.open();
    bool fin = false;
    for (const char kind : kinds) {
        if (kind == 'F') fin = true;
        if (kind == 'o') tracker.expect(MethodKind::other);
        if (kind == 'h') tracker.expect(MethodKind::head);
        if (kind == 'c') tracker.expect(MethodKind::connect);
        if (kind == 'u') tracker.expect(MethodKind::upgrade);
    }
    std::string text;
    ResponseEvent event;
    for (const Bytes piece : pieces) {
        const test::GuardedBytes guarded(piece);
        tracker.feed(guarded.bytes());
        while (tracker.next(&event))
            text += word_of(tracker, event);
    }
    if (fin) tracker.finish();
    while (tracker.next(&event))
        text += word_of(tracker, event);
    return text;
}

void expect_trace(std::string_view stream, std::string_view kinds, const char* expected) {
    test::every_split(as_bytes(stream), [&](const std::vector<Bytes>& pieces) {
        assert_string_equal(trace_of(pieces, kinds).c_str(), expected);
    });
}

void ends_an_answer_of_declared_length(void**) {
    expect_trace("HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nabcHTTP/1.1 204 x\r\n\r\n", "oo",
                 "final 201@43|end@46|final 204@64|end@64|");
    expect_trace("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "o", "final 200@38|end@38|");
}

void ends_a_chunked_answer(void**) {
    expect_trace(
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, Chunked\r\n\r\n"
        "3;sloppy ext = x\r\nabc\r\n2  \r\nde\r\n0\r\nContent-Length: 7\r\n\r\n",
        "o", "final 200@53|end@109|");
}

void ends_an_answer_without_length_at_fin(void**) {
    expect_trace("HTTP/1.1 200 OK\r\n\r\nabc", "o", "final 200@19|");
    expect_trace("HTTP/1.1 200 OK\r\n\r\nabc", "oF", "final 200@19|end@22|");
    expect_trace("HTTP/1.0 200 OK\nServer: x\n\n", "oF", "final 200@27|end@27|");
}

void tells_answers_that_the_connection_cut_short(void**) {
    expect_trace("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nabc", "oF", "final 200@38|cut@41|");
    expect_trace("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nab", "oF",
                 "final 200@47|cut@52|");
    expect_trace("HTTP/1.1 200 OK\r\nA: b", "oF", "error|");
    expect_trace("HTTP/1.1 204 x\r\n\r\n", "ooF", "final 204@18|end@18|");
}

void knows_the_answers_that_have_no_body(void**) {
    expect_trace(
        "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nHTTP/1.1 304 x\r\nContent-Length: 9\r\n\r\n",
        "ho", "final 200@38|end@38|final 304@75|end@75|");
    expect_trace("HTTP/1.1 200 OK\r\n\r\n", "h", "final 200@19|end@19|");
}

void passes_interim_answers_over(void**) {
    expect_trace(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\n"
        "HTTP/1.1 201 x\r\nContent-Length: 0\r\n\r\n",
        "o", "interim 100@25|interim 103@56|final 201@93|end@93|");
}

void leaves_http_after_101_and_connect_2xx(void**) {
    expect_trace("HTTP/1.1 101 Switching\r\nUpgrade: x\r\n\r\n\x81\x05HTTP/9", "u",
                 "upgraded 101@38|");
    expect_trace("HTTP/1.1 200 x\r\nContent-Length: 3\r\n\r\n\x16\x03", "c", "upgraded 200@37|");
    expect_trace("HTTP/1.1 407 x\r\nContent-Length: 1\r\n\r\nz", "c", "final 407@37|end@38|");
}

void follows_an_answer_nobody_asked_for(void**) {
    expect_trace("HTTP/1.1 408 Timeout\r\nContent-Length: 1\r\nConnection: close\r\n\r\nz", "",
                 "final 408!@62|end!@63|");
}

// A server answers more than it was asked when it frames otherwise than we do.
void refuses_what_no_request_asked_for(void**) {
    expect_trace("HTTP/1.1 201 x\r\nContent-Length: 0\r\n\r\n", "", "error|");
    expect_trace("HTTP/1.1 302 x\r\nContent-Length: 0\r\n\r\n", "", "error|");
    expect_trace("HTTP/1.1 404 x\r\nContent-Length: 0\r\n\r\nHTTP/1.1 201 x\r\n\r\n", "o",
                 "final 404@37|end@37|error|");
    for (const char* kinds : {"", "o", "h", "c"})
        expect_trace("HTTP/1.1 101 x\r\nUpgrade: x\r\n\r\n", kinds, "error|");
}

void knows_an_answer_that_nobody_asked_for(void**) {
    for (const char* text : {"HTTP/1.1 201 Created\r\n", "\r\nHTTP/1.0 302 x", "HTTP/1.1 101 x"})
        assert_true(is_unasked_answer(as_bytes(text)));
    for (const char* text :
         {"HTTP/1.1 408 x\r\n", "HTTP/1.1 503", "HTTP/1.1 ", "", "\r\n", "220 x"})
        assert_false(is_unasked_answer(as_bytes(text)));
}

void knows_what_a_request_may_be_answered(void**) {
    const auto kind = [](std::string_view line, std::string_view fields) {
        std::string text(line);
        Head head;
        text += fields;
        head.begin(text.data());
        assert_false(
            head.take_request_line(std::string_view(text).substr(0, line.size())).has_value());
        if (!fields.empty())
            assert_false(
                head.take_field_line(std::string_view(text).substr(line.size())).has_value());
        return method_kind(head);
    };
    assert_true(kind("GET / HTTP/1.1", "") == MethodKind::other);
    assert_true(kind("GET / HTTP/1.1", "Upgrade: h2c") == MethodKind::upgrade);
    assert_true(kind("GET / HTTP/1.0", "Upgrade: h2c") == MethodKind::other);
    assert_true(kind("HEAD / HTTP/1.1", "Upgrade: h2c") == MethodKind::head);
    assert_true(kind("CONNECT a:1 HTTP/1.1", "Upgrade: h2c") == MethodKind::connect);
}

void tolerates_what_does_not_touch_framing(void**) {
    expect_trace("\r\n\nHTTP/1.1 200\nno colon\nA : b\n folded\nContent-length:  2 \n\nok", "o",
                 "final 200@60|end@62|");
    expect_trace("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\nz", "o",
                 "final 200@57|end@58|");
    const std::string longer = "HTTP/1.1 200 " + std::string(300, 'r') +
                               "\r\nA: " + std::string(500, 'v') + "\r\nContent-Length: 1\r\n\r\nz";
    expect_trace(longer, "o",
                 ("final 200@" + std::to_string(longer.size() - 1) + "|end@" +
                  std::to_string(longer.size()) + "|")
                     .c_str());
}

void refuses_what_makes_the_end_doubtful(void**) {
    for (const char* bad :
         {"ICY 200 OK\r\n", "HTTP/2 200\r\n", "HTTP/1.1  200\r\n", "HTTP/1.1 20\r\n",
          "HTTP/1.1 2000\r\n", "HTTP/1.1 099 x\r\n", "HTTP/1.x 200\r\n", "HTTP/1.1\t200 x\r\n",
          " HTTP/1.1 200 OK\r\n", "x", "0\r\n\r\n"}) {
        expect_trace(bad, "o", "error|");
    }
    for (const char* bad :
         {"Content-Length: 1\r\nContent-Length: 2", "Content-Length: 1, 1", "Content-Length: -1",
          "Content-Length:", "Content-Length: 1a", "Content-Length: 9999999999999999999",
          "Content-Length : 1", "Transfer-Encoding: chunked\r\nContent-Length: 1",
          "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked", "Content-Length:\r\n 1",
          "Transfer-Encoding:\r\n\tchunked"}) {
        expect_trace(std::string("HTTP/1.1 200 OK\r\n") + bad + "\r\n\r\n", "o", "error|");
    }
    expect_trace("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "o", "error|");
    expect_trace("HTTP/1.1 200 OK\r\nTransfer-Encoding: " + std::string(200, 'x') + "\r\n\r\n", "o",
                 "error|");
}

void refuses_doubtful_chunks(void**) {
    const std::string head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    for (const char* bad :
         {"1\nz", " 1\r\n", "x\r\n", "10000000000000000\r\n", "0\r\n\n", "0\r\nA: b\n"}) {
        expect_trace(head + bad, "o", "final 200@47|error|");
    }
}

void refuses_an_endless_head(void**) {
    std::string head = "HTTP/1.1 200 OK\r\n";
    while (head.size() <= response_head_bytes_max)
        head += "A: b\r\n";
    assert_string_equal(trace_of({as_bytes(head)}, "o").c_str(), "error|");
    const std::string line = "HTTP/1.1 200 " + std::string(response_head_bytes_max, 'x');
    assert_string_equal(trace_of({as_bytes(line)}, "o").c_str(), "error|");
}

void knows_when_an_answer_has_begun(void**) {
    ResponseTracker tracker;
    ResponseEvent event;
    const auto feed = [&](std::string_view text) {
        tracker.feed(as_bytes(text));
        while (tracker.next(&event)) {}
    };
    assert_true(tracker.idle() && !tracker.final_begun());
    tracker.expect(MethodKind::other);
    assert_false(tracker.idle() || tracker.final_begun());
    feed("H");
    assert_true(tracker.final_begun());
    feed("TTP/1.1 100 Continue\r\n\r\n");
    assert_false(tracker.final_begun());
    feed("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\na");
    assert_true(tracker.final_begun() && !tracker.idle() && tracker.outstanding() == 1);
    feed("bcde");
    assert_true(tracker.idle() && !tracker.final_begun() && tracker.outstanding() == 0);
}

void bounds_the_requests_outstanding(void**) {
    ResponseTracker tracker;
    ResponseEvent event;
    for (std::size_t i = 0; i < limits::pipeline_max; ++i) {
        assert_true(tracker.expect(i == 0 ? MethodKind::head : MethodKind::other));
    }
    assert_true(tracker.full() && !tracker.expect(MethodKind::head));
    tracker.feed(as_bytes("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"));
    while (tracker.next(&event)) {}
    assert_false(tracker.full());
    assert_true(tracker.expect(MethodKind::head) && tracker.full());
}

void knows_when_the_server_will_close(void**) {
    const auto closes = [](std::string_view head) {
        ResponseTracker tracker;
        ResponseEvent event;
        tracker.expect(MethodKind::other);
        tracker.feed(as_bytes(head));
        while (tracker.next(&event)) {}
        return tracker.close_after();
    };
    assert_false(closes("HTTP/1.1 200 x\r\nContent-Length: 0\r\n\r\n"));
    assert_true(closes("HTTP/1.1 200 x\r\nContent-Length: 0\r\nConnection: foo, Close\r\n\r\n"));
    assert_true(closes("HTTP/1.1 200 x\r\n\r\n"));
    assert_true(closes("HTTP/1.0 200 x\r\nContent-Length: 0\r\n\r\n"));
    assert_false(closes("HTTP/1.0 200 x\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n"));
}

void lets_body_bytes_pass_unseen(void**) {
    ResponseTracker tracker;
    ResponseEvent event;
    tracker.expect(MethodKind::other);
    tracker.feed(as_bytes("HTTP/1.1 200 x\r\nContent-Length: 100\r\n\r\nabc"));
    while (tracker.next(&event)) {}
    assert_int_equal(tracker.skippable(), 97);
    tracker.pass_over(97);
    assert_true(tracker.next(&event) && event.kind == Kind::end);
    assert_int_equal(tracker.consumed(), 139);
    assert_int_equal(tracker.skippable(), 0);
}

void recognises_http_in_a_servers_first_bytes(void**) {
    assert_true(http_answer_likeness(as_bytes("HTTP/1.1 200")) == Likeness::yes);
    assert_true(http_answer_likeness(as_bytes("HTT")) == Likeness::maybe);
    assert_true(http_answer_likeness({}) == Likeness::maybe);
    assert_true(http_answer_likeness(as_bytes("\x16\x03")) == Likeness::no);
}

void tells_the_beginning_of_a_message_without_following_it(void**) {
    assert_true(begins_final_answer(as_bytes("HTTP/1.1 201 Created\r\n")));
    assert_true(begins_final_answer(as_bytes("HTTP/1.0 500 \r\n")));
    for (const char* other : {"HTTP/1.1 100 Continue\r\n", "HTTP/1.1 ", "HTTP/1.1", "<html>", ""})
        assert_false(begins_final_answer(as_bytes(other)));
    for (const char* request : {"PUT /a HTTP/1.1", "OPTIONS * HTTP/1.1", "GET http://a/ HTTP/1.1"})
        assert_true(looks_like_request(as_bytes(request)));
    for (const char* other : {"PUT", "PUT ", "{ /a }", " /a", "the quick brown fox", ""})
        assert_false(looks_like_request(as_bytes(other)));
}

void expect_location(std::string_view head, std::string_view expected, std::size_t room_bytes) {
    const std::string stream = "HTTP/1.1 201 Created\r\n" + std::string(head) + "\r\n";
    test::every_split(as_bytes(stream), [&](const std::vector<Bytes>& pieces) {
        std::string room(room_bytes, '?');
        ResponseTracker tracker;
        tracker.expect(MethodKind::head);
        tracker.keep_location(room);
        std::size_t heads = 0;
        ResponseEvent event;
        for (const Bytes piece : pieces) {
            tracker.feed(piece);
            while (tracker.next(&event)) {
                if (event.kind != Kind::final_head) continue;
                ++heads;
                assert_true(tracker.location() == expected);
            }
        }
        assert_int_equal(heads, 1);
    });
}

void keeps_the_one_location_of_a_head(void**) {
    const std::string far = "/" + std::string(200, 'x');
    expect_location("Location: /a\r\n", "/a", 64);
    expect_location("Server: x\r\nLOCATION:/a/b \t\nContent-Length: 3\r\n", "/a/b", 64);
    expect_location("X: " + far + "\r\nLocation: " + far + "\r\nY: " + far + "\r\n", far, 256);
    expect_location("Location: " + far + "\r\n", "", 64);
    expect_location("Location: /a\r\n", "", 0);
    expect_location("Location: /a\r\nLocation: /a\r\n", "", 64);
    expect_location("Location: /a\r\n b\r\n", "", 64);
    expect_location("Location: /a\r\nX: y\r\n z\r\n", "/a", 64);
    expect_location("Location:\r\nContent-Location: /b\r\n", "", 64);
    expect_location("Content-Length: 3\r\n", "", 64);
}

}  // namespace
}  // namespace cordon

int main() {
    using namespace cordon;
    const CMUnitTest tests[] = {
        cmocka_unit_test(ends_an_answer_of_declared_length),
        cmocka_unit_test(keeps_the_one_location_of_a_head),
        cmocka_unit_test(ends_a_chunked_answer),
        cmocka_unit_test(ends_an_answer_without_length_at_fin),
        cmocka_unit_test(tells_answers_that_the_connection_cut_short),
        cmocka_unit_test(knows_the_answers_that_have_no_body),
        cmocka_unit_test(passes_interim_answers_over),
        cmocka_unit_test(leaves_http_after_101_and_connect_2xx),
        cmocka_unit_test(follows_an_answer_nobody_asked_for),
        cmocka_unit_test(refuses_what_no_request_asked_for),
        cmocka_unit_test(knows_an_answer_that_nobody_asked_for),
        cmocka_unit_test(knows_what_a_request_may_be_answered),
        cmocka_unit_test(tolerates_what_does_not_touch_framing),
        cmocka_unit_test(refuses_what_makes_the_end_doubtful),
        cmocka_unit_test(refuses_doubtful_chunks),
        cmocka_unit_test(refuses_an_endless_head),
        cmocka_unit_test(knows_when_an_answer_has_begun),
        cmocka_unit_test(bounds_the_requests_outstanding),
        cmocka_unit_test(knows_when_the_server_will_close),
        cmocka_unit_test(lets_body_bytes_pass_unseen),
        cmocka_unit_test(recognises_http_in_a_servers_first_bytes),
        cmocka_unit_test(tells_the_beginning_of_a_message_without_following_it),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
