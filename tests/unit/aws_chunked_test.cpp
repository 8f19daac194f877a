// The aws-chunked payload of S3 (signed chunks, trailers), alone and around a form.
#include <memory>

#include "tests/support/body_objects.h"
#include "tests/support/every_split.h"
#include "tests/support/guard_page.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

const std::string unsigned_trailer =
    "X-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\nContent-Encoding: aws-chunked\r\n";
const std::string signed_chunks = "x-amz-content-sha256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD\r\n";

std::string length_of(std::size_t bytes) {
    return "x-amz-decoded-content-length: " + std::to_string(bytes) + "\r\n";
}

std::string chunk(std::string_view data, bool is_signed) {
    char line[160];
    std::snprintf(line, sizeof line, "%zx%s%s\r\n", data.size(),
                  is_signed ? ";chunk-signature=" : "",
                  is_signed ? std::string(64, 'a').c_str() : "");
    return line + std::string(data) + (data.empty() ? "" : "\r\n");
}

std::string chunked(std::string_view content, std::size_t size, bool is_signed,
                    std::string_view trailer = "") {
    std::string out;
    for (; !content.empty(); content.remove_prefix(std::min(size, content.size())))
        out += chunk(content.substr(0, size), is_signed);
    return out + chunk("", is_signed) + std::string(trailer) + "\r\n";
}

BodyObjects seen_at_every_split(std::string_view fields, std::string_view body) {
    const ParsedHead head("PUT", fields, "/bucket/key");
    const std::string whole = objects_of(head.head(), {as_bytes(body)}).trace();
    every_split(as_bytes(body), [&](const std::vector<Bytes>& pieces) {
        std::vector<std::unique_ptr<GuardedBytes>> guarded;
        std::vector<Bytes> copies;
        for (const Bytes piece : pieces) {
            guarded.push_back(std::make_unique<GuardedBytes>(piece));
            copies.push_back(guarded.back()->bytes());
        }
        assert_string_equal(objects_of(head.head(), copies).trace().c_str(), whole.c_str());
    });
    return objects_of(head.head(), {as_bytes(body)});
}

void expect_payload(std::string_view fields, std::string_view body, std::string_view payload) {
    const BodyObjects seen = seen_at_every_split(fields, body);
    assert_false(seen.fault.has_value());
    assert_int_equal(seen.objects.size(), 2);
    assert_true(seen.objects[0].dropped);  // no file begins with the size of a chunk
    assert_true(seen.objects[1].ended);
    assert_string_equal(seen.objects[1].form.c_str(), "aws-chunked");
    assert_string_equal(seen.objects[1].content.c_str(), std::string(payload).c_str());
}

void expect_fault(std::string_view fields, std::string_view body, Outcome outcome) {
    const BodyObjects seen = seen_at_every_split(fields, body);
    assert_true(seen.fault.has_value());
    assert_int_equal(*seen.fault, outcome);
}

void the_payload_is_the_object(void**) {
    const std::string content = "the file\r\n0\r\n\r\nand more of it";
    for (const std::size_t size : {std::size_t{1}, std::size_t{7}, std::size_t{500}}) {
        expect_payload(unsigned_trailer + length_of(content.size()),
                       chunked(content, size, false, "x-amz-checksum-crc32:AAAAAA==\r\n"), content);
        expect_payload(signed_chunks + length_of(content.size()), chunked(content, size, true),
                       content);
        expect_payload("X-Amz-Content-SHA256: STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER\r\n" +
                           length_of(content.size()),
                       chunked(content, size, true,
                               "x-amz-checksum-crc32:AAAAAA==\r\nx-amz-trailer-signature:" +
                                   std::string(64, 'b') + "\r\n"),
                       content);
    }
    // Either sign of it will do, and the length may be missing.
    expect_payload("Content-Encoding: identity, aws-chunked\r\n", chunked(content, 9, true),
                   content);
    expect_payload(signed_chunks, chunked(content, 9, true), content);
}

void an_empty_payload_is_an_empty_object(void**) {
    expect_payload(signed_chunks + length_of(0), chunked("", 9, true), "");
}

void the_last_line_end_may_be_missing(void**) {
    std::string body = chunked("content", 9, true);
    body.resize(body.size() - 2);
    expect_payload(signed_chunks + length_of(7), body, "content");
}

void a_piece_of_an_upload_stays_one(void**) {
    const ParsedHead head("PUT", signed_chunks, "/bucket/key?partNumber=2&uploadId=u");
    const std::string body = chunked("content", 9, true);
    const BodyObjects seen = objects_of(head.head(), {as_bytes(body)});
    assert_string_equal(seen.objects.at(1).form.c_str(), "piece");
    assert_string_equal(seen.objects[1].content.c_str(), "content");
}

void malformed_chunks_are_a_fault(void**) {
    for (const std::string_view body :
         {"the known file, declared to be chunked", "7\ncontent\r\n0\r\n\r\n", "7\r\ncontent",
          "7\r\ncontent\r\n", "7\r\ncontentX\r\n0\r\n\r\n", "7\r\ncontent\r\n0\r\n\r\nmore",
          "-7\r\ncontent\r\n0\r\n\r\n", "10000000000000000\r\n", "7 \r\ncontent\r\n0\r\n\r\n", ""})
        expect_fault(signed_chunks, body, Outcome::aws_bad_chunk);
}

// What is declared to be chunked and is not may be the file all the same.
void a_body_that_is_no_chunks_stays_an_object(void**) {
    const ParsedHead head("PUT", signed_chunks);
    BodyObjects seen(head.head());
    seen.feed(as_bytes("the known"), 0);
    assert_int_equal(*seen.fault, Outcome::aws_bad_chunk);
    seen.give_up();
    seen.feed(as_bytes(" file"), 9);
    seen.finish();
    assert_int_equal(seen.objects.size(), 2);
    assert_string_equal(seen.objects[0].content.c_str(), "the known file");
    assert_true(seen.objects[0].ended);
}

void the_declared_length_is_checked(void**) {
    const std::string body = chunked("content", 3, false);
    expect_fault(unsigned_trailer + length_of(8), body, Outcome::aws_bad_length);
    for (const std::size_t less : {std::size_t{0}, std::size_t{3}, std::size_t{5}, std::size_t{6}})
        expect_fault(unsigned_trailer + length_of(less), body, Outcome::aws_bad_length);
    for (const std::string_view bad : {"x", "-1", "7,7", "99999999999999999999", "7 7"})
        expect_fault(
            unsigned_trailer + "x-amz-decoded-content-length: " + std::string(bad) + "\r\n", body,
            Outcome::aws_bad_length);
}

// A server may store the declared bytes and ignore the rest.
void the_object_ends_at_the_declared_length(void**) {
    const ParsedHead head("PUT", unsigned_trailer + length_of(7));
    const std::string body = chunked("contentMORE", 100, false);
    const BodyObjects seen = objects_of(head.head(), {as_bytes(body)});
    assert_int_equal(*seen.fault, Outcome::aws_bad_length);
    assert_string_equal(seen.objects.at(1).content.c_str(), "content");
}

void a_form_in_chunks_is_taken_apart(void**) {
    const std::string form =
        "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nfile\r\n--b--";
    const BodyObjects seen =
        seen_at_every_split(signed_chunks + "Content-Type: multipart/form-data; boundary=b\r\n",
                            chunked(form, 5, true));
    assert_int_equal(seen.objects.size(), 3);
    assert_string_equal(seen.objects[1].content.c_str(), form.c_str());
    assert_string_equal(seen.objects[2].content.c_str(), "file");
    assert_true(seen.objects[1].ended && seen.objects[2].ended);
}

void a_further_coding_is_not_claimed_to_be_seen(void**) {
    const ParsedHead head("PUT", signed_chunks + "Content-Encoding: compress,aws-chunked\r\n");
    const std::string body = chunked("content", 9, true);
    const BodyObjects seen = objects_of(head.head(), {as_bytes(body)});
    assert_string_equal(seen.objects.at(1).form.c_str(), "content-coding");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_payload_is_the_object),
        cmocka_unit_test(an_empty_payload_is_an_empty_object),
        cmocka_unit_test(the_last_line_end_may_be_missing),
        cmocka_unit_test(a_piece_of_an_upload_stays_one),
        cmocka_unit_test(malformed_chunks_are_a_fault),
        cmocka_unit_test(a_body_that_is_no_chunks_stays_an_object),
        cmocka_unit_test(the_declared_length_is_checked),
        cmocka_unit_test(the_object_ends_at_the_declared_length),
        cmocka_unit_test(a_form_in_chunks_is_taken_apart),
        cmocka_unit_test(a_further_coding_is_not_claimed_to_be_seen),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
