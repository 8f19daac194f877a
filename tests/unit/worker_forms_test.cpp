// Known files in the forms uploads take, through the whole line.
#include "tests/support/base64_text.h"
#include "tests/support/brotli.h"
#include "tests/support/compressed.h"
#include "tests/support/every_split.h"
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"
#include "tests/support/worker_allocations.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::string_view created = "HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n";
const std::string form_type = "Content-Type: multipart/form-data; boundary=AaB03x\r\n";
const std::string last_delimiter = "\r\n--AaB03x--\r\n";

int setup(void** state) {
    auto* lab = new Lab();
    lab->use(index_of_contents({known_content(), known_content(300)}));
    lab->connect();
    *state = lab;
    return 0;
}

int teardown(void** state) {
    delete static_cast<Lab*>(*state);
    return 0;
}

Lab& lab_of(void** state) {
    return *static_cast<Lab*>(*state);
}

std::string request(std::string_view method, std::string_view body, std::string_view more) {
    return std::string(method) + " /up HTTP/1.1\r\nHost: files.example\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n" + std::string(more) + "\r\n" + std::string(body);
}

std::string post(std::string_view body) {
    return request("POST", body, form_type);
}

std::string in_http_chunks(std::string_view method, std::string_view body, std::string_view more,
                           std::size_t size) {
    std::string out = std::string(method) +
                      " /up HTTP/1.1\r\nHost: files.example\r\nTransfer-Encoding: chunked\r\n" +
                      std::string(more) + "\r\n";
    for (; !body.empty(); body.remove_prefix(std::min(size, body.size()))) {
        char line[32];
        std::snprintf(line, sizeof line, "%zx\r\n", std::min(size, body.size()));
        out += line + std::string(body.substr(0, size)) + "\r\n";
    }
    return out + "0\r\n\r\n";
}

std::string file_part(std::string_view name, std::string_view content, std::string_view more = "") {
    return "\r\n--AaB03x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" +
           std::string(name) + "\"\r\n" + std::string(more) + "\r\n" + std::string(content);
}

// Parts as file_part() writes them, as one body.
std::string form(std::string_view parts) {
    return std::string(parts.substr(2)) + last_delimiter;
}

std::string aws_chunks(std::string_view content, std::size_t size) {
    const std::string sign = ";chunk-signature=" + std::string(64, 'a') + "\r\n";
    std::string out;
    for (; !content.empty(); content.remove_prefix(std::min(size, content.size()))) {
        char line[32];
        std::snprintf(line, sizeof line, "%zx", std::min(size, content.size()));
        out += line + sign + std::string(content.substr(0, size)) + "\r\n";
    }
    return out + "0" + sign + "\r\n";
}

std::string aws_fields(std::size_t length) {
    return "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n"
           "x-amz-decoded-content-length: " +
           std::to_string(length) + "\r\n";
}

bool blocked(Lab& lab) {
    lab.step(2000);
    lab.send_ack();
    return lab.storage_reset && lab.client_fin && !lab.client_reset &&
           lab.answer.starts_with("HTTP/1.1 403 ");
}

void expect_blocked(Lab& lab, ObjectForm object_form, std::size_t bytes) {
    assert_true(blocked(lab));
    assert_int_equal(lab.recorder.decided_records.size(), 1);
    assert_int_equal(lab.recorder.decided_records[0].record.form, object_form);
    assert_int_equal(lab.recorder.decided_records[0].record.object_bytes, bytes);
}

void a_clean_form_passes_byte_for_byte(void** state) {
    Lab& lab = lab_of(state);
    const std::string body =
        form(file_part("a", std::string(5000, '.')) + file_part("b", "y\r\n--AaB03 z") +
             "\r\n--AaB03x\r\nContent-Disposition: form-data; name=\"title\"\r\n\r\nholiday");
    const std::string sent = post(body) + in_http_chunks("POST", body, form_type, 700);
    lab.send(sent);
    lab.step(2000);
    assert_string_equal(lab.stored.c_str(), sent.c_str());
    assert_int_equal(lab.count(Outcome::object_clean), 4);
    lab.respond(created);
    lab.respond(created);
    assert_int_equal(lab.worker->kept_bytes(), 0);
}

// However the form is cut into segments: the file is never whole at the storage, its delimiter
// never gets there, and the parts before it have passed.
void a_known_part_is_blocked_wherever_the_form_is_cut(void**) {
    const std::string content = known_content(300);
    const std::string before = file_part("a", "harmless");
    const std::string body = form(before + file_part("b", content) + file_part("c", "never seen"));
    for (const std::string& sent : {post(body), in_http_chunks("POST", body, form_type, 100)}) {
        every_split(as_bytes(sent), [&](const std::vector<Bytes>& segments) {
            Lab lab;
            lab.use(index_of_contents({content}));
            lab.connect();
            for (const Bytes segment : segments)
                lab.send(as_text(segment));
            expect_blocked(lab, ObjectForm::form_part, content.size());
            assert_true(lab.stored.find(content) == std::string::npos);
            assert_true(lab.stored.find("name=\"c\"") == std::string::npos);
        });
    }
}

void a_part_is_held_although_its_delimiter_may_have_begun(void** state) {
    Lab& lab = lab_of(state);
    const std::string content = known_content(300);
    const std::string sent = post(form(file_part("a", content)));
    const std::size_t end = sent.find(content) + content.size();
    lab.options.tail_release_us = 1'000'000;
    lab.send(sent.substr(0, end), 100);
    const std::size_t there = lab.stored.size();
    assert_true(there < end);
    for (std::size_t at = end; at < end + 6; ++at) {  // CR LF - - A a
        lab.send(sent.substr(at, 1));
        assert_true(lab.stored.size() < end);
    }
    lab.send(sent.substr(end + 6));
    expect_blocked(lab, ObjectForm::form_part, content.size());
}

// A known part in the middle of a huge form: the storage is reset at once, the client is heard out
// and answered at the end of its body, however that is framed.
void an_early_match_is_answered_at_the_end_of_the_body(void**) {
    const std::string body = form(file_part("a", "clean") + file_part("b", known_content()) +
                                  file_part("c", std::string(200000, 'z')));
    for (const std::string& sent : {post(body), in_http_chunks("POST", body, form_type, 9000)}) {
        Lab lab;
        lab.use(index_of_contents({known_content()}));
        lab.connect();
        const std::size_t end = sent.find(std::string(100, 'z'));
        lab.send(sent.substr(0, end));
        lab.step(20'000);
        assert_true(lab.storage_reset);
        assert_int_equal(lab.recorder.decided_records.size(), 1);
        assert_string_equal(lab.answer.c_str(), "");
        std::size_t at = end;
        for (; at + 1 < sent.size(); at += 1400) {
            lab.send(sent.substr(at, std::min<std::size_t>(1400, sent.size() - 1 - at)), 1400);
            assert_string_equal(lab.answer.c_str(), "");
        }
        assert_true(lab.stored.find(known_content()) == std::string::npos);
        lab.send(sent.substr(sent.size() - 1));
        lab.step(20'000);
        lab.send_ack();
        assert_true(lab.answer.starts_with("HTTP/1.1 403 "));
        assert_true(lab.client_fin && !lab.client_reset);
        lab.send_ack();
        assert_int_equal(lab.count(Outcome::block_confirmed), 1);
    }
}

// It waits no longer than the client sends, nor beyond the bytes that are drained.
void an_early_match_is_answered_when_the_client_pauses_or_sends_too_much(void**) {
    const std::string sent =
        post(form(file_part("b", known_content()) + file_part("c", std::string(200000, 'z'))));
    const std::size_t end = sent.find(std::string(100, 'z'));
    for (const bool pauses : {true, false}) {
        Options options = lab_options();
        options.drain_bytes_max = 30000;
        Lab lab(options);
        lab.use(index_of_contents({known_content()}));
        lab.connect();
        lab.send(sent.substr(0, end));
        lab.step(20'000);
        assert_string_equal(lab.answer.c_str(), "");
        if (pauses) {
            lab.step(1'900'000);
            assert_string_equal(lab.answer.c_str(), "");
            lab.step(200'000);
        } else {
            lab.send(sent.substr(end, 40000), 1400);
        }
        lab.step(20'000);
        lab.send_ack();
        assert_true(lab.answer.starts_with("HTTP/1.1 403 "));
    }
}

// The client stops where the file does, or where what it sent could still become a delimiter.
void a_form_that_ends_early_gains_nothing(void**) {
    const std::string content = known_content(300) + "\r\n--Aa";
    for (const std::string& known : {known_content(300), content}) {
        for (const bool by_reset : {false, true}) {
            Lab lab;
            lab.use(index_of_contents({known}));
            lab.connect();
            const std::string sent = post(form(file_part("a", content + "and more")));
            const std::size_t end = sent.find(content) + known.size();
            lab.send(sent.substr(0, end), end);
            if (by_reset)
                lab.segment(end, {}, tcp_flag::rst);
            else
                lab.send_fin();
            lab.step(2000);
            assert_int_equal(lab.recorder.decided_records.size(), 1);
            assert_int_equal(lab.recorder.decided_records[0].record.complete, 0);
            assert_true(lab.stored.find(known) == std::string::npos);
        }
    }
}

void parts_after_a_reported_match_are_judged_too(void**) {
    Lab lab;
    const std::string content = known_content(300);
    lab.use(index_of_contents({content, known_content()}, IndicatorKind::sha256,
                              RightsCeiling::report));
    lab.connect();
    const std::string sent = post(
        form(file_part("a", content) + file_part("b", "clean") + file_part("c", known_content())));
    lab.send(sent);
    lab.step(2000);
    assert_string_equal(lab.stored.c_str(), sent.c_str());
    assert_int_equal(lab.count(Outcome::match_reported), 2);
    assert_int_equal(lab.count(Outcome::object_clean), 1);
}

void two_forms_on_one_connection(void** state) {
    Lab& lab = lab_of(state);
    lab.send(post(form(file_part("a", "clean"))));
    lab.respond(created);
    lab.answer.clear();
    lab.send(post(form(file_part("b", known_content()))));
    expect_blocked(lab, ObjectForm::form_part, known_content().size());
}

void a_coded_part_is_known_by_what_it_hides(void** state) {
    Lab& lab = lab_of(state);
    lab.send(post(
        form(file_part("a", base64_of(known_content()), "Content-Transfer-Encoding: base64\r\n"))));
    expect_blocked(lab, ObjectForm::decoded, known_content().size());
    assert_true(lab.stored.find(base64_of(known_content())) == std::string::npos);
}

void a_plain_field_may_be_the_file(void** state) {
    Lab& lab = lab_of(state);
    lab.send(post(form("\r\n--AaB03x\r\nContent-Disposition: form-data; name=\"blob\"\r\n\r\n" +
                       known_content())));
    expect_blocked(lab, ObjectForm::form_part, known_content().size());
}

void a_nested_part_may_be_the_file(void** state) {
    Lab& lab = lab_of(state);
    lab.send(
        post(form("\r\n--AaB03x\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n"
                  "Content-Disposition: file; filename=\"a\"\r\n\r\n" +
                  known_content() + "\r\n--in--\r\n")));
    expect_blocked(lab, ObjectForm::form_part, known_content().size());
}

// WebDAV stores the body of a PUT as it is, whatever its type; a server of forms would not.
void a_put_with_the_type_of_a_form_is_known_as_it_is_and_by_its_parts(void**) {
    const std::string body = form(file_part("a", known_content()));
    for (const bool whole : {true, false}) {
        Lab lab;
        lab.use(index_of_contents({whole ? body : known_content()}));
        lab.connect();
        lab.send(request("PUT", body, form_type));
        expect_blocked(lab, whole ? ObjectForm::body : ObjectForm::form_part,
                       whole ? body.size() : known_content().size());
        assert_true(lab.stored.find(body) == std::string::npos);
    }
}

// Declared to be a form or chunks, and neither: a server that does not look stores the file.
void a_declared_form_is_no_disguise(void**) {
    for (const std::string& fields : {form_type, aws_fields(3000)}) {
        for (const std::string_view method : {"POST", "PUT"}) {
            Lab lab;
            lab.options.services[0].on_unparsable = UninspectedAction::pass;
            lab.use(index_of_contents({known_content()}));
            lab.connect();
            lab.send(request(method, known_content(), fields));
            expect_blocked(lab, ObjectForm::body, known_content().size());
            assert_true(lab.stored.find(known_content()) == std::string::npos);
        }
    }
}

void a_form_that_servers_read_differently_is_refused(void** state) {
    // A bare LF, or a bare CR, before the second delimiter.
    for (const std::size_t gone : {0u, 1u}) {
        Lab& lab = lab_of(state);
        lab.connect();
        std::string body = form(file_part("a", "clean") + file_part("b", "clean as well"));
        body.erase(body.find("\r\n--AaB03x\r\n") + gone, 1);
        lab.send(post(body));
        lab.step(2000);
        assert_true(lab.answer.starts_with("HTTP/1.1 400 "));
        assert_true(lab.storage_reset);
        assert_int_equal(lab.count(Outcome::form_bad_delimiter), gone + 1);
        assert_true(lab.answer.find("Content-Type: text/plain") != std::string::npos);
    }
}

// A page from elsewhere would see a broken connection, and try again.
void a_refusal_names_the_page_it_answers(void** state) {
    Lab& lab = lab_of(state);
    const std::string origin = "Origin: https://photos.example\r\nUser-Agent: Mozilla/5.0\r\n";
    std::string bad = form(file_part("a", "clean") + file_part("b", "clean as well"));
    bad.erase(bad.find("\r\n--AaB03x\r\n"), 1);
    for (const std::string& body : {form(file_part("a", known_content())), bad}) {
        lab.connect();
        std::string request = post(body);
        request.insert(request.find("\r\n") + 2, origin);
        lab.send(request);
        lab.step(2000);
        assert_true(lab.answer.starts_with("HTTP/1.1 4"));
        assert_true(lab.answer.find("Access-Control-Allow-Origin: https://photos.example\r\n") !=
                    std::string::npos);
        assert_true(lab.answer.find("Content-Type: text/html") != std::string::npos);
    }
}

void observed_forms_pass_and_are_counted(void**) {
    Options options = lab_options();
    options.services[0].mode = ServiceMode::observe;
    Lab lab(options);
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    std::string body = form(file_part("a", "clean") + file_part("b", known_content()));
    body.replace(body.find("\r\n--AaB03x\r\n"), 12, "\r\n--AaB03x?\r\n");
    const std::string sent = post(body) + post(form(file_part("a", known_content())));
    lab.send(sent);
    lab.step(2000);
    assert_string_equal(lab.stored.c_str(), sent.c_str());
    assert_int_equal(lab.count(Outcome::form_bad_delimiter), 1);
    assert_int_equal(lab.count(Outcome::match_observed), 1);
    assert_true(lab.worker->counters().objects[object_class(UninspectedReason::form)].bytes.read() >
                2000);
}

void a_known_payload_of_signed_chunks_is_blocked_wherever_it_is_cut(void**) {
    const std::string content = known_content(300);
    const std::string body = aws_chunks(content, 128);
    for (const std::string& sent : {request("PUT", body, aws_fields(content.size())),
                                    in_http_chunks("PUT", body, aws_fields(content.size()), 150)}) {
        every_split(as_bytes(sent), [&](const std::vector<Bytes>& segments) {
            Lab lab;
            lab.use(index_of_contents({content}));
            lab.connect();
            for (const Bytes segment : segments)
                lab.send(as_text(segment));
            expect_blocked(lab, ObjectForm::aws_chunked, content.size());
            assert_true(lab.stored.find(body.substr(body.size() - 100)) == std::string::npos);
        });
    }
}

void a_clean_payload_passes_and_more_than_declared_is_refused(void** state) {
    Lab& lab = lab_of(state);
    const std::string content(4000, '.');
    const std::string sent = request("PUT", aws_chunks(content, 1000), aws_fields(4000));
    lab.send(sent);
    lab.step(2000);
    assert_string_equal(lab.stored.c_str(), sent.c_str());
    assert_int_equal(lab.count(Outcome::object_clean), 1);
    lab.respond(created);
    lab.answer.clear();
    lab.send(request("PUT", aws_chunks(content, 1000), aws_fields(3999)));
    lab.step(2000);
    assert_true(lab.answer.starts_with("HTTP/1.1 400 "));
    assert_int_equal(lab.count(Outcome::aws_bad_length), 1);
}

// A server that takes what was declared and leaves the rest has the file.
void what_is_declared_of_a_longer_payload_is_looked_up(void** state) {
    Lab& lab = lab_of(state);
    const std::string content = known_content();
    lab.send(request("PUT", aws_chunks(content + "MORE", 5000), aws_fields(content.size())));
    assert_true(blocked(lab));
    assert_true(lab.stored.find(content) == std::string::npos);
}

void a_known_file_in_a_coding_is_blocked_wherever_it_is_cut(void**) {
    const std::string content = known_content(300);
    for (const auto& [name, body] :
         {std::pair<std::string, std::string>{"gzip", gzip_file(content)},
          {"zstd", zstd_file(content)},
          {"br", brotli_file(content)},
          {"gzip, gzip", gzip_file(gzip_file(content))}}) {
        const std::string fields = "Content-Encoding: " + name + "\r\n";
        const std::string sent = request("PUT", body, fields);
        every_split(as_bytes(sent), [&](const std::vector<Bytes>& segments) {
            Lab lab;
            lab.use(index_of_contents({content}));
            lab.connect();
            for (const Bytes segment : segments)
                lab.send(as_text(segment));
            expect_blocked(lab, ObjectForm::decoded, content.size());
            assert_true(lab.stored.find(body) == std::string::npos);
        });
    }
}

// What a server may take for all of it, by its reader: the first of several pieces, a last part
// without the line break at its end.
void what_may_be_all_to_some_readers_is_refused(void** state) {
    const std::string pieces = gzip_file(known_content()) + gzip_file("more");
    std::string open_form = form(file_part("a", known_content() + "\r\n"));
    open_form.resize(open_form.size() - last_delimiter.size());
    for (const std::string& sent :
         {request("PUT", pieces, "Content-Encoding: gzip\r\n"), post(open_form)}) {
        Lab& lab = lab_of(state);
        lab.connect();
        lab.send(sent);
        lab.step(2000);
        assert_true(lab.answer.starts_with("HTTP/1.1 403 "));
    }
}

// Behind padding some readers go on, and some have ended: either may have the known file.
void padding_in_base64_hides_no_known_file(void** state) {
    const std::string text = base64_of(known_content());
    const std::string coded = "Content-Transfer-Encoding: base64\r\n";
    const std::string json = "Content-Type: application/json\r\n";
    for (const std::string& sent : {text.substr(0, 200) + "=" + text.substr(200), text + "=QUJD",
                                    text.substr(0, 202) + "=" + text.substr(202)}) {
        for (const std::string& whole :
             {post(form(file_part("a", sent, coded))), request("POST", sent, ""),
              request("POST", "{\"data\":\"" + sent + "\"}", json)}) {
            Lab& lab = lab_of(state);
            lab.connect();
            lab.send(whole);
            lab.step(2000);
            assert_true(lab.answer.starts_with("HTTP/1.1 403 "));
        }
    }
}

// Stored as it is by servers that leave codings alone: a known .gz, and a file that is none.
void a_known_body_with_a_coding_is_blocked_as_it_is(void**) {
    for (const std::string& known : {gzip_file("harmless"), known_content()}) {
        Lab lab;
        lab.use(index_of_contents({known}));
        lab.connect();
        lab.send(request("PUT", known, "Content-Encoding: gzip\r\n"));
        expect_blocked(lab, ObjectForm::body, known.size());
    }
}

void coded_bodies_pass_without_an_allocation(void** state) {
    Lab& lab = lab_of(state);
    const std::string text(50000, '.');
    const std::string form_text = form(file_part("a", known_content(299)));
    const std::string sent =
        request("PUT", gzip_file(text), "Content-Encoding: gzip\r\n") +
        request("PUT", zstd_file(text), "Content-Encoding: zstd\r\n") +
        request("PUT", brotli_file(text), "Content-Encoding: br\r\n") +
        request("POST", gzip_file(form_text), form_type + "Content-Encoding: gzip\r\n") +
        post(form_text);
    assert_int_equal(allocations_of(&lab, sent, 500), 0);
    assert_int_equal(lab.count(Outcome::object_clean), 3 * 2 + 3 + 1);
}

void a_bomb_is_refused_at_its_limit(void** state) {
    Lab& lab = lab_of(state);
    lab.send(request("PUT", zstd_file(std::string(std::size_t{8} << 20, '\0')),
                     "Content-Encoding: zstd\r\n"));
    lab.step(2000);
    assert_true(lab.answer.starts_with("HTTP/1.1 400 "));
    assert_true(lab.storage_reset);
    assert_int_equal(lab.count(Outcome::coding_limit), 1);
}

// With every decoder taken a coded upload is refused, and a plain one passes.
void no_free_decoder_is_no_bypass(void** state) {
    Lab& lab = lab_of(state);
    const std::string sent =
        request("PUT", zstd_file(known_content()), "Content-Encoding: zstd\r\n");
    for (std::uint32_t n = 0; n < limits::coding_large_blocks; ++n) {
        lab.send(sent.substr(0, sent.size() - 20));
        lab.connect();
    }
    assert_int_equal(lab.count(Outcome::coding_full), 0);
    lab.send(sent);
    lab.step(2000);
    assert_true(lab.answer.starts_with("HTTP/1.1 503 "));
    assert_int_equal(lab.count(Outcome::coding_full), 1);
    lab.connect();
    lab.send(put("/plain", "clean"));
    assert_int_equal(lab.count(Outcome::object_clean), 1);
}

}  // namespace

int main() {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const CMUnitTest tests[] = {
        TEST(a_clean_form_passes_byte_for_byte),
        cmocka_unit_test(a_known_part_is_blocked_wherever_the_form_is_cut),
        TEST(a_part_is_held_although_its_delimiter_may_have_begun),
        cmocka_unit_test(an_early_match_is_answered_at_the_end_of_the_body),
        cmocka_unit_test(an_early_match_is_answered_when_the_client_pauses_or_sends_too_much),
        cmocka_unit_test(a_form_that_ends_early_gains_nothing),
        cmocka_unit_test(parts_after_a_reported_match_are_judged_too),
        TEST(two_forms_on_one_connection),
        TEST(a_coded_part_is_known_by_what_it_hides),
        TEST(a_plain_field_may_be_the_file),
        TEST(a_nested_part_may_be_the_file),
        cmocka_unit_test(a_put_with_the_type_of_a_form_is_known_as_it_is_and_by_its_parts),
        cmocka_unit_test(a_declared_form_is_no_disguise),
        TEST(a_form_that_servers_read_differently_is_refused),
        TEST(a_refusal_names_the_page_it_answers),
        TEST(what_may_be_all_to_some_readers_is_refused),
        TEST(padding_in_base64_hides_no_known_file),
        cmocka_unit_test(observed_forms_pass_and_are_counted),
        cmocka_unit_test(a_known_payload_of_signed_chunks_is_blocked_wherever_it_is_cut),
        TEST(a_clean_payload_passes_and_more_than_declared_is_refused),
        TEST(what_is_declared_of_a_longer_payload_is_looked_up),
        cmocka_unit_test(a_known_file_in_a_coding_is_blocked_wherever_it_is_cut),
        cmocka_unit_test(a_known_body_with_a_coding_is_blocked_as_it_is),
        TEST(coded_bodies_pass_without_an_allocation),
        TEST(a_bomb_is_refused_at_its_limit),
        TEST(no_free_decoder_is_no_bypass),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
