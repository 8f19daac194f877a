// Bodies in content codings: as sent and decoded, listed twice, bogus, cut short, bombs.
#include <memory>

#include "tests/support/body_objects.h"
#include "tests/support/brotli.h"
#include "tests/support/compressed.h"
#include "tests/support/every_split.h"
#include "tests/support/guard_page.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

std::string content() {
    std::string text;
    std::uint32_t random = 1;
    while (text.size() < 700) {
        random = random * 1664525 + 1013904223;
        text += static_cast<char>(random >> 24);
        if (random >> 28 == 0) text += "repeated words, repeated words";
    }
    return text;
}

std::string fields(std::string_view codings, std::string_view more = "") {
    return "Content-Encoding: " + std::string(codings) + "\r\n" + std::string(more);
}

BodyObjects seen_at_every_split(std::string_view head_fields, std::string_view body,
                                std::string_view method = "PUT") {
    const ParsedHead head(method, head_fields);
    assert_true(BodyDecoder::needed(head.head()));
    const std::string whole = objects_of(head.head(), {as_bytes(body)}).trace();
    every_split(as_bytes(body), [&](const std::vector<Bytes>& pieces) {
        std::vector<std::unique_ptr<GuardedBytes>> guarded;
        std::vector<Bytes> copies;
        for (const Bytes piece : pieces) {
            guarded.push_back(std::make_unique<GuardedBytes>(piece));
            copies.push_back(guarded.back()->bytes());
        }
        assert_true(objects_of(head.head(), copies).trace() == whole);
    });
    return objects_of(head.head(), {as_bytes(body)});
}

void the_body_is_an_object_as_sent_and_decoded(void**) {
    struct Case {
        std::string_view name;
        std::string body;
    };
    const std::string text = content();
    for (const Case& one :
         {Case{"gzip", gzip_file(text)}, Case{"x-gzip", gzip_file(text)},
          Case{"GZIP", gzip_file(text)}, Case{"deflate", deflated(text, 15)},
          Case{"deflate", deflated(text, -15)}, Case{"zstd", zstd_file(text)},
          Case{"br", brotli_file(text)}, Case{"identity, gzip", gzip_file(text)},
          Case{"gzip", gzip_file(text.substr(0, 99)) + gzip_file(text.substr(99))},
          Case{"zstd", zstd_file(text.substr(0, 99)) + zstd_file(text.substr(99))}}) {
        const BodyObjects seen = seen_at_every_split(fields(one.name), one.body);
        assert_false(seen.fault.has_value());
        assert_int_equal(seen.notes.size(), 0);
        assert_int_equal(seen.objects.size(), 2);
        assert_true(seen.objects[0].ended && seen.objects[1].ended);
        assert_true(seen.objects[0].content == one.body);
        assert_true(seen.objects[1].content == text);
        assert_string_equal(seen.objects[0].form.c_str(), "body");
        assert_string_equal(seen.objects[1].form.c_str(), "decoded");
    }
}

void codings_listed_twice_are_undone_in_turn(void**) {
    const std::string text = content();
    for (const std::string& list :
         {fields("gzip, gzip"), fields("gzip", "Content-Encoding: gzip\r\n")}) {
        const BodyObjects seen = seen_at_every_split(list, gzip_file(gzip_file(text)));
        assert_int_equal(seen.objects.size(), 3);
        assert_true(seen.objects[1].content == gzip_file(text));
        assert_true(seen.objects[2].content == text);
    }
    const BodyObjects mixed = seen_at_every_split(fields("zstd,br"), brotli_file(zstd_file(text)));
    assert_true(mixed.objects.at(2).content == text);
}

void more_codings_than_are_undone_are_a_fault(void**) {
    const BodyObjects seen = seen_at_every_split(fields("gzip,gzip,gzip"), gzip_file("x"));
    assert_int_equal(*seen.fault, Outcome::coding_limit);
}

void an_unknown_coding_is_left_alone(void**) {
    const ParsedHead head("PUT", fields("compress"));
    assert_false(BodyDecoder::needed(head.head()));
    assert_int_equal(form_of(head.head()), ObjectForm::content_coding);
}

void a_body_that_only_claims_a_coding_is_an_object_as_it_is(void**) {
    const std::string text = "the known file, declared to be coded";
    for (const std::string_view name : {"gzip", "deflate", "zstd", "br"}) {
        const BodyObjects seen = seen_at_every_split(fields(name), text);
        assert_false(seen.fault.has_value());
        assert_true(seen.objects.at(0).content == text);
        assert_true(seen.objects[0].ended);
        assert_int_equal(seen.notes.at(0), Outcome::coding_bad);
    }
}

void a_stream_that_is_cut_or_damaged_gives_what_it_had(void**) {
    const std::string text = content();
    const std::string coded = gzip_file(text);
    const BodyObjects cut =
        seen_at_every_split(fields("gzip"), coded.substr(0, coded.size() * 2 / 3));
    assert_int_equal(cut.notes.at(0), Outcome::coding_bad);
    assert_true(text.starts_with(cut.objects.at(1).content));
    assert_true(cut.objects[1].content.size() > 100);
    assert_true(cut.objects[1].ended);
    std::string damaged = coded;
    damaged.back() = static_cast<char>(damaged.back() ^ 1);  // the length behind it
    assert_int_equal(*seen_at_every_split(fields("gzip"), damaged).fault, Outcome::coding_bad);
    // What follows is none of it.
    const BodyObjects more = seen_at_every_split(fields("gzip"), coded + "more");
    assert_true(more.objects.at(1).content == text);
    assert_true(more.objects[1].ended);
}

// zlib by itself stops after one; Python passes over zeros between them.
void the_first_of_several_pieces_may_be_all(void**) {
    const std::string known = content();
    for (const auto& [name, body] :
         {std::pair<std::string_view, std::string>{"gzip", gzip_file(known) + gzip_file("more")},
          {"gzip", gzip_file(known) + std::string(9, '\0') + gzip_file("more")},
          {"zstd", zstd_file(known) + zstd_file("more")}}) {
        const BodyObjects seen = seen_at_every_split(fields(name), body);
        assert_true(seen.objects.at(1).content == known + "more");
        assert_int_equal(seen.prefixes.size(), 1);
        assert_true(seen.prefixes[0] == known);
    }
    const BodyObjects padded =
        seen_at_every_split(fields("gzip"), gzip_file(known) + std::string(9, '\0'));
    assert_true(padded.objects.at(1).content == known && padded.objects[1].ended);
    assert_int_equal(padded.notes.size(), 0);
}

// Those of Go, Java and Python look at no reserved flags.
void what_lenient_readers_of_gzip_get_is_seen(void**) {
    std::string reserved = gzip_file(content());
    for (const char flag : {'\x20', '\x40', '\x80', '\xe0'}) {
        reserved[3] = flag;
        for (const std::string& body : {reserved, gzip_file("first") + reserved}) {
            const BodyObjects seen = seen_at_every_split(fields("gzip"), body);
            assert_false(seen.fault.has_value());
            assert_true(seen.objects.at(1).content.ends_with(content()));
        }
    }
    std::string checked = gzip_file(content());
    checked[3] = 2;
    checked.insert(10, "xx");
    assert_int_equal(*seen_at_every_split(fields("gzip"), checked).fault, Outcome::coding_bad);
}

void a_bomb_ends_at_its_limit(void**) {
    const std::string zeros(std::size_t{8} << 20, '\0');
    for (const auto& [name, body] :
         {std::pair<std::string_view, std::string>{"zstd", zstd_file(zeros)},
          {"br", brotli_file(zeros)},
          {"gzip, gzip", gzip_file(gzip_file(zeros))}}) {
        const ParsedHead head("PUT", fields(name));
        const BodyObjects seen = objects_of(head.head(), {as_bytes(body)});
        assert_int_equal(*seen.fault, Outcome::coding_limit);
        assert_true(seen.objects.at(1).content.size() <=
                    limits::coding_free_bytes + limits::coding_ratio_max * body.size());
    }
}

// Whatever deflate makes of a file, it is no bomb.
void the_most_that_deflate_can_is_no_bomb(void**) {
    const std::string zeros(std::size_t{24} << 20, '\0');
    const std::string body = gzip_file(zeros);
    assert_true(zeros.size() > 1000 * body.size());
    const ParsedHead head("PUT", fields("gzip"));
    const BodyObjects seen = objects_of(head.head(), {as_bytes(body)});
    assert_false(seen.fault.has_value());
    assert_true(seen.objects.at(1).content == zeros);
}

void large_clean_content_passes_the_limit(void**) {
    std::string text;
    while (text.size() < (std::size_t{3} << 20))
        text += content() + std::to_string(text.size());
    for (const auto& [name, body] :
         {std::pair<std::string_view, std::string>{"gzip", gzip_file(text)},
          {"zstd", zstd_file(text)},
          {"br", brotli_file(text)}}) {
        const ParsedHead head("PUT", fields(name));
        const BodyObjects seen = objects_of(head.head(), {as_bytes(body)});
        assert_false(seen.fault.has_value());
        assert_true(seen.objects.at(1).content == text);
    }
}

void a_coded_form_is_taken_apart(void**) {
    const std::string form =
        "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n" + content() +
        "\r\n--b--";
    const std::string type = "Content-Type: multipart/form-data; boundary=b\r\n";
    const BodyObjects seen = seen_at_every_split(fields("gzip", type), gzip_file(form), "POST");
    assert_false(seen.fault.has_value());
    assert_true(seen.objects.at(1).content == form);
    assert_true(seen.objects.at(2).content == content());
    assert_string_equal(seen.objects[2].file_name.c_str(), "x");
    // Declared to be coded, and not: most servers would take it apart.
    for (const std::string_view name : {"gzip", "deflate", "zstd", "br"})
        assert_int_equal(*seen_at_every_split(fields(name, type), form, "POST").fault,
                         Outcome::coding_bad);
    // A form behind a coded one, which is a preamble to servers that leave codings alone.
    const ParsedHead head("POST", fields("gzip", type));
    const std::string both = gzip_file(form) + "\r\n" + form;
    every_split(as_bytes(both), [&](const std::vector<Bytes>& pieces) {
        assert_int_equal(*objects_of(head.head(), pieces).fault, Outcome::coding_bad);
    });
}

void no_memory_is_a_fault_and_comes_back(void**) {
    CodingPool pool(1, 1);
    CodingDecoder first;
    CodingDecoder second;
    assert_true(first.open(ContentCoding::gzip, &pool));
    assert_false(second.open(ContentCoding::deflate, &pool));
    assert_true(second.open(ContentCoding::zstd, &pool));
    second.close();
    assert_true(second.open(ContentCoding::brotli, &pool));
    first.close();
    assert_true(first.open(ContentCoding::deflate, &pool));
    std::array<std::uint8_t, 64> out;
    const ParsedHead head("PUT", fields("gzip"));
    BodyDecoder decoder;
    ArchivePool archives(1);
    decoder.open(head.head(), {out, &pool, &archives, 1});
    decoder.feed(as_bytes("x"), 0);
    ObjectEvent event;
    while (decoder.next(&event) && event.kind != ObjectEvent::Kind::fault) {}
    assert_int_equal(event.outcome, Outcome::coding_full);
    decoder.close();
    first.close();
    decoder.open(head.head(), {out, &pool, &archives, 1});
    decoder.close();
    second.close();
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_body_is_an_object_as_sent_and_decoded),
        cmocka_unit_test(codings_listed_twice_are_undone_in_turn),
        cmocka_unit_test(more_codings_than_are_undone_are_a_fault),
        cmocka_unit_test(an_unknown_coding_is_left_alone),
        cmocka_unit_test(a_body_that_only_claims_a_coding_is_an_object_as_it_is),
        cmocka_unit_test(a_stream_that_is_cut_or_damaged_gives_what_it_had),
        cmocka_unit_test(the_first_of_several_pieces_may_be_all),
        cmocka_unit_test(what_lenient_readers_of_gzip_get_is_seen),
        cmocka_unit_test(a_bomb_ends_at_its_limit),
        cmocka_unit_test(the_most_that_deflate_can_is_no_bomb),
        cmocka_unit_test(large_clean_content_passes_the_limit),
        cmocka_unit_test(a_coded_form_is_taken_apart),
        cmocka_unit_test(no_memory_is_a_fault_and_comes_back),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
