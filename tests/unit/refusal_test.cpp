// The answers to refused uploads: whole, sized right, in the form of the client, escaped, within
// two segments, and silent about the indicator.
#include "dataplane/http/refusal.h"

#include <array>
#include <string>
#include <vector>

#include "dataplane/http/message.h"
#include "dataplane/http/response.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/guard_page.h"

namespace cordon {
namespace {

constexpr RequestKind kinds[] = {RequestKind::s3, RequestKind::webdav, RequestKind::html,
                                 RequestKind::text, RequestKind::no_body};

// What `look` says of the head of a request with these fields.
template <typename Look>
auto seen_in(const std::string& fields, const std::string& start, Look look) {
    const std::string text = start + " HTTP/1.1\r\nHost: a\r\n" + fields + "\r\n";
    std::string room = text;
    RequestParser parser;
    RequestEvent event;
    parser.open({reinterpret_cast<std::uint8_t*>(room.data()), room.size()});
    parser.feed(as_bytes(text));
    if (!parser.next(&event) || event.kind != RequestEvent::Kind::head) std::abort();
    return look(parser.head());
}

RequestKind kind_of(const std::string& fields, const std::string& start = "PUT /x") {
    return seen_in(fields, start, classify);
}

std::string origin_in(const std::string& fields) {
    return seen_in(fields, "PUT /x", [](const Head& head) { return std::string(origin_of(head)); });
}

void tells_the_kinds_of_clients_apart(void**) {
    const std::string mozilla = "User-Agent: Mozilla/5.0 (X11)\r\n";
    assert_true(kind_of("User-Agent: curl/7.88.1\r\nAccept: */*\r\n") == RequestKind::text);
    assert_true(kind_of("User-Agent: Wget/1.21\r\n") == RequestKind::text);
    assert_true(kind_of("Authorization: AWS4-HMAC-SHA256 Credential=a/b\r\n") == RequestKind::s3);
    assert_true(kind_of("Authorization: AWS a:b\r\n") == RequestKind::s3);
    assert_true(kind_of("X-Amz-Date: x\r\nUser-Agent: rclone/v1\r\n") == RequestKind::s3);
    assert_true(kind_of("", "PUT /k?X-Amz-Credential=a") == RequestKind::s3);
    assert_true(kind_of("User-Agent: rclone/v1.60\r\n") == RequestKind::webdav);
    assert_true(kind_of("User-Agent: cadaver/0.24 neon/0.32.5\r\n") == RequestKind::webdav);
    assert_true(kind_of("Overwrite: T\r\n") == RequestKind::webdav);
    assert_true(kind_of("", "MKCOL /x") == RequestKind::webdav);
    assert_true(kind_of("Accept: text/html,*/*\r\n", "POST /x") == RequestKind::html);
    const std::string form = "Content-Type: multipart/form-data; boundary=x\r\n";
    assert_true(kind_of("User-Agent: curl/7.88.1\r\n" + form, "POST /x") == RequestKind::text);
    assert_true(kind_of(mozilla + form, "POST /x") == RequestKind::html);
    assert_true(kind_of(mozilla) == RequestKind::html);
    assert_true(kind_of("Authorization: AWS a:b\r\n", "HEAD /x") == RequestKind::no_body);
}

RefusalText sample() {
    RefusalText text;
    text.profile = AnswerText::explain;
    text.case_number = "CX-7Q2M-4F9T-1K8Z*";
    text.operator_name = "Example & Sons <Hosting>";
    text.complaint_url = "https://complaints.example/?a=1&b=2";
    text.contact = "abuse@example.net";
    text.legal_basis = "Terms \xc2\xa7 4, \"uploads\"";
    return text;
}

std::string refusal(RequestKind kind, const RefusalText& text) {
    const std::string room(refusal_bytes_max, '\0');
    test::GuardedBytes out(as_bytes(room));
    const std::size_t bytes = write_refusal(out.mutable_bytes(), kind, text);
    return std::string(as_text(out.bytes().first(bytes)));
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

std::string body_of(const std::string& answer) {
    return answer.substr(answer.find("\r\n\r\n") + 4);
}

// One final answer that ends with its last byte: what our own tracker makes of it.
void expect_one_whole_answer(const std::string& answer, unsigned status, bool to_head) {
    ResponseTracker tracker;
    ResponseEvent event;
    tracker.expect(to_head ? MethodKind::head : MethodKind::other);
    tracker.feed(as_bytes(answer));
    assert_true(tracker.next(&event) && event.kind == ResponseEvent::Kind::final_head);
    assert_int_equal(event.status, status);
    assert_true(tracker.close_after());
    assert_true(tracker.next(&event) && event.kind == ResponseEvent::Kind::end);
    assert_int_equal(tracker.consumed(), answer.size());
    assert_true(answer.size() <= refusal_bytes_max);
}

// Tags balance and nest, attributes aside, and every & begins one of the entities that we write.
void expect_well_formed(std::string text) {
    std::vector<std::string> open;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '&') {
            const std::string entity = text.substr(at, text.find(';', at) - at + 1);
            assert_true(entity == "&amp;" || entity == "&lt;" || entity == "&gt;" ||
                        entity == "&quot;" || entity == "&#39;");
        }
        assert_true(text[at] != '>');
        if (text[at] != '<') continue;
        const std::size_t close = text.find('>', at);
        assert_true(close != std::string::npos);
        std::string tag = text.substr(at + 1, close - at - 1);
        at = close;
        if (tag[0] == '?' || tag[0] == '!' || tag.starts_with("meta")) continue;
        tag = tag.substr(0, tag.find(' '));
        if (tag[0] != '/') {
            open.push_back(tag);
            continue;
        }
        assert_true(!open.empty() && open.back() == tag.substr(1));
        open.pop_back();
    }
    assert_true(open.empty());
}

void writes_one_whole_closing_answer_of_every_kind(void**) {
    for (const RequestKind kind : kinds) {
        for (const AnswerText profile : {AnswerText::explain, AnswerText::neutral}) {
            RefusalText text = sample();
            text.profile = profile;
            const std::string answer = refusal(kind, text);
            expect_one_whole_answer(answer, 403, kind == RequestKind::no_body);
            assert_true(
                answer.starts_with("HTTP/1.1 403 Upload refused, case CX-7Q2M-4F9T-1K8Z*\r\n"));
            if (kind == RequestKind::no_body) continue;
            assert_true(has(body_of(answer), "CX-7Q2M-4F9T-1K8Z*"));
            assert_true(has(body_of(answer), "abuse@example.net"));
            if (kind != RequestKind::text) expect_well_formed(body_of(answer));
        }
    }
}

void gives_each_client_the_body_that_it_shows(void**) {
    assert_true(has(refusal(RequestKind::s3, sample()), "Content-Type: application/xml\r\n"));
    assert_true(has(refusal(RequestKind::s3, sample()),
                    "<Error><Code>AccessDenied</Code><Message>This upload"));
    assert_true(has(refusal(RequestKind::webdav, sample()), "<s:message>This upload"));
    assert_true(has(refusal(RequestKind::webdav, sample()), "<d:error xmlns:d=\"DAV:\""));
    assert_true(
        has(refusal(RequestKind::html, sample()), "Content-Type: text/html; charset=utf-8"));
    assert_true(
        has(refusal(RequestKind::text, sample()), "Content-Type: text/plain; charset=utf-8"));
    assert_true(body_of(refusal(RequestKind::no_body, sample())).empty());
}

void explains_facts_means_ground_and_complaint(void**) {
    const std::string body = body_of(refusal(RequestKind::text, sample()));
    assert_true(has(body, "refused by Example & Sons <Hosting>"));
    assert_true(
        has(body, "Automated means were used to detect the match and to take this decision"));
    assert_true(has(body, "Legal basis: Terms \xc2\xa7 4, \"uploads\"."));
    assert_true(has(body, "complain: https://complaints.example/?a=1&b=2"));
    const std::string escaped = body_of(refusal(RequestKind::s3, sample()));
    assert_true(has(escaped, "Example &amp; Sons &lt;Hosting&gt;"));
    assert_true(has(escaped, "&quot;uploads&quot;"));
}

void stays_silent_on_the_reason_when_neutral(void**) {
    RefusalText text = sample();
    text.profile = AnswerText::neutral;
    for (const RequestKind kind : kinds) {
        const std::string answer = refusal(kind, text);
        assert_false(has(answer, "CSAM") || has(answer, "match") || has(answer, "list"));
    }
}

void marks_a_lab_in_head_and_body(void**) {
    RefusalText text = sample();
    text.lab = true;
    for (const RequestKind kind : kinds) {
        const std::string answer = refusal(kind, text);
        assert_true(answer.starts_with("HTTP/1.1 403 LAB Upload refused"));
        if (kind != RequestKind::no_body) assert_true(has(body_of(answer), "LAB: this is a test"));
    }
    assert_false(has(refusal(RequestKind::text, sample()), "LAB"));
}

void lets_no_configured_text_break_out(void**) {
    RefusalText text = sample();
    text.case_number = "A\r\nSet-Cookie: x=1\r\n\r\n<script>";
    text.contact = "</s:message></Message></p><script>'\r\n\x1b";
    for (const RequestKind kind : kinds) {
        const std::string answer = refusal(kind, text);
        expect_one_whole_answer(answer, 403, kind == RequestKind::no_body);
        assert_false(has(answer, "\nSet-Cookie"));
        if (kind != RequestKind::text) expect_well_formed(body_of(answer));
    }
}

void leaves_out_what_does_not_fit(void**) {
    RefusalText text = sample();
    const std::string wide(256, '"');
    text.complaint_url = text.legal_basis = text.operator_name = wide;
    for (const RequestKind kind : kinds) {
        const std::string answer = refusal(kind, text);
        expect_one_whole_answer(answer, 403, kind == RequestKind::no_body);
        if (kind != RequestKind::no_body) assert_true(has(body_of(answer), text.case_number));
    }
    assert_true(has(refusal(RequestKind::s3, text), "abuse@example.net"));
    const std::string huge(500, '&');
    text.contact = huge;
    expect_one_whole_answer(refusal(RequestKind::s3, text), 403, false);
    assert_true(has(body_of(refusal(RequestKind::s3, text)), text.case_number));
    text.case_number = huge;
    expect_one_whole_answer(refusal(RequestKind::html, text), 403, false);
}

void lets_the_page_that_asked_read_the_answer(void**) {
    RefusalText text = sample();
    text.origin = "https://photos.example:8443";
    for (const RequestKind kind : kinds) {
        const std::string answer = refusal(kind, text);
        expect_one_whole_answer(answer, 403, kind == RequestKind::no_body);
        const std::size_t body_at = answer.find("\r\n\r\n");
        const std::size_t named_at =
            answer.find("\r\nAccess-Control-Allow-Origin: https://photos.example:8443\r\n");
        assert_true(named_at < body_at);
        assert_true(answer.find("\r\nAccess-Control-Allow-Credentials: true\r\n") < body_at);
    }
    assert_false(has(refusal(RequestKind::html, sample()), "Access-Control"));
    const std::string longest(origin_bytes_max, 'o');
    text.origin = longest;
    text.complaint_url = text.legal_basis = text.operator_name = longest;
    assert_true(has(refusal(RequestKind::s3, text), text.case_number));
}

void takes_for_an_origin_what_a_browser_sends(void**) {
    for (const std::string plain : {"https://photos.example", "http://10.99.0.2:8080",
                                    "http://[fd99::2]", "null", "moz-extension://a_b-c"}) {
        assert_string_equal(origin_in("Origin: " + plain + "\r\n").c_str(), plain.c_str());
    }
    const std::string host(origin_bytes_max - 8, 'h');
    assert_int_equal(origin_in("Origin: https://" + host + "\r\n").size(), origin_bytes_max);
    for (const std::string& odd :
         {std::string("*"), std::string("photos.example"), std::string("a://b, c://d"),
          std::string("a://b;x"), std::string("a://<b>"), std::string("a://\xc3\xa4"),
          "https://h" + host, std::string("a://b\r\nOrigin: a://b")}) {
        assert_string_equal(origin_in("Origin: " + odd + "\r\n").c_str(), "");
    }
    assert_string_equal(origin_in("").c_str(), "");
}

void answers_without_a_case_number_when_there_is_none(void**) {
    RefusalText text;
    const std::string answer = refusal(RequestKind::text, text);
    assert_true(answer.starts_with("HTTP/1.1 403 Upload refused\r\n"));
    assert_string_equal(body_of(answer).c_str(), "This upload was refused.\n");
}

void writes_errors_of_every_status_and_kind(void**) {
    const std::string room(refusal_bytes_max, '\0');
    for (const ErrorStatus status :
         {ErrorStatus::bad_request, ErrorStatus::head_too_long, ErrorStatus::unavailable}) {
        for (const RequestKind kind : kinds) {
            test::GuardedBytes out(as_bytes(room));
            const std::size_t bytes =
                write_error(out.mutable_bytes(), status, kind, "https://a.example");
            const std::string answer(as_text(out.bytes().first(bytes)));
            assert_true(has(answer, "\r\nAccess-Control-Allow-Origin: https://a.example\r\n"));
            expect_one_whole_answer(answer, static_cast<unsigned>(status),
                                    kind == RequestKind::no_body);
            assert_int_equal(has(answer, "\r\nRetry-After: "), status == ErrorStatus::unavailable);
            assert_false(has(answer, "ase number"));
            if (kind == RequestKind::s3) assert_true(has(answer, "<Error><Code>"));
            if (kind != RequestKind::text) expect_well_formed(body_of(answer));
        }
    }
}

}  // namespace
}  // namespace cordon

int main() {
    using namespace cordon;
    const CMUnitTest tests[] = {
        cmocka_unit_test(tells_the_kinds_of_clients_apart),
        cmocka_unit_test(writes_one_whole_closing_answer_of_every_kind),
        cmocka_unit_test(gives_each_client_the_body_that_it_shows),
        cmocka_unit_test(explains_facts_means_ground_and_complaint),
        cmocka_unit_test(stays_silent_on_the_reason_when_neutral),
        cmocka_unit_test(marks_a_lab_in_head_and_body),
        cmocka_unit_test(lets_no_configured_text_break_out),
        cmocka_unit_test(leaves_out_what_does_not_fit),
        cmocka_unit_test(lets_the_page_that_asked_read_the_answer),
        cmocka_unit_test(takes_for_an_origin_what_a_browser_sends),
        cmocka_unit_test(answers_without_a_case_number_when_there_is_none),
        cmocka_unit_test(writes_errors_of_every_status_and_kind),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
