#include "dataplane/object/multipart.h"

#include <memory>

#include "tests/support/body_objects.h"
#include "tests/support/every_split.h"
#include "tests/support/guard_page.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::string_view form_type = "Content-Type: multipart/form-data; boundary=AaB03x\r\n";

std::string part(std::string_view head, std::string_view content) {
    return "--AaB03x\r\n" + std::string(head) + "\r\n" + std::string(content) + "\r\n";
}

std::string file_head(std::string_view name = "f.bin", std::string_view more = "") {
    return "Content-Disposition: form-data; name=\"file\"; filename=\"" + std::string(name) +
           "\"\r\n" + std::string(more);
}

// The same whole, cut in two anywhere, and byte by byte; each piece ends at an unreadable page.
BodyObjects seen_at_every_split(const Head& head, std::string_view body) {
    const std::string whole = objects_of(head, {as_bytes(body)}).trace();
    every_split(as_bytes(body), [&](const std::vector<Bytes>& pieces) {
        std::vector<std::unique_ptr<GuardedBytes>> guarded;
        std::vector<Bytes> copies;
        for (const Bytes piece : pieces) {
            guarded.push_back(std::make_unique<GuardedBytes>(piece));
            copies.push_back(guarded.back()->bytes());
        }
        assert_string_equal(objects_of(head, copies).trace().c_str(), whole.c_str());
    });
    return objects_of(head, {as_bytes(body)});
}

BodyObjects post(std::string_view body, std::string_view fields = form_type) {
    const ParsedHead head("POST", fields);
    return seen_at_every_split(head.head(), body);
}

// The parts of a form: every object but the body as it is, which goes when its framing is seen.
std::vector<SeenObject> parts_of(const BodyObjects& seen) {
    assert_true(seen.objects.at(0).dropped);
    assert_string_equal(seen.objects[0].form.c_str(), "body");
    return {seen.objects.begin() + 1, seen.objects.end()};
}

void expect_one_part(std::string_view body, std::string_view content,
                     std::string_view fields = form_type) {
    const std::vector<SeenObject> parts = parts_of(post(body, fields));
    assert_int_equal(parts.size(), 1);
    assert_true(parts[0].ended);
    assert_string_equal(parts[0].content.c_str(), std::string(content).c_str());
}

void expect_fault(std::string_view body, Outcome outcome, std::string_view fields = form_type) {
    const BodyObjects seen = post(body, fields);
    assert_true(seen.fault.has_value());
    assert_int_equal(*seen.fault, outcome);
}

void takes_every_part_for_an_object(void**) {
    const std::vector<SeenObject> parts =
        parts_of(post(part("Content-Disposition: form-data; name=\"title\"\r\n", "holiday") +
                      part(file_head("a.jpg", "Content-Type: image/jpeg\r\n"), "first\r\nfile") +
                      part(file_head("b.jpg"), std::string(300, '.')) + "--AaB03x--\r\n"));
    assert_int_equal(parts.size(), 2);  // the title is a plain field
    assert_string_equal(parts[0].form.c_str(), "form-part");
    assert_string_equal(parts[0].field.c_str(), "file");
    assert_string_equal(parts[0].file_name.c_str(), "a.jpg");
    assert_string_equal(parts[0].content.c_str(), "first\r\nfile");
    assert_true(parts[0].ended && parts[1].ended);
    assert_string_equal(parts[1].file_name.c_str(), "b.jpg");
    assert_string_equal(parts[1].content.c_str(), std::string(300, '.').c_str());
}

void a_long_field_is_an_object_and_a_short_one_is_not(void**) {
    const std::string head = "Content-Disposition: form-data; name=\"data\"\r\n";
    const std::string most(limits::form_field_bytes_max, 'x');
    assert_int_equal(parts_of(post(part(head, most) + "--AaB03x--")).size(), 0);
    expect_one_part(part(head, most + "y") + "--AaB03x--", most + "y");
    // A file may be as short as it likes.
    expect_one_part(part(file_head(), "1") + "--AaB03x--", "1");
    expect_one_part(part(file_head(), "") + "--AaB03x--", "");
    expect_one_part("--AaB03x\r\n\r\n" + most + "y\r\n--AaB03x--", most + "y");  // without a head
}

void fields_are_told_before_and_behind_a_file(void**) {
    const std::string long_value(limits::form_field_bytes_max + 30, 'v');
    const auto field = [](const char* name, std::string_view value, const char* more = "") {
        return part("Content-Disposition: form-data; name=\"" + std::string(name) + "\"\r\n" + more,
                    value);
    };
    const BodyObjects seen = post(
        field("dzuuid", "0a-1b") + field("empty", "") + field("long", long_value) +
        part(file_head(), "the file") +
        field("dzchunkindex", "2", "Content-Transfer-Encoding: base64\r\n") + "--AaB03x--\r\n");
    assert_int_equal(seen.fields.size(), 4);
    assert_string_equal(seen.fields[0].c_str(), "dzuuid=0a-1b");
    assert_string_equal(seen.fields[1].c_str(), "empty=");
    assert_string_equal(seen.fields[2].c_str(),
                        ("long=" + long_value.substr(0, limits::form_field_bytes_max)).c_str());
    // Most servers do not undo the coding of a field.
    assert_string_equal(seen.fields[3].c_str(), "dzchunkindex=2");
}

void content_may_look_like_a_delimiter(void**) {
    for (const std::string_view content : {"\r\n--AaB03",
                                           "\r\n--AaB03y",
                                           "\r",
                                           "\n",
                                           "\r\n",
                                           "\r\r\n",
                                           "\r\n\r\n",
                                           "--AaB03x",
                                           "x--AaB03x\r\n",
                                           "\r\n-",
                                           "\r\n--",
                                           "\r\r\n--AaB0",
                                           "\n--AaB0\r\n--AaB0",
                                           "\n\n\r\n\r",
                                           "\r\n--AaB0\r\n--AaB03\r\n",
                                           "\r\n --AaB03x",
                                           "\r--AaB03",
                                           "\r-",
                                           "\r\r--AaB03y",
                                           "\r--AaB03\r\n--AaB03",
                                           "\r--AaB0\n\r-\n--AaB0"}) {
        // The line end before content is the head's: a delimiter right behind it ends the part.
        if (content == "--AaB03x") continue;
        expect_one_part(part(file_head(), "<" + std::string(content)) + "--AaB03x--\r\n",
                        "<" + std::string(content));
        expect_one_part(part(file_head(), std::string(content) + ">") + "--AaB03x--\r\n",
                        std::string(content) + ">");
    }
}

void preamble_epilogue_and_blanks_are_no_content(void**) {
    const std::string body =
        part(file_head(), "content") + "--AaB03x--  \r\nepilogue\r\nof two lines";
    expect_one_part(body, "content");
    expect_one_part("--AaB03x \t \r\n" + file_head() + "\r\ncontent\r\n--AaB03x-- ", "content");
    // With a preamble the body does not begin like a form: it might be the file itself.
    const BodyObjects seen = post("preamble\r\n--not it\r\n" + body);
    assert_int_equal(seen.objects.size(), 2);
    assert_string_equal(seen.objects[0].form.c_str(), "body");
    assert_true(seen.objects[0].ended && seen.objects[1].ended);
    assert_string_equal(seen.objects[1].content.c_str(), "content");
    assert_true(seen.objects[0].content.ends_with("of two lines"));
}

void parts_behind_the_last_delimiter_are_objects(void**) {
    const BodyObjects seen =
        post(part(file_head("a"), "first") + "--AaB03x--\r\n" + part(file_head("b"), "second"));
    const std::vector<SeenObject> parts = parts_of(seen);
    assert_int_equal(parts.size(), 2);
    assert_string_equal(parts[1].content.c_str(), "second\r\n");
}

void a_missing_last_delimiter_ends_the_part_with_the_message(void**) {
    const BodyObjects seen = post("--AaB03x\r\n" + file_head() + "\r\nall of it\r\n--AaB0");
    const std::vector<SeenObject> parts = parts_of(seen);
    assert_true(parts.at(0).ended);
    assert_string_equal(parts[0].content.c_str(), "all of it\r\n--AaB0");
    assert_int_equal(seen.notes.at(0), Outcome::form_unterminated);
    assert_string_equal(seen.prefixes.at(0).c_str(), "all of it");
}

// Python's email takes a line break at the end for none of the content.
void a_line_break_before_a_missing_delimiter_may_be_none_of_the_part(void**) {
    for (const std::string end : {"\r\n", "\n", "\r"}) {
        const BodyObjects seen = post("--AaB03x\r\n" + file_head() + "\r\nall of it" + end);
        assert_string_equal(parts_of(seen).at(0).content.c_str(), ("all of it" + end).c_str());
        assert_int_equal(seen.prefixes.size(), 1);
        assert_string_equal(seen.prefixes[0].c_str(), "all of it");
    }
    const BodyObjects whole = post(part(file_head("a"), "first") + "--AaB03x--\r\n");
    assert_int_equal(whole.prefixes.size(), 0);
}

void a_short_field_without_a_delimiter_is_no_object_that_may_end(void**) {
    for (const std::string_view end : {"\r\n", "\n", "\r\n--AaB03"}) {
        const BodyObjects seen =
            post("--AaB03x\r\nContent-Disposition: form-data; name=\"f\"\r\n\r\nvalue" +
                 std::string(end));
        assert_true(parts_of(seen).empty() && seen.prefixes.empty());
        assert_int_equal(seen.fields.size(), 1);
    }
}

void a_body_without_a_delimiter_is_an_object_as_it_is(void**) {
    const BodyObjects seen = post("the known file, declared to be a form");
    assert_int_equal(seen.objects.size(), 1);
    assert_true(seen.objects[0].ended);
    assert_string_equal(seen.objects[0].content.c_str(), "the known file, declared to be a form");
    assert_int_equal(seen.notes.at(0), Outcome::form_unterminated);
}

void a_put_is_an_object_as_it_is_and_in_parts(void**) {
    const ParsedHead head("PUT", form_type);
    const std::string body = part(file_head(), "content") + "--AaB03x--\r\n";
    const BodyObjects seen = seen_at_every_split(head.head(), body);
    assert_int_equal(seen.objects.size(), 2);
    assert_string_equal(seen.objects[0].content.c_str(), body.c_str());
    assert_string_equal(seen.objects[1].content.c_str(), "content");
    assert_true(seen.objects[0].ended && seen.objects[1].ended);
}

void boundaries_are_read_as_servers_do(void**) {
    const std::string body = part(file_head(), "content") + "--AaB03x--\r\n";
    for (const std::string_view type :
         {"multipart/form-data; boundary=\"AaB03x\"", "Multipart/Form-Data;BOUNDARY=AaB03x",
          "multipart/form-data; charset=utf-8; boundary=AaB03x ; more=\"a;b\"",
          "multipart/form-data ; boundary = AaB03x", "multipart/mixed; boundary=AaB03x",
          "multipart/related; type=\"a/b; boundary=no\"; boundary=AaB03x"})
        expect_one_part(body, "content", "Content-Type: " + std::string(type) + "\r\n");
    for (const std::string_view type :
         {"multipart/form-data; boundary=", "multipart/form-data; boundary=\"\"",
          "multipart/form-data; boundary=AaB03x; boundary=AaB03x",
          "multipart/form-data; boundary=AaB03x,b", "multipart/form-data; boundary=AaB03x b",
          "multipart/form-data; boundary=\"AaB 03x\"", "multipart/form-data; boundary=\"AaB\\03x\"",
          "multipart/form-data; boundary=\"AaB\\\"03x\""})
        expect_fault(body, Outcome::form_bad_boundary,
                     "Content-Type: " + std::string(type) + "\r\n");
    const std::string most(limits::form_boundary_bytes_max, 'b');
    expect_one_part("--" + most + "\r\n" + file_head() + "\r\nx\r\n--" + most + "--", "x",
                    "Content-Type: multipart/form-data; boundary=" + most + "\r\n");
    expect_fault("--" + most, Outcome::form_bad_boundary,
                 "Content-Type: multipart/form-data; boundary=" + most + "b\r\n");
}

void a_multipart_type_without_a_boundary_is_a_plain_body(void**) {
    const ParsedHead none("PUT", "Content-Type: multipart/related\r\n");
    assert_false(BodyDecoder::needed(none.head()));
    const ParsedHead text("PUT", "Content-Type: text/plain; boundary=AaB03x\r\n");
    assert_false(BodyDecoder::needed(text.head()));
    const ParsedHead some("PUT", form_type);
    assert_true(BodyDecoder::needed(some.head()));
}

// Where servers disagree on what ends a part.
void what_servers_read_differently_is_a_fault(void**) {
    const std::string begin = "--AaB03x\r\n" + file_head() + "\r\ncontent";
    for (const std::string_view end :
         {"\n--AaB03x\r\n", "\r--AaB03x\r\n", "\r\r--AaB03x--", "\r-\r--AaB03x",
          "\r\n--AaB03xy\r\n", "\r\n--AaB03x-\r\n", "\r\n--AaB03x\n", "\r\n--AaB03x\rx",
          "\r\n--AaB03x - ", "\r\n--AaB03x\r\r\n", "\r\n--AaB03x;\r\n"})
        expect_fault(begin + std::string(end), Outcome::form_bad_delimiter);
    for (const std::string_view head : {"Content-Type: a/b\n\r\n", "A: b\rc\r\n",
                                        "A: b\r\n--AaB03x\r\n", "A: b\n\n", "\n", "--AaB03x--\r\n"})
        expect_fault("--AaB03x\r\n" + std::string(head) + "content", Outcome::form_bad_head);
    for (const std::string_view text : {"a==3D", "a=g0", "a=0g", "a=\rb", "a=", "a=4", "a \r\nb",
                                        "a\t\nb", "a ", "a=\r", "a= \r\nb"})
        expect_fault("--AaB03x\r\n" +
                         file_head("f", "Content-Transfer-Encoding: quoted-printable\r\n") +
                         "\r\n" + std::string(text) + "\r\n--AaB03x--\r\n",
                     Outcome::form_bad_coding);
    expect_fault("--AaB03x\r\n" +
                     file_head("f", "Content-Transfer-Encoding: quoted-printable\r\n") +
                     "\r\nno delimiter\r\n",
                 Outcome::form_bad_coding);
    const std::string longest(limits::form_head_bytes_max, 'x');
    expect_fault("--AaB03x\r\nA: " + longest + "\r\n\r\n", Outcome::form_bad_head);
}

// Python's email ends a line at a bare CR: what we took for content would be files to it.
void a_boundary_behind_a_bare_cr_is_refused_wherever_it_stands(void**) {
    for (const std::string_view before : {"", "preamble", "preamble\r\n", "--AaB0"})
        expect_fault(std::string(before) + "\r--AaB03x\r\n" + file_head() + "\r\nfile\r\n",
                     Outcome::form_bad_delimiter);
    expect_fault("--AaB03x--\r\nepilogue\r--AaB03x\r\n" + file_head() + "\r\nfile\r\n",
                 Outcome::form_bad_delimiter);
    const std::string inner =
        "--in\r\n" + file_head() + "\r\nfirst\r--in\r\n" + file_head() + "\r\nsecond\r\n--in--";
    expect_fault("--AaB03x\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n" + inner,
                 Outcome::form_bad_delimiter);
}

void the_longest_head_is_read(void**) {
    const std::string filler = "A: " + std::string(limits::form_head_bytes_max, 'x');
    std::string head = file_head();
    head = filler.substr(0, limits::form_head_bytes_max - head.size() - 4) + "\r\n" + head;
    expect_one_part(part(head, "content") + "--AaB03x--", "content");
}

void a_part_before_a_fault_was_complete(void**) {
    const BodyObjects seen = post(part(file_head(), "content") + "--AaB03xy");
    assert_true(parts_of(seen).at(0).ended);
    assert_int_equal(*seen.fault, Outcome::form_bad_delimiter);
}

void nested_parts_are_objects_of_the_outer_field(void**) {
    const std::string inner =
        "--in\r\nContent-Disposition: file; filename=\"a.txt\"\r\n\r\nfirst\r\n--AaB03\r\n"
        "--in\r\nContent-Disposition: file; filename=\"b.txt\"\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\nc2Vjb25k\r\n--in--\r\n";
    const BodyObjects seen = post(part("Content-Disposition: form-data; name=\"files\"\r\n"
                                       "Content-Type: multipart/mixed; boundary=in\r\n",
                                       inner) +
                                  part(file_head("c.txt"), "third") + "--AaB03x--\r\n");
    const std::vector<SeenObject> parts = parts_of(seen);
    assert_int_equal(parts.size(), 5);
    assert_string_equal(parts[0].content.c_str(), inner.c_str());  // as it is
    assert_string_equal(parts[1].content.c_str(), "first\r\n--AaB03");
    assert_string_equal(parts[1].field.c_str(), "files");
    assert_string_equal(parts[1].file_name.c_str(), "a.txt");
    assert_string_equal(parts[2].content.c_str(), "c2Vjb25k");
    assert_string_equal(parts[3].content.c_str(), "second");
    assert_string_equal(parts[3].form.c_str(), "decoded");
    assert_string_equal(parts[3].file_name.c_str(), "b.txt");
    assert_string_equal(parts[4].content.c_str(), "third");
    for (const SeenObject& object : parts)
        assert_true(object.ended);
}

void nesting_has_an_end(void**) {
    const std::string body =
        "--AaB03x\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n"
        "--in\r\nContent-Type: multipart/mixed; boundary=deep\r\n\r\n--deep\r\n\r\nx";
    expect_fault(body, Outcome::form_too_deep);
    expect_fault("--AaB03x\r\nContent-Type: multipart/mixed; boundary=a,b\r\n\r\n",
                 Outcome::form_bad_boundary);
    // A saved web page, as a browser declares it.
    expect_one_part(
        part(file_head("a.mhtml", "Content-Type: multipart/related\r\n"), "page") + "--AaB03x--",
        "page");
}

// The outer delimiter ends the inner parts, wherever they stand.
void an_unfinished_inner_form_ends_with_its_part(void**) {
    const BodyObjects seen =
        post("--AaB03x\r\nContent-Type: multipart/mixed; boundary=in\r\n\r\n--in\r\n" +
             file_head() + "\r\nsecret\r\n--i\r\n" + part(file_head("b"), "next") + "--AaB03x--");
    const std::vector<SeenObject> parts = parts_of(seen);
    assert_int_equal(parts.size(), 3);
    assert_string_equal(parts[1].content.c_str(), "secret\r\n--i");
    assert_true(parts[0].ended && parts[1].ended && parts[2].ended);
    assert_string_equal(parts[2].content.c_str(), "next");
    assert_int_equal(seen.notes.at(0), Outcome::form_unterminated);
}

void names_are_read_as_browsers_and_libraries_write_them(void**) {
    struct Case {
        std::string_view parameters;
        std::string_view name;
    };
    for (const Case& one : {
             Case{"filename=plain.txt", "plain.txt"},
             Case{"filename=\"a b.txt\"", "a b.txt"},
             Case{"filename=\"a\\\"b\\\\c\"", "a\"b\\c"},
             Case{"filename=\"C:\\dir\\f.txt\"", "C:\\dir\\f.txt"},
             Case{"filename=\"na\xc3\xafve\"", "na\xc3\xafve"},
             Case{"filename*=UTF-8''na%C3%AFve", "na\xc3\xafve"},
             Case{"filename=\"x\"; filename*=utf-8'en'y%20z", "y z"},
             Case{"filename*=utf-8'en'y%20z; filename=\"x\"", "y z"},
             Case{"filename*0=\"ab\"; filename*1=\"cd\"", "abcd"},
             Case{"FILENAME=\"\"", ""},
             Case{"filename=\"a;b=c\"", "a;b=c"},
             Case{"filename=\"100%\"; filename*=UTF-8''100%", "100%"},
             Case{"x; filename=\"f\" ; y", "f"},
         }) {
        const std::string head =
            "content-disposition:form-data; name=\"file\"; " + std::string(one.parameters) + "\r\n";
        const std::vector<SeenObject> parts = parts_of(post(part(head, "content") + "--AaB03x--"));
        assert_int_equal(parts.size(), 1);
        assert_string_equal(parts[0].file_name.c_str(), std::string(one.name).c_str());
        assert_string_equal(parts[0].field.c_str(), "file");
    }
    const std::string folded = "Content-Disposition: form-data;\r\n name=file;\r\n\tfilename=f\r\n";
    assert_string_equal(parts_of(post(part(folded, "x") + "--AaB03x--")).at(0).file_name.c_str(),
                        "f");
    const std::string huge(2 * limits::form_file_name_bytes_max, 'n');
    assert_int_equal(
        parts_of(post(part(file_head(huge), "x") + "--AaB03x--")).at(0).file_name.size(),
        limits::form_file_name_bytes_max);
}

void coded_parts_are_objects_as_sent_and_decoded(void**) {
    struct Case {
        std::string_view coding;
        std::string_view text;
        std::string_view content;
    };
    for (const Case& one : {
             Case{"base64", "aGVsbG8gd29ybGQ=", "hello world"},
             Case{"BASE64", "aGVs\r\nbG8g\r\nd29y bGQ", "hello world"},
             Case{"base64", "aGVsbA==bw==", "hello"},  // concatenated
             Case{"base64", "-_-_", "\xfb\xff\xbf"},   // the alphabet of URLs
             Case{"base64", "a!", ""},
             Case{"quoted-printable", "a=3Db=\r\nc=0D=0A=c3=A4", "a=bc\r\n\xc3\xa4"},
             Case{"quoted-printable", "a b=3d=\n \tc=c3=\r\n", "a b= \tc\xc3"},
             Case{"quoted-printable", " =\r\n=20\r\n", "  \r\n"},
         }) {
        const std::string head =
            file_head("f", "Content-Transfer-Encoding: " + std::string(one.coding) + "\r\n");
        const std::vector<SeenObject> parts =
            parts_of(post(part(head, one.text) + "--AaB03x--\r\n"));
        assert_int_equal(parts.size(), 2);
        assert_string_equal(parts[0].form.c_str(), "form-part");
        assert_string_equal(parts[0].content.c_str(), std::string(one.text).c_str());
        assert_string_equal(parts[1].form.c_str(), "decoded");
        assert_string_equal(parts[1].content.c_str(), std::string(one.content).c_str());
        assert_true(parts[0].ended && parts[1].ended);
    }
    const std::string head = file_head("f", "Content-Transfer-Encoding: binary\r\n");
    expect_one_part(part(head, "aGVsbG8=") + "--AaB03x--\r\n", "aGVsbG8=");
}

// Some readers end at the first "=", Python's email where it completes a quantum, others nowhere.
void padding_in_a_coded_part_is_read_as_each_reader_does(void**) {
    struct Case {
        std::string text;
        std::string content;
        std::vector<std::string> prefixes;
    };
    for (const Case& one : {
             Case{"c2Vjb25k====", "second", {}},
             Case{"c2Vj=b25k", "second", {"sec"}},
             Case{"c2Vj\r\n==\r\nb25k", "second", {"sec"}},
             Case{"c2Vjb=25k", "second", {"sec"}},
             Case{"c2Vjb2=5k", "second", {"seco"}},
             Case{"c2Vj=b25=k", "secon", {"sec", "secon"}},
             Case{"c2Vjbw==b25k", "secoond", {"seco"}},
             Case{"c2Vjb24=b25k", "seconond", {"secon"}},
         }) {
        const std::string head = file_head("f", "Content-Transfer-Encoding: base64\r\n");
        const BodyObjects seen = post(part(head, one.text) + "--AaB03x--\r\n");
        assert_string_equal(parts_of(seen).at(1).content.c_str(), one.content.c_str());
        assert_true(seen.prefixes == one.prefixes);
    }
    const BodyObjects field = post(part("Content-Disposition: form-data; name=\"n\"\r\n"
                                        "Content-Transfer-Encoding: base64\r\n",
                                        "QQ==QUJD") +
                                   "--AaB03x--\r\n");
    assert_string_equal(field.fields.at(0).c_str(), "n=QQ==QUJD");
}

// What is kept back because a delimiter may go on counts for the held tail, and for the look-up
// when the connection ends there.
void kept_back_bytes_are_known_to_the_caller(void**) {
    const ParsedHead head("POST", form_type);
    BodyObjects seen(head.head());
    const std::string begin = "--AaB03x\r\n" + file_head() + "\r\ncontent";
    seen.feed(as_bytes(begin), 100);
    assert_int_equal(seen.objects.at(1).last_at, 100);
    const std::string_view lookahead = "\r\n--AaB0";
    seen.feed(as_bytes(lookahead), 200);
    assert_int_equal(seen.objects[1].last_at, 100);
    seen.look_at_tails();
    assert_string_equal(seen.objects[1].kept_back.c_str(), "\r\n--AaB0");
    const std::string_view more = "3";
    seen.feed(as_bytes(more), 300);
    const std::string_view no_delimiter = "y";
    seen.feed(as_bytes(no_delimiter), 400);
    assert_string_equal(seen.objects[1].content.c_str(), "content\r\n--AaB03y");
    assert_int_equal(seen.objects[1].last_at, 400);
    const std::string_view first = "\r\n-";
    const std::string_view second = "\r";
    seen.feed(as_bytes(first), 500);
    seen.feed(as_bytes(second), 600);
    assert_string_equal(seen.objects[1].content.c_str(), "content\r\n--AaB03y\r\n-");
    assert_int_equal(seen.objects[1].last_at, 500);  // its bytes came there
    seen.look_at_tails();
    assert_string_equal(seen.objects[1].kept_back.c_str(), "\r");
}

void the_body_as_it_is_stays_after_a_fault(void**) {
    const ParsedHead head("PUT", form_type);
    BodyObjects seen(head.head());
    const std::string begin = part(file_head(), "content") + "--AaB03x?";
    const std::string_view rest = " and more";
    seen.feed(as_bytes(begin), 0);
    assert_int_equal(*seen.fault, Outcome::form_bad_delimiter);
    seen.give_up();
    seen.feed(as_bytes(rest), 1);
    seen.finish();
    assert_string_equal(seen.objects.at(0).content.c_str(), (begin + " and more").c_str());
    assert_true(seen.objects[0].ended);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(takes_every_part_for_an_object),
        cmocka_unit_test(a_long_field_is_an_object_and_a_short_one_is_not),
        cmocka_unit_test(fields_are_told_before_and_behind_a_file),
        cmocka_unit_test(content_may_look_like_a_delimiter),
        cmocka_unit_test(preamble_epilogue_and_blanks_are_no_content),
        cmocka_unit_test(parts_behind_the_last_delimiter_are_objects),
        cmocka_unit_test(a_missing_last_delimiter_ends_the_part_with_the_message),
        cmocka_unit_test(a_line_break_before_a_missing_delimiter_may_be_none_of_the_part),
        cmocka_unit_test(a_short_field_without_a_delimiter_is_no_object_that_may_end),
        cmocka_unit_test(a_body_without_a_delimiter_is_an_object_as_it_is),
        cmocka_unit_test(a_put_is_an_object_as_it_is_and_in_parts),
        cmocka_unit_test(boundaries_are_read_as_servers_do),
        cmocka_unit_test(a_multipart_type_without_a_boundary_is_a_plain_body),
        cmocka_unit_test(what_servers_read_differently_is_a_fault),
        cmocka_unit_test(a_boundary_behind_a_bare_cr_is_refused_wherever_it_stands),
        cmocka_unit_test(the_longest_head_is_read),
        cmocka_unit_test(a_part_before_a_fault_was_complete),
        cmocka_unit_test(nested_parts_are_objects_of_the_outer_field),
        cmocka_unit_test(nesting_has_an_end),
        cmocka_unit_test(an_unfinished_inner_form_ends_with_its_part),
        cmocka_unit_test(names_are_read_as_browsers_and_libraries_write_them),
        cmocka_unit_test(coded_parts_are_objects_as_sent_and_decoded),
        cmocka_unit_test(padding_in_a_coded_part_is_read_as_each_reader_does),
        cmocka_unit_test(kept_back_bytes_are_known_to_the_caller),
        cmocka_unit_test(the_body_as_it_is_stays_after_a_fault),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
