// The request parser: every refusal by name, every form of framing, at every split and with input
// and head storage that end at an unreadable page.
#include "dataplane/http/message.h"

#include <string>

#include "tests/support/cmocka_cpp.h"
#include "tests/support/every_split.h"
#include "tests/support/guard_page.h"

namespace cordon {
namespace {

using Kind = RequestEvent::Kind;

std::string_view outcome_name(Outcome o) {
    return outcome_table[static_cast<std::size_t>(o)].name;
}

// What happened, as text: "head PUT /x @34|body abc|end @37|". Body runs that touch are one.
class Trace {
  public:
    void add(const RequestParser& parser, const RequestEvent& event) {
        const std::string at = " @" + std::to_string(parser.consumed()) + "|";
        if (event.kind == Kind::body) {
            if (!in_body_) text_ += "body ";
            in_body_ = true;
            text_ += as_text(event.body);
            return;
        }
        if (in_body_) text_ += "|";
        in_body_ = false;
        if (event.kind == Kind::head) {
            text_ += "head ";
            text_ += parser.head().method;
            text_ += " ";
            text_ += parser.head().target;
            text_ += at;
        }
        if (event.kind == Kind::end) text_ += "end" + at;
        if (event.kind == Kind::error) text_ += std::string(outcome_name(event.outcome)) + "|";
        if (event.kind == Kind::not_http) text_ += "not_http|";
        if (event.kind == Kind::tls) text_ += "tls|";
    }
    const std::string& text() const { return text_; }

  private:
    std::string text_;
    bool in_body_ = false;
};

std::string trace_of(const std::vector<Bytes>& pieces, bool first = true) {
    const std::string room(limits::head_bytes_max, '\0');
    test::GuardedBytes storage(as_bytes(room));
    RequestParser parser;
    parser.open(storage.mutable_bytes(), first);
    Trace trace;
    RequestEvent event;
    for (const Bytes piece : pieces) {
        const test::GuardedBytes guarded(piece);
        parser.feed(guarded.bytes());
        while (parser.next(&event))
            trace.add(parser, event);
    }
    return trace.text();
}

void expect_trace(std::string_view stream, const std::string& expected, bool first = true) {
    test::every_split(as_bytes(stream), [&](const std::vector<Bytes>& pieces) {
        assert_string_equal(trace_of(pieces, first).c_str(), expected.c_str());
    });
}

// A request whose head is refused, after the request line and Host.
void expect_field_refused(const std::string& fields, std::string_view outcome) {
    expect_trace("PUT /x HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n\r\n",
                 std::string(outcome) + "|");
}

void expect_chunks_refused(const std::string& chunks, std::string_view outcome,
                           const std::string& before = "") {
    expect_trace("PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks,
                 "head PUT /x @56|" + before + std::string(outcome) + "|");
}

void expect_first_line_refused(std::string_view line, std::string_view outcome) {
    expect_trace(std::string(line) + "\r\nHost: a\r\n\r\n", std::string(outcome) + "|");
}

// --- what is accepted ---------------------------------------------------------------------------

void gives_head_body_and_end_of_a_declared_length(void**) {
    expect_trace("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
                 "head PUT /x @47|body abc|end @50|");
}

void ends_a_message_without_body_after_its_head(void**) {
    expect_trace("GET /x HTTP/1.1\r\nHost: a\r\n\r\nDELETE /y HTTP/1.0\r\n\r\n",
                 "head GET /x @28|end @28|head DELETE /y @50|end @50|");
}

void ends_an_empty_declared_body_after_its_head(void**) {
    expect_trace("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
                 "head PUT /x @47|end @47|");
}

void takes_the_framing_off_chunks(void**) {
    expect_trace(
        "POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n0A;n=v;q=\"a;\\\"b\";e\r\n0123456789\r\n0\r\n\r\n",
        "head POST /x @57|body abc0123456789|end @102|");
}

void takes_trailers_and_the_next_request_after_them(void**) {
    expect_trace(
        "PUT /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
        "1\r\nz\r\n000\r\nX-Amz-Checksum: q\r\nA:\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        "head PUT /x @56|body z|end @92|head GET / @119|end @119|");
}

void keeps_many_requests_on_one_connection_apart(void**) {
    expect_trace(
        "PUT /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nA"
        "PUT /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nBC",
        "head PUT /1 @47|body A|end @48|head PUT /2 @95|body BC|end @97|");
}

void takes_a_fake_request_in_a_body_as_body(void**) {
    expect_trace(
        "PUT /x HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 18\r\n\r\n"
        "GET / HTTP/1.1\r\n\r\n",
        "head PUT /x @70|body GET / HTTP/1.1\r\n\r\n|end @88|");
}

void accepts_a_few_empty_lines_before_a_request(void**) {
    expect_trace("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
                 "head GET / @31|end @31|head GET / @60|end @60|");
}

void accepts_all_target_forms(void**) {
    expect_trace("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", "head OPTIONS * @31|end @31|");
    expect_trace("PUT http://b/x HTTP/1.1\r\nHost: a\r\n\r\n", "head PUT http://b/x @36|end @36|");
    expect_trace("CONNECT b:1 HTTP/1.1\r\nHost: a\r\n\r\n", "head CONNECT b:1 @33|end @33|");
    expect_trace("PUT /\xc3\xa9%20?a=b# HTTP/1.1\r\nHost: a\r\n\r\n",
                 "head PUT /\xc3\xa9%20?a=b# @37|end @37|");
}

struct Parsed {
    test::GuardedBytes storage{as_bytes(std::string(limits::head_bytes_max, '\0'))};
    RequestParser parser;
    RequestEvent event{};
    bool got = false;
    explicit Parsed(std::string_view text) {
        parser.open(storage.mutable_bytes());
        parser.feed(as_bytes(text));
        got = parser.next(&event);
    }
};

void fills_in_the_head(void**) {
    const Parsed p(
        "PUT http://Far.example:80/a/b?c HTTP/1.1\r\nhost: near:8080\r\nCONTENT-TYPE:  text/x\t\r\n"
        "Expect: 100-Continue\r\nContent-Encoding: gzip\r\nContent-Length: 123456789012345678\r\n"
        "X-Two: 1\r\nConnection: TE, Upgrade\r\nx-two: 2\r\nUpgrade: h2c\r\nEmpty:\r\n\r\n");
    const Head& head = p.parser.head();
    assert_true(p.got && p.event.kind == Kind::head);
    assert_true(head.method == "PUT" && head.target == "http://Far.example:80/a/b?c");
    assert_true(head.host == "Far.example:80");
    assert_true(head.content_type == "text/x" && head.content_encoding == "gzip");
    assert_true(head.framing == Framing::length && head.content_length == 123456789012345678);
    assert_true(head.minor_version == 1 && head.keep_alive && head.expect_continue);
    assert_true(head.upgrade && !head.connect);
    assert_int_equal(head.field_count(), 10);
    assert_true(head.field(5).name == "X-Two" && head.field(5).value == "1");
    assert_true(head.find("X-TWO", 1) == "2" && head.find("empty") == "");
    assert_false(head.find("x-two", 2).has_value() || head.find("x-tw").has_value());
}

void knows_the_wish_to_keep_the_connection(void**) {
    const auto keeps = [](const std::string& start, const std::string& connection) {
        const Parsed p("GET / " + start + "\r\nHost: a\r\n" + connection + "\r\n");
        return p.parser.head().keep_alive;
    };
    assert_true(keeps("HTTP/1.1", "") && !keeps("HTTP/1.0", ""));
    assert_false(keeps("HTTP/1.1", "Connection: TE , Close\r\n"));
    assert_true(keeps("HTTP/1.0", "Connection: Keep-Alive\r\n"));
    assert_false(keeps("HTTP/1.0", "Connection: keep-alive\r\nConnection: close\r\n"));
}

void tells_where_it_stands(void**) {
    std::string room(limits::head_bytes_max, '\0');
    RequestParser parser;
    parser.open({reinterpret_cast<std::uint8_t*>(room.data()), room.size()}, false, 1000);
    RequestEvent event;
    assert_true(parser.between_messages());
    parser.feed(as_bytes("\r\n"));
    assert_false(parser.next(&event));
    assert_true(parser.between_messages());
    parser.feed(as_bytes("P"));
    assert_false(parser.next(&event));
    assert_false(parser.between_messages() || parser.in_body());
    parser.feed(as_bytes("UT / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc"));
    assert_true(parser.next(&event) && event.kind == Kind::head);
    assert_int_equal(parser.consumed(), 1049);
    assert_true(parser.in_body());
    assert_true(parser.next(&event) && event.kind == Kind::body);
    assert_int_equal(parser.consumed(), 1052);
    assert_false(parser.next(&event));
    assert_int_equal(parser.body_remaining(), 7);
    parser.pass_over(7);
    assert_true(parser.in_body());
    assert_true(parser.next(&event) && event.kind == Kind::end);
    assert_int_equal(parser.consumed(), 1059);
    assert_true(parser.between_messages() && !parser.in_body());
}

void skips_within_a_chunk(void**) {
    std::string room(limits::head_bytes_max, '\0');
    RequestParser parser;
    parser.open({reinterpret_cast<std::uint8_t*>(room.data()), room.size()});
    RequestEvent event;
    parser.feed(as_bytes("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nff\r\n"));
    while (parser.next(&event)) {}
    assert_int_equal(parser.skippable(), 255);
    assert_int_equal(parser.body_remaining(), 0);
    parser.pass_over(255);
    assert_false(parser.next(&event));
    assert_int_equal(parser.skippable(), 0);
    parser.feed(as_bytes("\r\n0\r\n\r\n"));
    assert_true(parser.next(&event) && event.kind == Kind::end);
}

void keeps_the_head_readable_during_the_body(void**) {
    Parsed p("PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n12345");
    RequestEvent event;
    while (p.parser.next(&event)) {}
    p.parser.feed(as_bytes("6789GET /other/target HTTP/1.1\r\n"));
    assert_true(p.parser.next(&event) && p.parser.next(&event) && event.kind == Kind::end);
    assert_true(p.parser.head().target == "/x" && p.parser.head().find("host") == "a");
}

// --- what is refused ----------------------------------------------------------------------------

void refuses_bare_line_feeds(void**) {
    expect_trace("GET / HTTP/1.1\nHost: a\r\n\r\n", "http_bare_lf|");
    expect_trace("GET / HTTP/1.1\r\nHost: a\n\r\n", "http_bare_lf|");
    expect_trace("GET / HTTP/1.1\r\nHost: a\r\n\n", "http_bare_lf|");
    expect_trace("\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", "http_bare_lf|");
    expect_chunks_refused("1\nz\r\n0\r\n\r\n", "http_bare_lf");
    expect_chunks_refused("1;a\nz\r\n0\r\n\r\n", "http_bare_lf");
    expect_chunks_refused("1\r\nz\n0\r\n\r\n", "http_bare_lf", "body z|");
    expect_chunks_refused("0\r\n\n", "http_bare_lf");
    expect_chunks_refused("0\r\nA: b\n\r\n", "http_bare_lf");
    expect_chunks_refused("\n1\r\n", "http_bare_lf");
}

void refuses_conflicting_and_repeated_lengths(void**) {
    expect_field_refused("Content-Length: 1\r\nTransfer-Encoding: chunked", "http_both_lengths");
    expect_field_refused("Transfer-Encoding: chunked\r\nContent-Length: 0", "http_both_lengths");
    expect_field_refused("Content-Length: 1\r\nContent-Length: 1", "http_bad_length");
    expect_field_refused("Content-Length: 1\r\ncontent-length: 2", "http_bad_length");
    for (const char* bad : {"1,1", "1, 1", "+1", "-1", "0x1", "", " ", "1 1", "1.0", "a", "01",
                            "00", "1234567890123456789", "18446744073709551616", "\xd9\xa1"}) {
        expect_field_refused(std::string("Content-Length: ") + bad, "http_bad_length");
    }
}

void refuses_codings_other_than_chunked(void**) {
    for (const char* bad : {"gzip", "gzip, chunked", "chunked, chunked", "identity", "Chunked", "",
                            "xchunked", "chunked;a", "\"chunked\"", "chunked,"}) {
        expect_field_refused(std::string("Transfer-Encoding: ") + bad, "http_bad_coding");
    }
    expect_field_refused("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked",
                         "http_bad_coding");
    expect_trace("PUT / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", "http_bad_coding|");
}

void refuses_bad_field_lines(void**) {
    expect_field_refused(" folded", "http_folded_header");
    expect_field_refused("A: b\r\n\tc", "http_folded_header");
    expect_trace("GET / HTTP/1.1\r\n Host: a\r\n\r\n", "http_folded_header|");
    for (const char* bad : {"Content-Length : 1", ": b", "no colon", "A\tB: c", "A(: c",
                            "\xc3\xa9: c", "Content-Length\v: 1", "A\rB: c"}) {
        expect_field_refused(bad, "http_bad_header_name");
    }
    for (const char* bad : {"A: b\rc", "A: b\x01", "A: \x7f", "A: b\r", "A: \x1b[0m"}) {
        expect_field_refused(bad, "http_bad_head");
    }
    expect_field_refused(std::string("A: b\0c", 6), "http_bad_head");
    expect_field_refused(std::string("A\0: b", 5), "http_bad_header_name");
    expect_field_refused("Connection: close, Content-Length", "http_bad_head");
    expect_field_refused("Connection: transfer-encoding", "http_bad_head");
    expect_field_refused("Content-Type: a/b\r\ncontent-type: a/b", "http_bad_head");
}

void refuses_a_missing_repeated_or_malformed_host(void**) {
    expect_trace("GET / HTTP/1.1\r\nA: b\r\n\r\n", "http_bad_host|");
    expect_field_refused("Host: a", "http_bad_host");
    for (const char* bad : {"", "a b", "a,b", "a/b", "u@a", "a:b", "a:123456", "[::1", "[]", "[g]",
                            "[::1]x", ":80", "\xc3\xa9", "a?b", "a#"}) {
        expect_trace(std::string("GET / HTTP/1.1\r\nHost: ") + bad + "\r\n\r\n", "http_bad_host|");
    }
    expect_trace("GET http://u@b/ HTTP/1.1\r\nHost: a\r\n\r\n", "http_bad_host|");
    for (const char* good :
         {"a", "a:80", "a:", "[::1]:80", "[::ffff:1.2.3.4]", "1.2.3.4:5", "a_b"}) {
        const std::string text = std::string("GET / HTTP/1.1\r\nHost: ") + good + "\r\n\r\n";
        const std::string at = std::to_string(text.size());
        expect_trace(text, "head GET / @" + at + "|end @" + at + "|");
    }
}

void refuses_bad_request_lines(void**) {
    for (const char* bad :
         {"GET  / HTTP/1.1", "GET / x HTTP/1.1", "GET /  HTTP/1.1", "GET / HTTP/1.1 ",
          "GET x HTTP/1.1", "GET * HTTP/1.1", "GET /\t HTTP/1.1", "GET /\x7f HTTP/1.1",
          "GET\t/ HTTP/1.1", " GET / HTTP/1.1", "GET /\r HTTP/1.1", "CONNECT / HTTP/1.1",
          "GET 1://a HTTP/1.1"}) {
        expect_first_line_refused(bad, "http_bad_head");
    }
    expect_first_line_refused(std::string_view("GET /\0 HTTP/1.1", 15), "http_bad_head");
    expect_trace("\rGET / HTTP/1.1\r\nHost: a\r\n\r\n", "http_bad_head|");
    expect_trace("\r\n\r\n\r\n\r\n\r\nGET / HTTP/1.1\r\n", "http_bad_head|");
}

void refuses_other_versions(void**) {
    for (const char* bad :
         {"GET / HTTP/1.2", "GET / HTTP/2.0", "GET / HTTP/0.9", "GET / http/1.1", "GET / HTTP/1.10",
          "GET / HTTP/11", "GET / HTTP/1.1x", "GET / HTTP1.1", "GET / HTTP/", "GET /", "GET / "}) {
        expect_first_line_refused(bad, "http_bad_version");
    }
}

void refuses_chunk_size_junk(void**) {
    for (const char* bad :
         {"\r\n", "x\r\n", "0x1\r\nz", "+1\r\n", "-1\r\n", " 1\r\n", "1 \r\n", "1\t\r\n", "1g\r\n",
          "8000000000000000\r\n", "ffffffffffffffff\r\n", "10000000000000000\r\n",
          "00000000000000001\r\n", "1\r\r\n", "1,\r\n", "1\rz", ";a\r\n", "1 ;a\r\n"}) {
        expect_chunks_refused(bad, "http_bad_chunk");
    }
    expect_chunks_refused("1\r\nz0\r\n\r\n", "http_bad_chunk", "body z|");
    expect_chunks_refused("1\r\nz\rx", "http_bad_chunk", "body z|");
    expect_chunks_refused("1\r\nzz\r\n", "http_bad_chunk", "body z|");
    expect_chunks_refused("0\r\n\rx", "http_bad_chunk");
}

void refuses_chunk_extension_junk(void**) {
    for (const char* bad :
         {"1;\r\n", "1;=\r\n", "1;a=\r\n", "1; a\r\n", "1;a =b\r\n", "1;a=b=c\r\n", "1;a=\"b\r\n",
          "1;a=\"b\\\r\n", "1;a=\"b\"c\r\n", "1;a=b\"\r\n", "1;a;;\r\n", "1;a(\r\n", "1;\"a\"\r\n",
          "1;a\x01\r\n", "1;a=\"\x01\"\r\n"}) {
        expect_chunks_refused(bad, "http_bad_chunk");
    }
}

void refuses_framing_fields_and_junk_in_trailers(void**) {
    for (const char* bad : {"Content-Length: 1", "transfer-encoding: chunked", "HOST: b",
                            "Content-Encoding: gzip", "Trailer: x", "Content-Range: x"}) {
        expect_chunks_refused(std::string("0\r\n") + bad + "\r\n\r\n", "http_bad_chunk");
    }
    expect_chunks_refused("0\r\nA: b\x01\r\n\r\n", "http_bad_chunk");
    expect_chunks_refused("0\r\nA: b\r\n c\r\n\r\n", "http_folded_header");
    expect_chunks_refused("0\r\nA : b\r\n\r\n", "http_bad_header_name");
    expect_chunks_refused("0\r\n: b\r\n\r\n", "http_bad_header_name");
    expect_chunks_refused("0\r\nA\r\n\r\n", "http_bad_header_name");
}

// --- limits -------------------------------------------------------------------------------------

std::string whole(const std::string& stream) {
    return trace_of({as_bytes(stream)});
}

void refuses_heads_beyond_the_limit_and_accepts_those_at_it(void**) {
    const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nA: ";
    const std::string fits = start + std::string(limits::head_bytes_max - start.size() - 4, 'x');
    assert_string_equal(whole(fits + "\r\n\r\n").c_str(), "head GET / @16384|end @16384|");
    assert_string_equal(whole(fits + "x\r\n\r\n").c_str(), "http_head_too_long|");
    assert_string_equal(whole("GET /" + std::string(20000, 'x')).c_str(), "http_head_too_long|");
}

void refuses_more_fields_than_the_limit(void**) {
    std::string text = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (std::size_t i = 1; i < limits::headers_max; ++i)
        text += "A: b\r\n";
    assert_non_null(std::strstr(whole(text + "\r\n").c_str(), "end @"));
    assert_string_equal(whole(text + "A: b\r\n\r\n").c_str(), "http_head_too_long|");
}

void refuses_long_chunk_lines_and_trailers(void**) {
    const std::string head = "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n";
    const auto extension = [&](std::size_t line) {
        return head + "0;" + std::string(line - 4, 'x') + "\r\n\r\n";
    };
    assert_non_null(std::strstr(whole(extension(limits::chunk_line_bytes_max)).c_str(), "end @"));
    assert_non_null(std::strstr(whole(extension(limits::chunk_line_bytes_max + 1)).c_str(),
                                "http_chunk_too_long|"));
    const auto trailer = [&](std::size_t bytes) {
        return head + "0\r\nA:" + std::string(bytes - 6, 'x') + "\r\n\r\n";
    };
    assert_non_null(std::strstr(whole(trailer(limits::trailer_bytes_max)).c_str(), "end @"));
    assert_non_null(
        std::strstr(whole(trailer(limits::trailer_bytes_max + 1)).c_str(), "http_chunk_too_long|"));
}

// --- other protocols ----------------------------------------------------------------------------

void classes_tls_and_other_protocols_on_the_first_message(void**) {
    expect_trace(std::string_view("\x16\x03\x01\x02\x00", 5), "tls|");
    expect_trace("\x16\x04", "not_http|");
    expect_trace("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "not_http|");
    expect_trace("SSH-2.0-OpenSSH_9.2\r\n", "not_http|");
    expect_trace("EHLO mail.example\r\n", "not_http|");
    expect_trace("*1\r\n$4\r\nPING\r\n", "not_http|");
    expect_trace(std::string_view("\0\0\0\x01", 4), "not_http|");
    expect_trace("\x80 line of another protocol\r\n", "not_http|");
    expect_trace("\r\n\x80", "http_bad_head|");
}

// Where another protocol would pass, a line that a server might still take for a request must not:
// it waits for its end.
void takes_a_disguised_request_for_no_other_protocol(void**) {
    const std::string long_word(300, 'A');
    expect_trace(long_word + "\r\n", "not_http|");
    expect_trace(long_word + " / HTTP/1.1\r\n", "http_bad_head|");
    expect_trace("\x80 / HTTP/1.1\r\n", "http_bad_head|");
    expect_trace("\x80/HTTP/1.1\r\n", "http_bad_head|");
    expect_trace("(" + long_word, "http_bad_head|");
    expect_trace("PROXY TCP4 1.2.3.4 1.2.3.4 1 1\r\n", "http_bad_head|");
}

void makes_other_protocols_an_error_on_later_messages(void**) {
    expect_trace("GET / HTTP/1.1\r\nHost: a\r\n\r\n\x16\x03\x01",
                 "head GET / @27|end @27|http_bad_head|");
    expect_trace("\x80", "http_bad_head|", false);
    expect_trace(std::string(33, 'A'), "http_bad_head|", false);
    expect_trace("PRI * HTTP/2.0\r\n\r\n", "http_bad_head|", false);
}

void bytes_within_a_body_are_taken_without_an_event(void**) {
    constexpr std::string_view head = "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";
    std::uint8_t storage[1024];
    RequestParser parser;
    parser.open(storage);
    assert_false(parser.feed_inner(as_bytes("PUT ")));
    parser.feed(as_bytes(head));
    RequestEvent event;
    assert_true(parser.next(&event));
    assert_false(parser.feed_inner(as_bytes("abcd")));  // the head is still in hand
    assert_false(parser.next(&event));
    assert_true(parser.feed_inner(as_bytes("abcd")));
    assert_int_equal(parser.consumed(), head.size() + 4);
    assert_int_equal(parser.body_remaining(), 6);
    assert_false(parser.feed_inner(as_bytes("efghij")));  // with the last of them the body ends
    parser.feed(as_bytes("efghij"));
    assert_true(parser.next(&event) && event.kind == RequestEvent::Kind::body);
    assert_false(parser.feed_inner(as_bytes("x")));
    assert_true(parser.next(&event) && event.kind == RequestEvent::Kind::end);
    assert_false(parser.feed_inner(as_bytes("PUT ")));
}

void no_bytes_of_a_chunked_body_are_taken_without_an_event(void**) {
    std::uint8_t storage[1024];
    RequestParser parser;
    parser.open(storage);
    parser.feed(as_bytes("PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\na\r\n"));
    RequestEvent event;
    while (parser.next(&event)) {}
    assert_true(parser.in_body());
    assert_false(parser.feed_inner(as_bytes("abcd")));
}

void gives_nothing_more_after_an_error(void**) {
    Parsed p("GET / HTTP/1.1\n");
    assert_true(p.event.kind == Kind::error && p.parser.stopped());
    RequestEvent event;
    assert_false(p.parser.next(&event));
    p.parser.feed(as_bytes("GET / HTTP/1.1\r\nHost: a\r\n\r\n"));
    assert_false(p.parser.next(&event));
    assert_false(p.parser.between_messages() || p.parser.in_body());
}

}  // namespace
}  // namespace cordon

int main() {
    using namespace cordon;
    const CMUnitTest tests[] = {
        cmocka_unit_test(gives_head_body_and_end_of_a_declared_length),
        cmocka_unit_test(ends_a_message_without_body_after_its_head),
        cmocka_unit_test(ends_an_empty_declared_body_after_its_head),
        cmocka_unit_test(takes_the_framing_off_chunks),
        cmocka_unit_test(takes_trailers_and_the_next_request_after_them),
        cmocka_unit_test(keeps_many_requests_on_one_connection_apart),
        cmocka_unit_test(takes_a_fake_request_in_a_body_as_body),
        cmocka_unit_test(accepts_a_few_empty_lines_before_a_request),
        cmocka_unit_test(accepts_all_target_forms),
        cmocka_unit_test(fills_in_the_head),
        cmocka_unit_test(knows_the_wish_to_keep_the_connection),
        cmocka_unit_test(tells_where_it_stands),
        cmocka_unit_test(skips_within_a_chunk),
        cmocka_unit_test(keeps_the_head_readable_during_the_body),
        cmocka_unit_test(refuses_bare_line_feeds),
        cmocka_unit_test(refuses_conflicting_and_repeated_lengths),
        cmocka_unit_test(refuses_codings_other_than_chunked),
        cmocka_unit_test(refuses_bad_field_lines),
        cmocka_unit_test(refuses_a_missing_repeated_or_malformed_host),
        cmocka_unit_test(refuses_bad_request_lines),
        cmocka_unit_test(refuses_other_versions),
        cmocka_unit_test(refuses_chunk_size_junk),
        cmocka_unit_test(refuses_chunk_extension_junk),
        cmocka_unit_test(refuses_framing_fields_and_junk_in_trailers),
        cmocka_unit_test(refuses_heads_beyond_the_limit_and_accepts_those_at_it),
        cmocka_unit_test(refuses_more_fields_than_the_limit),
        cmocka_unit_test(refuses_long_chunk_lines_and_trailers),
        cmocka_unit_test(classes_tls_and_other_protocols_on_the_first_message),
        cmocka_unit_test(takes_a_disguised_request_for_no_other_protocol),
        cmocka_unit_test(makes_other_protocols_an_error_on_later_messages),
        cmocka_unit_test(bytes_within_a_body_are_taken_without_an_event),
        cmocka_unit_test(no_bytes_of_a_chunked_body_are_taken_without_an_event),
        cmocka_unit_test(gives_nothing_more_after_an_error),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
