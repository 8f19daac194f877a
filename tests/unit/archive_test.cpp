// Archives in bodies: tar, gzip and zstd files, in each other and in forms.
#include <memory>

#include "tests/support/archives.h"
#include "tests/support/base64_text.h"
#include "tests/support/body_objects.h"
#include "tests/support/every_split.h"
#include "tests/support/guard_page.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

// Of any object: pieces on guard pages, cut in every way or in some.
BodyObjects seen_of(std::string_view body, std::string_view method = "PUT",
                    std::string_view fields = "", std::size_t every = 1,
                    std::string_view target = "/dir/up.bin?x=/y") {
    const ParsedHead head(method, fields, target);
    const std::string whole = objects_of(head.head(), {as_bytes(body)}).trace();
    const auto look = [&](const std::vector<Bytes>& pieces) {
        std::vector<std::unique_ptr<GuardedBytes>> guarded;
        std::vector<Bytes> copies;
        for (const Bytes piece : pieces) {
            guarded.push_back(std::make_unique<GuardedBytes>(piece));
            copies.push_back(guarded.back()->bytes());
        }
        assert_true(objects_of(head.head(), copies).trace() == whole);
    };
    for (std::size_t at = 1; at < body.size(); at += every)
        look({as_bytes(body.substr(0, at)), as_bytes(body.substr(at))});
    std::vector<Bytes> singles;
    for (std::size_t at = 0; at < body.size(); ++at)
        singles.push_back(as_bytes(body.substr(at, 1)));
    BodyObjects single(head.head());
    for (std::size_t at = 0; at < singles.size() && !single.fault; ++at)
        single.feed(singles[at], at);
    if (!single.fault) single.finish();
    assert_true(single.trace() == whole);
    return objects_of(head.head(), {as_bytes(body)});
}

const SeenObject& member(const BodyObjects& seen, std::string_view name) {
    for (const SeenObject& object : seen.objects)
        if (object.form == "archive-member" && object.member == name) return object;
    fail_msg("no member %s in\n%s", std::string(name).c_str(), seen.trace().c_str());
    return seen.objects.front();
}

void expect_member(const BodyObjects& seen, std::string_view name, std::string_view content,
                   std::string_view container = "up.bin") {
    const SeenObject& found = member(seen, name);
    assert_true(found.content == content);
    assert_true(found.ended);
    assert_string_equal(found.container.c_str(), std::string(container).c_str());
}

std::size_t members(const BodyObjects& seen) {
    return static_cast<std::size_t>(
        std::count_if(seen.objects.begin(), seen.objects.end(),
                      [](const SeenObject& one) { return one.form == "archive-member"; }));
}

void expect_fault(std::string_view body, Outcome outcome) {
    const BodyObjects seen = seen_of(body, "PUT", "", 61);
    assert_true(seen.fault.has_value());
    assert_int_equal(*seen.fault, outcome);
}

// The body itself is an object too, whatever is in it.
void expect_body(const BodyObjects& seen, std::string_view body) {
    assert_false(seen.fault.has_value());
    assert_string_equal(seen.objects.at(0).form.c_str(), "body");
    assert_true(seen.objects[0].content == body);
    assert_true(seen.objects[0].ended);
}

void members_of_a_tar_are_objects(void**) {
    const std::string large(1500, 'x');
    const std::string body = tar_file("a.txt", "content of a") + tar_file("empty", "") +
                             tar_header({"dir/", '5', octal(0)}) +
                             tar_header({"link", '2', octal(0), {}, "", "a.txt"}) +
                             tar_file("dir/b", large) + tar_file("old", "as in version 7", '\0') +
                             tar_file("aligned", std::string(512, 'y'), '7') + tar_end();
    const BodyObjects seen = seen_of(body);
    expect_body(seen, body);
    assert_int_equal(members(seen), 5);
    expect_member(seen, "a.txt", "content of a");
    expect_member(seen, "empty", "");
    expect_member(seen, "dir/b", large);
    expect_member(seen, "old", "as in version 7");
    expect_member(seen, "aligned", std::string(512, 'y'));
    assert_int_equal(seen.notes.size(), 1);
    assert_int_equal(seen.notes[0], Outcome::archive_opened);
}

void old_headers_and_signed_sums_are_read(void**) {
    TarEntry old{"caf\xe9.jpg", '\0', "         5 ", "", "", ""};
    const std::string v7 = with_sum(tar_block(old)) + padded("v7wxy");
    expect_member(seen_of(v7 + tar_end(), "PUT", "", 37), old.name, "v7wxy");
    const std::string is_signed = with_sum(tar_block(old), true) + padded("v7wxy");
    expect_member(seen_of(is_signed, "PUT", "", 37), old.name, "v7wxy");
}

void long_names_are_put_together(void**) {
    const std::string path = std::string(120, 'd') + "/" + std::string(140, 'n');
    const std::string ustar = tar_header({std::string(100, 'n'), '0', octal(3),
                                          std::string("ustar\0", 6), std::string(120, 'p'), ""}) +
                              padded("one");
    const std::string gnu = tar_file("././@LongLink", path + '\0', 'L') + tar_file("short", "two");
    const std::string pax =
        pax_header(pax_record("mtime", "1.5") + pax_record("path", "p/" + path)) +
        tar_file("short", "three");
    const std::string longest =
        tar_file("././@LongLink", std::string(3000, 'z') + '\0', 'L') + tar_file("short", "four");
    const std::string links = tar_file("././@LongLink", std::string(600, 'l') + '\0', 'K') +
                              tar_header({"link", '2', octal(0)}) + tar_file("after", "five");
    const BodyObjects seen =
        seen_of(ustar + gnu + pax + longest + links + tar_end(), "PUT", "", 53);
    assert_int_equal(members(seen), 5);
    expect_member(seen, std::string(120, 'p') + "/" + std::string(100, 'n'), "one");
    expect_member(seen, path, "two");
    expect_member(seen, "p/" + path, "three");
    expect_member(seen, std::string(limits::archive_name_bytes_max, 'z'), "four");
    expect_member(seen, "after", "five");
}

std::string base256(std::uint64_t number) {
    std::string text(12, '\0');
    for (std::size_t at = 12; at-- > 4; number >>= 8)
        text[at] = static_cast<char>(number);
    text[0] = static_cast<char>(0x80);
    return text;
}

void sizes_in_256s_and_of_pax_are_read(void**) {
    const std::string body = tar_header({"big", '0', base256(700)}) +
                             padded(std::string(700, 'b')) + pax_header(pax_record("size", "9")) +
                             tar_header({"pax", '0', octal(0)}) + padded("from pax!") +
                             pax_header(pax_record("size", "4")) + tar_file("same", "four") +
                             tar_end();
    const BodyObjects seen = seen_of(body, "PUT", "", 41);
    expect_body(seen, body);
    expect_member(seen, "big", std::string(700, 'b'));
    expect_member(seen, "pax", "from pax!");
    expect_member(seen, "same", "four");
}

// What a size is, readers must agree on: a wrong one hides headers or shows others.
void sizes_that_readers_take_differently_are_inconsistent(void**) {
    const std::string first = tar_file("first", "one");
    const auto entry = [](const std::string& size) { return tar_header({"x", '0', size}); };
    for (const std::string& odd :
         {std::string("0000x000012"), std::string("0000001000-"), std::string(12, '\xff'),
          std::string("\0000000001000", 12), "\x81" + std::string(11, '\0'),
          "\x80\x01" + std::string(10, '\0'), std::string("12_34567   "),
          std::string("0000777 1000"), std::string("1 200000000\0", 12)})
        expect_fault(first + entry(odd) + tar_end(), Outcome::archive_inconsistent);
    expect_fault(first + pax_header(pax_record("size", "512")) + tar_file("y", "other"),
                 Outcome::archive_inconsistent);
    expect_fault(first + pax_header(pax_record("size", "0x10")) + tar_file("y", ""),
                 Outcome::archive_inconsistent);
    expect_fault(
        first + pax_header(pax_record("size", "1") + pax_record("size", "2")) + tar_file("y", ""),
        Outcome::archive_inconsistent);
    expect_fault(first + pax_header(pax_record("size", "512"), 'g') + tar_file("y", "z"),
                 Outcome::archive_inconsistent);
}

// To some a link has content, to others the next header stands there.
void content_of_what_has_none_is_a_member_unless_a_header_is_in_it(void**) {
    for (const char type : {'1', '2', '3', '5', '6'}) {
        const std::string body =
            tar_file("linked", std::string(600, 'c'), type) + tar_file("next", "n") + tar_end();
        const BodyObjects seen = seen_of(body, "PUT", "", 71);
        expect_body(seen, body);
        expect_member(seen, "linked", std::string(600, 'c'));
        expect_member(seen, "next", "n");
        expect_fault(tar_file("linked", tar_file("inside", "known"), type) + tar_end(),
                     Outcome::archive_inconsistent);
    }
    expect_fault(tar_file("old/", tar_file("inside", "known")), Outcome::archive_inconsistent);
}

void what_is_damaged_is_passed_over(void**) {
    std::string bad = tar_file("lost", "unseen");
    bad[3] ^= 1;
    const std::string body = tar_file("a", "one") + bad + tar_file("b", "two") + tar_end();
    const BodyObjects seen = seen_of(body, "PUT", "", 71);
    expect_body(seen, body);
    assert_int_equal(members(seen), 2);
    expect_member(seen, "b", "two");
    assert_int_equal(seen.notes.back(), Outcome::archive_bad);
}

// tar -i, cat a.tar b.tar, and readers that allow a zero block at the beginning.
void what_stands_behind_the_end_is_read_as_well(void**) {
    const std::string body = std::string(512, '\0') + tar_file("a", "one") + tar_end() +
                             std::string(777, 'g') + std::string(512 * 3 - 777, '\0') +
                             tar_file("b", "two") + tar_end() + "tail";
    const BodyObjects seen = seen_of(body, "PUT", "", 71);
    expect_body(seen, body);
    assert_int_equal(members(seen), 2);
    expect_member(seen, "b", "two");
    assert_int_equal(seen.notes.size(), 1);
}

void what_is_cut_short_is_seen_as_far_as_it_goes(void**) {
    const std::string body = tar_file("a", "one") + tar_file("b", std::string(900, 'b'));
    const BodyObjects seen = seen_of(body.substr(0, body.size() - 700), "PUT", "", 71);
    assert_false(seen.fault.has_value());
    expect_member(seen, "a", "one");
    const SeenObject& cut = member(seen, "b");
    assert_true(cut.cut && cut.ended);
    assert_int_equal(cut.content.size(), 1024 - 700);
    assert_int_equal(seen.notes.back(), Outcome::archive_bad);
    // An end without its marker is common.
    const BodyObjects whole = seen_of(body, "PUT", "", 71);
    assert_int_equal(whole.notes.size(), 1);
    assert_false(member(whole, "b").cut);
}

void sparse_files_are_named_and_seen_without_their_holes(void**) {
    std::string map = tar_block({"sparse", 'S', octal(5)});
    map[482] = 1;
    std::string more(512, '\0');
    more[504] = 1;
    const std::string body =
        tar_file("a", "one") + with_sum(map) + more + std::string(512, '\0') + padded("12345") +
        pax_header(pax_record("GNU.sparse.major", "0") + pax_record("GNU.sparse.name", "real") +
                   pax_record("path", "GNUSparseFile.1/real")) +
        tar_file("short", "678") + tar_file("b", "two") + tar_end();
    const BodyObjects seen = seen_of(body, "PUT", "", 71);
    expect_body(seen, body);
    const std::string why = std::to_string(static_cast<int>(Outcome::archive_unsupported));
    assert_int_equal(seen.unread.size(), 2);
    assert_string_equal(seen.unread[0].c_str(), (why + "|up.bin|sparse").c_str());
    assert_string_equal(seen.unread[1].c_str(), (why + "|up.bin|real").c_str());
    expect_member(seen, "sparse", "12345");
    expect_member(seen, "real", "678");
    expect_member(seen, "b", "two");
}

void what_only_looks_like_an_archive_is_a_plain_object(void**) {
    std::string ustar(1400, '.');
    put_in(&ustar, 257, "ustar");
    for (const std::string& body :
         {std::string("\x1f\x8b\x08 is how it begins, and no more of it is gzip"),
          std::string("\x28\xb5\x2f\xfd") + std::string(90, '\xff'), ustar,
          std::string("\x1f\x8b\x08", 3), std::string("x"), std::string(511, '\0'),
          std::string(512, '\0'), std::string(1024, '\0'),
          std::string(512, '\0') + std::string(600, 'x'), std::string("\x1f"),
          std::string("\x50\x2a\x4d\x18\x04\0\0\0....", 12)}) {
        const BodyObjects seen = seen_of(body, "PUT", "", 7);
        expect_body(seen, body);
        assert_int_equal(seen.objects.size(), 1);
        assert_int_equal(seen.notes.size(), 0);
    }
}

void compressed_files_have_one_member(void**) {
    const std::string text = "the text of it, the text of it and more";
    for (const std::string& body :
         {gzip_file(text), zstd_file(text), gzip_file(text) + std::string(700, '\0'),
          gzip_file(text) + "garbage", gzip_file(text.substr(0, 7)) + gzip_file(text.substr(7)),
          gzip_file(text.substr(0, 7)) + std::string(5, '\0') + gzip_file(text.substr(7)),
          zstd_file(text.substr(0, 7)) + zstd_file(text.substr(7)),
          std::string("\x50\x2a\x4d\x18\x04\0\0\0....", 12) + zstd_file(text)}) {
        const BodyObjects seen = seen_of(body, "PUT", "", 1, "/dir/up.txt.gz");
        expect_body(seen, body);
        assert_int_equal(seen.objects.size(), 2);
        expect_member(seen, "up.txt", text, "up.txt.gz");
        assert_false(member(seen, "up.txt").cut);
    }
    const BodyObjects named = seen_of(gzip_file(text, "inner name.txt"));
    expect_member(named, "inner name.txt", text);
    std::string with_extra = gzip_file(text, "n");
    with_extra[3] |= 4;
    with_extra.insert(10, std::string("\x03\0abc", 5));
    expect_member(seen_of(with_extra), "n", text);
}

// Python does not look at the checksum of the head; the others stop.
void a_head_of_gzip_that_readers_take_differently_is_inconsistent(void**) {
    std::string checked = gzip_file("the known file");
    checked[3] = 2;
    checked.insert(10, "xx");
    for (const std::string& odd : {checked, gzip_file("first") + checked})
        expect_fault(odd, Outcome::archive_inconsistent);
}

// gzip and zlib stop at reserved flags; Python, Go and Java do not look at them.
void reserved_flags_of_gzip_hide_nothing(void**) {
    const std::string known = "the known file";
    for (const char flag : {'\x20', '\x40', '\x80', '\xe0'}) {
        std::string reserved = gzip_file(known, "n");
        reserved[3] = static_cast<char>(reserved[3] | flag);
        expect_member(seen_of(reserved), "n", known);
        expect_member(seen_of(gzip_file("first", "n") + reserved), "n", "first" + known);
        expect_member(seen_of(tar_file("in.gz", reserved) + tar_end(), "PUT", "", 7), "n", known,
                      "in.gz");
    }
}

// Some readers stop behind the first piece.
void the_first_of_several_pieces_may_be_all(void**) {
    const std::string known = "the known file";
    for (const std::string& body :
         {gzip_file(known) + gzip_file("more"), zstd_file(known) + zstd_file("more"),
          gzip_file(known) + std::string(2, '\0') + gzip_file("more")}) {
        const BodyObjects seen = seen_of(body);
        assert_int_equal(seen.prefixes.size(), 1);
        assert_string_equal(seen.prefixes[0].c_str(), known.c_str());
    }
}

void a_damaged_compressed_file_is_seen_as_far_as_it_goes(void**) {
    std::string text;
    for (int n = 0; n < 300; ++n)
        text += std::to_string(n * n) + " ";
    for (const std::string& whole : {gzip_file(text), zstd_file(text)}) {
        const BodyObjects cut = seen_of(whole.substr(0, whole.size() - 4));
        assert_false(cut.fault.has_value());
        assert_int_equal(cut.notes.back(), Outcome::archive_bad);
        if (members(cut) == 0) continue;  // zstd gives whole blocks
        assert_true(cut.objects[1].cut && cut.objects[1].ended);
        assert_true(text.starts_with(cut.objects[1].content));
    }
    std::string damaged = gzip_file(text);
    damaged[damaged.size() / 2] ^= 0x55;
    const ParsedHead head("PUT", "");
    const BodyObjects seen = objects_of(head.head(), {as_bytes(damaged)});
    expect_body(seen, damaged);
    assert_int_equal(seen.notes.back(), Outcome::archive_bad);
}

void archives_in_archives_are_taken_apart(void**) {
    const std::string inner =
        tar_file("deep/one.txt", "first") + tar_file("two.gz", gzip_file("second")) + tar_end();
    const std::string body = gzip_file(
        tar_file("inner.tar.zst", zstd_file(inner)) + tar_file("plain", "third") + tar_end(),
        "outer.tar");
    const BodyObjects seen = seen_of(body, "PUT", "", 1, "/b/outer.tar.gz");
    expect_body(seen, body);
    expect_member(seen, "inner.tar.zst", zstd_file(inner), "outer.tar");
    expect_member(seen, "inner.tar", inner, "inner.tar.zst");
    expect_member(seen, "deep/one.txt", "first", "inner.tar");
    expect_member(seen, "two.gz", gzip_file("second"), "inner.tar");
    expect_member(seen, "two", "second", "two.gz");
    expect_member(seen, "plain", "third", "outer.tar");
    assert_int_equal(members(seen), 7);
}

std::string nested_tars(int depth) {
    std::string body = "the innermost";
    for (int n = 0; n < depth; ++n)
        body = tar_file("t" + std::to_string(n), body);
    return body;
}

void depth_has_a_limit(void**) {
    expect_member(seen_of(nested_tars(3), "PUT", "", 97), "t0", "the innermost", "t1");
    expect_fault(nested_tars(4), Outcome::archive_limit);
    std::string wrapped = "x";
    for (int n = 0; n < 4; ++n)
        wrapped = gzip_file(wrapped);
    expect_fault(wrapped, Outcome::archive_limit);
}

// Where policy says so the archive too deep is left alone, and all around it is still seen.
void what_is_given_up_is_left_alone(void**) {
    const std::string body = tar_file("before", "one") +
                             tar_file("d.gz", gzip_file(gzip_file(gzip_file(gzip_file("x"))))) +
                             tar_file("after", "two") + tar_end();
    const ParsedHead head("PUT", "", "/up.bin");
    BodyObjects seen(head.head());
    seen.gives_up = true;
    for (std::size_t at = 0; at < body.size(); ++at) {
        seen.feed(as_bytes(std::string_view(body).substr(at, 1)), at);
        if (seen.fault) {
            assert_int_equal(*seen.fault, Outcome::archive_limit);
            seen.give_up();
        }
    }
    seen.finish();
    assert_true(seen.objects[0].content == body);
    expect_member(seen, "after", "two");
}

void a_form_part_may_be_an_archive(void**) {
    const std::string tar = tar_file("in/side", "content") + tar_end();
    const std::string gz = gzip_file("zipped");
    const auto part = [](std::string_view name, std::string_view content, std::string_view more) {
        return "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"" +
               std::string(name) + "\"\r\n" + std::string(more) + "\r\n" + std::string(content) +
               "\r\n";
    };
    const std::string form =
        part("my.tar", tar, "") + part("a.gz", gz, "") +
        "--b\r\nContent-Disposition: form-data; name=\"t\"\r\n\r\n" +
        gzip_file(std::string(300, 'f') + "0123456789abcdefghijkl", "fieldname") + "\r\n--b--";
    const BodyObjects seen =
        seen_of(form, "POST", "Content-Type: multipart/form-data; boundary=b\r\n");
    assert_false(seen.fault.has_value());
    expect_member(seen, "in/side", "content", "my.tar");
    assert_string_equal(member(seen, "in/side").file_name.c_str(), "my.tar");
    assert_string_equal(member(seen, "in/side").field.c_str(), "f");
    expect_member(seen, "a", "zipped", "a.gz");
    // Declared to be what it is not.
    for (const std::string& declared :
         {part("my.tar", tar, "Content-Transfer-Encoding: base64\r\n"),
          part("my.tar", tar, "Content-Type: multipart/mixed; boundary=c\r\n"), tar})
        assert_int_equal(*seen_of(declared + "\r\n--b--", "POST",
                                  "Content-Type: multipart/form-data; boundary=b\r\n", 31)
                              .fault,
                         Outcome::archive_inconsistent);
}

void what_is_coded_or_chunked_may_be_an_archive(void**) {
    const std::string tar = tar_file("in", "content") + tar_end();
    expect_member(seen_of(gzip_file(tar), "PUT", "Content-Encoding: gzip\r\n"), "in", "content");
    // It only claims the coding.
    const BodyObjects bogus = seen_of(tar, "PUT", "Content-Encoding: gzip\r\n", 3);
    expect_member(bogus, "in", "content");
    expect_member(seen_of(zstd_file(tar), "PUT", "Content-Encoding: br\r\n", 3), "in", "content",
                  "up");
    expect_member(seen_of(tar, "PUT", "Content-Encoding: compress\r\n", 11), "in", "content");
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", tar.size());
    expect_member(seen_of(size + tar + "\r\n0\r\n\r\n", "PUT",
                          "X-Amz-Content-Sha256: STREAMING-UNSIGNED-PAYLOAD-TRAILER\r\n", 3),
                  "in", "content");
}

// Two formats in one file: who reads it decides which members there are.
void a_tar_that_begins_like_something_else_is_inconsistent(void**) {
    for (const std::string& name :
         {gzip_file("x").substr(0, 90), zstd_file(std::string(60, 'q')).substr(0, 40)}) {
        const std::string body = tar_file(name, "hidden") + tar_end();
        const ParsedHead head("PUT", "");
        every_split(as_bytes(body), [&](const std::vector<Bytes>& pieces) {
            const BodyObjects seen = objects_of(head.head(), pieces);
            assert_int_equal(*seen.fault, Outcome::archive_inconsistent);
            assert_true(seen.objects[0].content.size() >= 512);
        });
    }
}

void bombs_end_at_a_limit(void**) {
    const std::string zeros(std::size_t{8} << 20, '\0');
    for (const std::string& body : {gzip_file(gzip_file(zeros)), zstd_file(zeros)}) {
        const ParsedHead head("PUT", "");
        BodyObjects seen(head.head());
        seen.feed(as_bytes(body), 0);
        assert_int_equal(*seen.fault, Outcome::archive_limit);
    }
    // Nested, each would have its own allowance.
    std::string pieces;
    for (int n = 0; n < 40; ++n)
        pieces += zstd_file(std::string(std::size_t{1000} << 10, '\0'));
    const ParsedHead head("PUT", "");
    BodyObjects seen(head.head());
    seen.feed(as_bytes(pieces), 0);
    assert_int_equal(*seen.fault, Outcome::archive_limit);
    assert_true(seen.objects.at(1).content.size() <=
                limits::archive_free_bytes + limits::archive_ratio_max * pieces.size() + 4096);
}

void members_of_a_zip_are_objects(void**) {
    ZipWriter zip;
    zip.add("dir/one.txt", "the first");
    zip.add("in.tar", tar_file("deep", "in it") + tar_end());
    zip.add("secret", "not read", 1);
    zip.add("two.txt", "the second");
    const std::string body = zip.finish();
    const BodyObjects seen = seen_of(body, "PUT", "", 1, "/my.zip");
    expect_body(seen, body);
    expect_member(seen, "dir/one.txt", "the first", "my.zip");
    expect_member(seen, "deep", "in it", "in.tar");
    expect_member(seen, "two.txt", "the second", "my.zip");
    assert_int_equal(seen.unread.size(), 1);
    assert_string_equal(
        seen.unread[0].c_str(),
        (std::to_string(static_cast<int>(Outcome::archive_encrypted)) + "|my.zip|secret").c_str());
    // Two readers, two contents.
    const std::string first = zip_file("a", "shown");
    const std::string second = zip_file("b", "other");
    expect_fault(first.substr(0, first.find("PK\1\2")) + second.substr(second.find("PK\1\2")),
                 Outcome::archive_inconsistent);
}

// A stub that unpacks it, another archive before it, zeros: readers look from the end.
void a_zip_may_stand_behind_anything(void**) {
    const std::string known = "the known file";
    for (const std::string& stub :
         {std::string("MZ and a program that is not read"), std::string("x"), std::string("PKPK"),
          std::string("PK\3"), std::string(600, 'q') + "PK", std::string(600, '.') + "PK",
          std::string(512, '\0'), std::string(512, '\0') + std::string(40, 'y'),
          gzip_file("harmless"), zstd_file("harmless"), tar_file("harmless", "h") + tar_end(),
          tar_file("harmless", "h") + tar_end() + "PK",
          std::string("7z\xbc\xaf\x27\x1c\0\x04", 8)}) {
        for (const bool counts_from_the_stub : {false, true}) {
            const std::string body =
                stub + zip_file("k", known, counts_from_the_stub ? stub.size() : 0);
            const BodyObjects seen = seen_of(body, "PUT", "", stub.size() > 99 ? 13 : 1);
            expect_body(seen, body);
            expect_member(seen, "k", known);
        }
    }
    // Its first bytes went into a file of gzip that was none.
    expect_fault("\x1f\x8b\x08" + zip_file("k", known), Outcome::archive_inconsistent);
    const std::string form =
        "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"setup.exe\"\r\n\r\nMZ" +
        zip_file("k", known) + "\r\n--b--";
    expect_member(seen_of(form, "POST", "Content-Type: multipart/form-data; boundary=b\r\n"), "k",
                  known, "setup.exe");
}

// It stands in programs that read zips.
void a_signature_alone_is_no_archive(void**) {
    const std::string body = "a program with PK\3\4 in it" + std::string(300, 'p') +
                             std::string("PK\3\4\x14\0\0\0\x08\0", 10) + "PK\5\6 and more";
    const BodyObjects seen = seen_of(body);
    expect_body(seen, body);
    assert_int_equal(seen.objects.size(), 1);
    // Nor at any depth.
    std::string deep = body;
    for (int n = 0; n < 3; ++n)
        deep = tar_file("t", deep);
    assert_false(seen_of(deep, "PUT", "", 97).fault.has_value());
}

// A text is an object as it is, and so are the files in base64 in it, which may be archives.
void files_in_texts_are_objects(void**) {
    const std::string file(700, 'f');
    const std::string text = base64_of(file);
    for (const std::string& body :
         {text, "data:image/png;base64," + text,
          "{\"name\":\"a.png\",\"data\":\"" + text + "\",\"n\":[1,\"" + text + "\"]}"}) {
        const BodyObjects seen = seen_of(body, "POST", "Content-Type: application/json\r\n", 3);
        expect_body(seen, body);
        assert_true(seen.objects.size() >= 2);
        for (std::size_t n = 1; n < seen.objects.size(); ++n) {
            assert_string_equal(seen.objects[n].form.c_str(), "decoded");
            assert_true(seen.objects[n].content == file && seen.objects[n].ended);
        }
    }
    const std::string coded = gzip_file("{\"photo\":\"" + text + "\"}");
    const BodyObjects json = seen_of(coded, "POST", "Content-Encoding: gzip\r\n");
    assert_string_equal(json.objects.back().field.c_str(), "photo");
    assert_true(json.objects.back().content == file);
    const std::string tar = tar_file("in", "content") + tar_end();
    expect_member(seen_of("[\"" + base64_of(tar) + "\"]", "POST", "", 9), "in", "content");
    const std::string part =
        "--b\r\nContent-Disposition: form-data; name=\"blob\"\r\n\r\ndata:image/png;base64," +
        text + "\r\n--b--";
    const BodyObjects form =
        seen_of(part, "POST", "Content-Type: multipart/form-data; boundary=b\r\n", 5);
    assert_true(form.objects.back().content == file);
    assert_string_equal(form.objects.back().field.c_str(), "blob");
    // What begins like one and has a zip in it.
    const std::string mixed = "{\"" + text + "\"," + zip_file("k", "known");
    expect_member(seen_of(mixed, "PUT", "", 5), "k", "known");
    // What is odd about the text is told before the zip begins, however it came.
    const std::string odd = "{\"" + text.substr(0, 300) + "\x9c" + zip_file("k", "known");
    const BodyObjects seen = seen_of(odd);
    expect_member(seen, "k", "known");
    assert_true(std::find(seen.notes.begin(), seen.notes.end(), Outcome::text_bad) !=
                seen.notes.end());
}

void formats_that_are_not_taken_apart_are_told(void**) {
    const std::string body = std::string("7z\xbc\xaf\x27\x1c\0\x04", 8) + std::string(700, 's');
    const BodyObjects seen = seen_of(body, "PUT", "", 3);
    expect_body(seen, body);
    assert_int_equal(seen.unread.size(), 1);
    assert_true(seen.unread[0].starts_with(
        std::to_string(static_cast<int>(Outcome::archive_unknown)) + "|"));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(members_of_a_tar_are_objects),
        cmocka_unit_test(old_headers_and_signed_sums_are_read),
        cmocka_unit_test(long_names_are_put_together),
        cmocka_unit_test(sizes_in_256s_and_of_pax_are_read),
        cmocka_unit_test(sizes_that_readers_take_differently_are_inconsistent),
        cmocka_unit_test(content_of_what_has_none_is_a_member_unless_a_header_is_in_it),
        cmocka_unit_test(what_is_damaged_is_passed_over),
        cmocka_unit_test(what_stands_behind_the_end_is_read_as_well),
        cmocka_unit_test(what_is_cut_short_is_seen_as_far_as_it_goes),
        cmocka_unit_test(sparse_files_are_named_and_seen_without_their_holes),
        cmocka_unit_test(what_only_looks_like_an_archive_is_a_plain_object),
        cmocka_unit_test(compressed_files_have_one_member),
        cmocka_unit_test(a_head_of_gzip_that_readers_take_differently_is_inconsistent),
        cmocka_unit_test(reserved_flags_of_gzip_hide_nothing),
        cmocka_unit_test(the_first_of_several_pieces_may_be_all),
        cmocka_unit_test(a_damaged_compressed_file_is_seen_as_far_as_it_goes),
        cmocka_unit_test(archives_in_archives_are_taken_apart),
        cmocka_unit_test(depth_has_a_limit),
        cmocka_unit_test(what_is_given_up_is_left_alone),
        cmocka_unit_test(a_form_part_may_be_an_archive),
        cmocka_unit_test(what_is_coded_or_chunked_may_be_an_archive),
        cmocka_unit_test(a_tar_that_begins_like_something_else_is_inconsistent),
        cmocka_unit_test(bombs_end_at_a_limit),
        cmocka_unit_test(members_of_a_zip_are_objects),
        cmocka_unit_test(a_zip_may_stand_behind_anything),
        cmocka_unit_test(a_signature_alone_is_no_archive),
        cmocka_unit_test(files_in_texts_are_objects),
        cmocka_unit_test(formats_that_are_not_taken_apart_are_told),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
