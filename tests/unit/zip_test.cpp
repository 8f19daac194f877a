// Zips: every form of member, what hides one from a reader, damage, limits.
#include <memory>

#include "dataplane/object/zip_record.h"
#include "dataplane/object/zip_search.h"
#include "tests/support/every_split.h"
#include "tests/support/guard_page.h"
#include "tests/support/zip_builder.h"
#include "tests/support/zip_members.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

const std::string text = "the content of a member, the content of a member, and PK\x03\x04 in it";

ZipMembers seen_at_every_split(std::string_view archive, bool leads = true) {
    const std::string whole = members_of(archive, leads).trace();
    every_split(as_bytes(archive), [&](const std::vector<Bytes>& pieces) {
        std::vector<std::unique_ptr<GuardedBytes>> guarded;
        std::vector<Bytes> copies;
        for (const Bytes piece : pieces) {
            guarded.push_back(std::make_unique<GuardedBytes>(piece));
            copies.push_back(guarded.back()->bytes());
        }
        const std::string cut = members_of(copies, leads).trace();
        if (cut != whole) print_error("whole: %s\ncut: %s\n", whole.c_str(), cut.c_str());
        assert_true(cut == whole);
    });
    return members_of(archive, leads);
}

void assert_fault(const ZipMembers& seen, const char* name) {
    assert_string_equal(seen.fault().c_str(), name);
}

void assert_holds(const ZipMembers& seen, std::size_t number, std::string_view name,
                  std::string_view content) {
    assert_true(seen.members.size() > number);
    const SeenMember& member = seen.members[number];
    assert_string_equal(member.name.c_str(), std::string(name).c_str());
    assert_true(member.content == content);
    assert_true(member.ended && member.is_sound);
}

BuiltMember member(std::string_view name, std::string_view content, std::uint16_t method = 0) {
    BuiltMember one;
    one.name = name;
    one.content = content;
    one.method = method;
    return one;
}

void members_are_seen_in_every_method_with_lengths_before_and_behind(void**) {
    for (const std::uint16_t method : {std::uint16_t{0}, std::uint16_t{8}, std::uint16_t{93}}) {
        for (const unsigned descriptor : {0U, 4U, 8U}) {
            for (const bool is_signed : {true, false}) {
                for (const bool is_wide : {true, false}) {
                    if (descriptor == 0 && !is_signed) continue;
                    BuiltMember one = member("folder/file.txt", text, method);
                    one.descriptor = descriptor;
                    one.is_signed = is_signed;
                    one.is_wide = is_wide;
                    ZipBuilder zip;
                    zip.add(one).add("empty", "").add("last", "x", method);
                    const ZipMembers seen = seen_at_every_split(zip.end());
                    assert_fault(seen, "");
                    assert_int_equal(seen.members.size(), 3);
                    assert_holds(seen, 0, "folder/file.txt", text);
                    assert_holds(seen, 1, "empty", "");
                    assert_holds(seen, 2, "last", "x");
                }
            }
        }
    }
}

void the_directory_may_have_64_bit_ends_comments_and_another_order(void**) {
    for (const ZipBuilder::Wide wide :
         {ZipBuilder::Wide::no, ZipBuilder::Wide::markers, ZipBuilder::Wide::both}) {
        for (const bool front_first : {true, false}) {
            ZipBuilder zip;
            zip.front_first = front_first;
            zip.add("a", text, 8).add("b/", "").add("c", "content of c");
            const ZipMembers seen = seen_at_every_split(zip.end("a comment", wide));
            assert_fault(seen, "");
            assert_int_equal(seen.members.size(), 3);
            assert_true(seen.members[1].is_directory);
            assert_false(seen.members[2].is_directory);
        }
    }
}

void an_empty_archive_is_one(void**) {
    const ZipMembers seen = seen_at_every_split(ZipBuilder().end());
    assert_fault(seen, "");
    assert_true(seen.opened() && seen.members.empty());
}

void an_archive_behind_a_stub_is_found_with_places_of_both_kinds(void**) {
    for (const bool counts_from_archive : {true, false}) {
        ZipBuilder zip;
        zip.put("MZ a program that takes itself apart, P PK PK\x03 PK\x05\x06 and no more");
        zip.base = counts_from_archive ? zip.size() : 0;
        zip.add("a", text, 8).add("b", text);
        const ZipMembers seen = seen_at_every_split(zip.end(), false);
        assert_fault(seen, "");
        assert_int_equal(seen.members.size(), 2);
        assert_holds(seen, 1, "b", text);
    }
}

void bytes_with_signatures_in_them_are_no_archive(void**) {
    std::string bytes =
        "\x7f"
        "ELF, a program that knows PK\x03\x04 and PK\x01\x02 and PK\x05\x06";
    bytes += std::string(30, '\x41') + "PK\x03\x04" + std::string(300, '\xff') + "PK\x05\x06";
    bytes += std::string(40, '\0');
    const ZipMembers seen = seen_at_every_split(bytes, false);
    assert_fault(seen, "");
    assert_true(seen.members.empty() && seen.notes.empty());
    assert_false(seen.opened());
}

// A disk image, say: members are seen, but nobody opens it as an archive.
void what_stands_amid_other_bytes_is_judged_but_is_no_fault(void**) {
    ZipBuilder zip;
    zip.put("some bytes of an image");
    zip.add("a", text).add("b", text, 8);
    std::string damaged = zip.end();
    damaged[60] = static_cast<char>(damaged[60] ^ 1);
    damaged += std::string(70000, 'i');
    const ZipMembers seen = members_of(damaged, false);
    assert_fault(seen, "");
    assert_int_equal(seen.members.size(), 2);
    assert_false(seen.members[0].is_sound);
    assert_holds(seen, 1, "b", text);
}

void encrypted_members_and_unknown_methods_are_noted_with_their_names(void**) {
    ZipBuilder zip;
    BuiltMember secret = member("secret.txt", text);
    secret.flags = 1;
    zip.add(secret);
    secret.name = "later.txt";
    secret.descriptor = 4;
    zip.add(secret);
    BuiltMember aes = member("aes.txt", text, 99);
    aes.flags = 1;
    zip.add(aes);
    zip.add("bzip2.txt", text, 12).add("seen.txt", text, 8).add("deflate64", text, 9);
    BuiltMember lzma = member("lzma", text, 14);
    lzma.descriptor = 8;
    lzma.is_signed = false;
    zip.add(lzma).add("last", "x");
    const ZipMembers seen = seen_at_every_split(zip.end());
    assert_fault(seen, "");
    const std::vector<std::string> wanted = {
        "archive_encrypted secret.txt",  "archive_encrypted later.txt",
        "archive_encrypted aes.txt",     "archive_unsupported bzip2.txt",
        "archive_unsupported deflate64", "archive_unsupported lzma"};
    assert_true(seen.notes == wanted);
    assert_int_equal(seen.members.size(), 2);
    assert_holds(seen, 0, "seen.txt", text);
    assert_holds(seen, 1, "last", "x");
}

void names_are_utf8_or_code_page_437_or_in_a_field_of_their_own(void**) {
    ZipBuilder zip;
    BuiltMember flagged = member("\xc3\xa4.txt", "1");
    flagged.flags = 1u << 11;
    zip.add(flagged).add("\x84.txt", "2").add("\xc3\xb6", "3");
    BuiltMember field = member("__.txt", "4");
    const std::string unicode = "\xe6\x97\xa5\xe6\x9c\xac.txt";
    field.extra =
        le(0x7075, 2) + le(5 + unicode.size(), 2) + "\x01" + le(crc_of("__.txt"), 4) + unicode;
    zip.add(field);
    field.extra[5] = static_cast<char>(field.extra[5] ^ 1);  // of another name: ignored
    field.name = "_2.txt";
    zip.add(field);
    zip.add(std::string(5000, 'n'), "5");
    const ZipMembers seen = seen_at_every_split(zip.end().substr(0));
    assert_fault(seen, "");
    assert_holds(seen, 0, "\xc3\xa4.txt", "1");
    assert_holds(seen, 1, "\xc3\xa4.txt", "2");
    assert_holds(seen, 2, "\xc3\xb6", "3");
    assert_holds(seen, 3, unicode, "4");
    assert_holds(seen, 4, "_2.txt", "4");
    assert_holds(seen, 5, std::string(limits::archive_name_bytes_max, 'n'), "5");
}

void what_lies_between_records_is_passed_over(void**) {
    ZipBuilder zip;
    BuiltMember aligned = member("a", text);
    aligned.extra = std::string(3, '\0');  // no whole field
    zip.add(aligned);
    zip.put("padding");
    zip.add("b", text, 8);
    const std::string inside = "a signing block, PK and P PK\x03\x04 in it";
    zip.between =
        le(inside.size() + 24, 8) + inside + le(inside.size() + 24, 8) + "APK Sig Block 42";
    zip.behind_directory = "PK\x05\x05" + le(4, 2) + "sign";
    const ZipMembers seen = seen_at_every_split(zip.end());
    assert_fault(seen, "");
    assert_int_equal(seen.members.size(), 2);
}

void the_mark_of_volumes_may_stand_before_a_single_one(void**) {
    for (const std::string_view mark : {"PK\x07\x08", "PK00"}) {
        ZipBuilder zip;
        zip.put(mark);
        zip.add("a", text);
        const ZipMembers seen = seen_at_every_split(zip.end());
        assert_fault(seen, "");
        assert_holds(seen, 0, "a", text);
    }
}

void the_last_of_several_volumes_is_noted(void**) {
    ZipBuilder zip;
    zip.add("a", text);
    zip.list("of another volume", 0, 0, 1, 2, 2, 77);
    zip.disk = 1;
    const ZipMembers seen = seen_at_every_split(zip.end());
    assert_fault(seen, "");
    assert_true(seen.notes == std::vector<std::string>{"archive_unsupported "});
}

void an_encrypted_directory_is_noted(void**) {
    ZipBuilder zip;
    BuiltMember masked = member("1", text);
    masked.flags = 1 | 1u << 13;
    masked.is_listed = false;
    zip.add(masked);
    zip.between = "PK\x06\x08" + le(4, 4) + "keys and a directory that nobody can read";
    const ZipMembers seen = seen_at_every_split(zip.end());
    assert_fault(seen, "");
    assert_int_equal(seen.notes.size(), 2);
    assert_string_equal(seen.notes[1].c_str(), "archive_encrypted ");
}

void two_archives_one_behind_the_other_are_both_seen(void**) {
    ZipBuilder first;
    first.add("a", text);
    ZipBuilder second;
    second.put(first.end());
    second.base = second.size();
    second.add("b", text, 8);
    const ZipMembers seen = seen_at_every_split(second.end());
    assert_fault(seen, "");
    assert_int_equal(seen.members.size(), 2);
}

void one_name_for_two_members_is_no_fault(void**) {
    ZipBuilder zip;
    zip.add("a", text).add("a", "other content");
    assert_fault(members_of(zip.end()), "");
}

void a_nested_archive_without_its_length_is_seen_whole(void**) {
    ZipBuilder inner;
    BuiltMember one = member("a", text);
    one.descriptor = 4;
    inner.add(one).add("b", text, 8);
    BuiltMember holder = member("inner.zip", inner.end());
    holder.descriptor = 4;
    for (const bool is_signed : {true, false}) {
        holder.is_signed = is_signed;
        ZipBuilder outer;
        outer.add(holder).add("last", "x");
        const ZipMembers seen = seen_at_every_split(outer.end());
        assert_fault(seen, "");
        assert_int_equal(seen.members.size(), 2);
        assert_holds(seen, 0, "inner.zip", inner.end());
    }
}

void an_archive_that_is_cut_short_is_bad_and_seen_as_far_as_it_goes(void**) {
    ZipBuilder zip;
    BuiltMember one = member("a", text);
    one.descriptor = 4;
    zip.add(one).add("b", text, 8).add("c", text);
    const std::string whole = zip.end("", ZipBuilder::Wide::both);
    for (std::size_t size = 1; size < whole.size(); ++size) {
        const ZipMembers seen = members_of(whole.substr(0, size));
        assert_fault(seen, "archive_bad");
        if (seen.members.size() > 1) assert_holds(seen, 0, "a", text);
    }
    assert_fault(members_of(whole), "");
}

// If the connection ends here, the member has these bytes too.
void what_may_be_a_descriptor_is_told_as_kept_back(void**) {
    BuiltMember one = member("a", text);
    one.descriptor = 4;
    ZipBuilder zip;
    zip.add(one);
    const std::string archive = zip.end();
    const std::size_t data_at = 31;
    for (std::size_t size = data_at + 1; size <= data_at + text.size(); ++size) {
        ZipMembers seen;
        seen.feed(as_bytes(archive).first(size));
        const SeenMember& open = seen.members.at(0);
        assert_true(open.content + open.kept_back == text.substr(0, size - data_at));
        seen.finish();
        assert_true(seen.members.at(0).content == text.substr(0, size - data_at));
    }
}

// --- what readers would see differently ---------------------------------------------------------

void a_member_that_the_directory_lacks_is_inconsistent(void**) {
    BuiltMember hidden = member("hidden", text);
    hidden.is_listed = false;
    for (const int place : {0, 1, 2}) {
        ZipBuilder zip;
        if (place == 0) zip.add(hidden);
        zip.add("a", text);
        if (place == 1) zip.add(hidden);
        zip.add("b", text, 8);
        if (place == 2) zip.add(hidden);
        const ZipMembers seen = seen_at_every_split(zip.end());
        assert_fault(seen, "archive_inconsistent");
        assert_int_equal(seen.members.size(), 3);
    }
}

void an_entry_of_the_directory_that_says_anything_else_is_inconsistent(void**) {
    const std::uint32_t crc = crc_of(text);
    const auto size = text.size();
    struct Entry {
        std::string_view name;
        std::uint16_t flags;
        std::uint16_t method;
        std::uint32_t crc;
        std::uint64_t packed;
        std::uint64_t plain;
        std::uint64_t at;
    };
    const Entry right{"a", 0, 0, crc, size, size, 0};
    for (const Entry& entry : {
             Entry{"b", 0, 0, crc, size, size, 0},
             Entry{"a", 1, 0, crc, size, size, 0},
             Entry{"a", 0, 8, crc, size, size, 0},
             Entry{"a", 0, 0, crc + 1, size, size, 0},
             Entry{"a", 0, 0, crc, size - 1, size, 0},
             Entry{"a", 0, 0, crc, size, size + 1, 0},
             Entry{"a", 0, 0, crc, size, size, 1},
         }) {
        ZipBuilder zip;
        BuiltMember one = member("a", text);
        one.is_listed = false;
        zip.add(one);
        zip.list(entry.name, entry.flags, entry.method, entry.crc, entry.packed, entry.plain,
                 entry.at);
        assert_fault(members_of(zip.end()), "archive_inconsistent");
    }
    ZipBuilder zip;
    BuiltMember one = member("a", text);
    one.is_listed = false;
    zip.add(one);
    zip.list(right.name, 0, 0, crc, size, size, 0);
    assert_fault(members_of(zip.end()), "");
}

void entries_that_overlap_or_point_into_data_are_inconsistent(void**) {
    // Two entries for one member, as bombs have them.
    ZipBuilder twice;
    twice.add("a", text);
    twice.list("a", 0, 0, crc_of(text), text.size(), text.size(), 0);
    assert_fault(members_of(twice.end()), "archive_inconsistent");
    // A local header within the data of another member.
    ZipBuilder inner;
    inner.add("evil", "what is hidden");
    ZipBuilder outer;
    outer.add("cover", inner.end());
    outer.list("evil", 0, 0, crc_of("what is hidden"), 14, 14, 35);
    assert_fault(seen_at_every_split(outer.end()), "archive_inconsistent");
}

void an_end_that_points_to_another_directory_is_inconsistent(void**) {
    ZipBuilder other;
    other.add("evil", "what is hidden");
    // In the data of a member: found by readers that believe the place.
    ZipBuilder zip;
    zip.add("cover", other.directory()).add("a", text);
    zip.offset_error = std::uint64_t{0} - (zip.size() - 35);
    assert_fault(seen_at_every_split(zip.end()), "archive_inconsistent");
    // Two directories: found by readers that count back from the end.
    ZipBuilder two;
    two.add("a", text);
    two.behind_directory = "bytes";
    assert_fault(seen_at_every_split(two.end()), "archive_inconsistent");
}

void another_end_within_reach_is_inconsistent(void**) {
    ZipBuilder other;
    other.add("evil", "what is hidden", 8);
    ZipBuilder zip;
    zip.add("a", text);
    // In the comment, behind it, and as the whole of an archive that a false member swallows.
    assert_fault(seen_at_every_split(zip.end("PK\x05\x06" + std::string(18, '\0'))),
                 "archive_inconsistent");
    assert_fault(seen_at_every_split(zip.end("junk") + "PK\x05\x06" + other.end().substr(80, 18)),
                 "archive_inconsistent");
    std::string swallowed = "PK\x03\x04" + le(20, 2) + le(0, 8) + le(0, 4) + le(1u << 30, 4) +
                            le(1u << 30, 4) + le(1, 2) + le(0, 2) + "x";
    assert_fault(seen_at_every_split(swallowed + zip.end()), "archive_inconsistent");
    assert_fault(members_of("MZ" + swallowed + zip.end(), false), "archive_inconsistent");
}

// Some readers look for a directory at its place as it stands, before they count from where the
// archive begins.
void another_directory_where_a_stub_is_not_counted_is_inconsistent(void**) {
    for (const bool is_forged : {false, true}) {
        ZipBuilder evil;
        evil.add("evil", "what is hidden");
        const std::string stub = "MZ" + std::string(400, 's');
        ZipBuilder zip;
        zip.put(stub);
        zip.base = zip.size();
        zip.add("a", text).add("b", text, 8);
        const std::size_t told_at = zip.size() - zip.base;
        std::string archive = zip.end();
        if (is_forged) archive.replace(told_at, evil.directory().size(), evil.directory());
        assert_true(told_at + evil.directory().size() < zip.base);
        const ZipMembers seen = seen_at_every_split(archive, false);
        assert_fault(seen, is_forged ? "archive_inconsistent" : "");
        assert_int_equal(seen.members.size(), 2);
    }
}

// Halves of a mark stand everywhere, so that none is taken for one; the bytes end at a page that
// nobody may read.
void a_mark_is_found_at_every_place_of_every_length(void**) {
    for (std::size_t length = 0; length < 200; ++length) {
        std::string bytes(length, 'P');
        for (std::size_t at = 1; at < length; at += 5)
            bytes[at] = 'x';
        if (length > 2) bytes[0] = 'K';
        assert_int_equal(find_zip_mark(GuardedBytes(as_bytes(bytes)).bytes()), length);
        for (std::size_t at = 0; at + 2 <= length; ++at) {
            std::string marked = bytes;
            marked.replace(at, 2, "PK");
            assert_int_equal(find_zip_mark(GuardedBytes(as_bytes(marked)).bytes()), at);
        }
    }
}

void a_search_finds_members_and_directories_at_every_split(void**) {
    for (const std::string_view mark : {"PK\x03\x04", "PK\x01\x02"}) {
        const std::string bytes = "PKPK\x01\x04PK\x03\x02" + std::string(mark) + "rest";
        every_split(as_bytes(bytes), [&](const std::vector<Bytes>& pieces) {
            ZipSearch search;
            std::size_t at = 0;
            std::size_t before = 0;
            std::size_t n = 0;
            while (!search.find(pieces[n], &at)) {
                before += pieces[n++].size();
                assert_true(n < pieces.size());
            }
            const Bytes seen = search.seen();
            assert_true(as_text(seen) == mark.substr(0, seen.size()));
            assert_int_equal(before + at - seen.size(), 10);
        });
    }
}

// Some readers go on from an end whose comment does not fit the file to one whose comment does.
void an_earlier_end_whose_comment_fits_better_is_inconsistent(void**) {
    ZipBuilder zip;
    zip.add("a", text);
    std::string first = zip.end();
    ZipBuilder second;
    second.base = first.size();
    ZipBuilder later;
    later.put(first);
    later.base = later.size();
    later.add("b", text);
    const std::string both = later.end() + "x";  // the last end does not reach to here
    assert_fault(members_of(both), "");
    std::string rival = both;
    const auto length = static_cast<std::uint16_t>(both.size() - first.size());
    rival.replace(first.size() - 2, 2, le(length, 2));
    assert_fault(members_of(rival), "archive_inconsistent");
}

void a_64_bit_end_that_disagrees_or_is_forged_is_inconsistent(void**) {
    ZipBuilder zip;
    zip.add("a", text);
    const std::string right = zip.end("", ZipBuilder::Wide::both);
    assert_fault(members_of(right), "");
    const std::size_t end64 = right.find("PK\x06\x06");
    const std::size_t locator = right.find("PK\x06\x07");
    for (const std::size_t at :
         {end64 + 4, end64 + 24, end64 + 32, end64 + 40, end64 + 48, locator + 8, locator, end64}) {
        std::string wrong = right;
        wrong[at] = static_cast<char>(wrong[at] ^ 1);
        assert_fault(seen_at_every_split(wrong), "archive_inconsistent");
    }
    // Some readers look for a locator before the end whatever that says: here it is in a comment.
    ZipBuilder forged;
    BuiltMember one = member("a", text);
    one.is_listed = false;
    forged.add(one);
    const std::string comment =
        "PK\x06\x06" + std::string(52, '\0') + "PK\x06\x07" + std::string(16, '\0');
    forged.list("a", 0, 0, crc_of(text), text.size(), text.size(), 0, comment);
    assert_fault(seen_at_every_split(forged.end()), "archive_inconsistent");
}

void data_that_are_not_what_the_header_says_are_inconsistent(void**) {
    BuiltMember wrong = member("a", text, 8);
    wrong.has_crc = true;
    wrong.crc = 1;
    for (const unsigned descriptor : {0U, 4U}) {
        wrong.descriptor = descriptor;
        ZipBuilder zip;
        zip.add(wrong).add("b", text);
        const ZipMembers seen = seen_at_every_split(zip.end());
        assert_fault(seen, "archive_inconsistent");
        assert_holds(seen, 1, "b", text);
    }
    // Bytes behind a deflate stream, a stream that is cut, lengths that differ.
    for (const std::string& data :
         {deflated(text, -15) + "hidden", deflated(text, -15).substr(0, 20), std::string("junk")}) {
        BuiltMember odd = member("a", text, 8);
        odd.data = data;
        odd.has_data = true;
        ZipBuilder zip;
        zip.add(odd).add("b", text);
        const ZipMembers seen = members_of(zip.end());
        assert_fault(seen, "archive_inconsistent");
        assert_false(seen.members[0].is_sound);
        assert_holds(seen, 1, "b", text);
    }
    BuiltMember longer = member("a", text);
    longer.data = text + "more";
    longer.has_data = true;
    ZipBuilder zip;
    zip.add(longer);
    assert_fault(members_of(zip.end()), "archive_inconsistent");
}

// The end of stored data without a length is a matter of opinion when they contain a descriptor
// of themselves.
void data_with_a_descriptor_of_their_beginning_are_inconsistent(void**) {
    const std::string begin = "the beginning";
    const std::string content = begin + "PK\x07\x08" + le(crc_of(begin), 4) + le(begin.size(), 4) +
                                le(begin.size(), 4) + "and the rest of the file";
    BuiltMember one = member("a", content);
    one.descriptor = 4;
    ZipBuilder zip;
    zip.add(one).add("b", text);
    assert_fault(seen_at_every_split(zip.end()), "archive_inconsistent");
    // One that does not fit is content.
    one.content[begin.size() + 4] = static_cast<char>(one.content[begin.size() + 4] ^ 1);
    ZipBuilder other;
    other.add(one).add("b", text);
    const ZipMembers seen = seen_at_every_split(other.end());
    assert_fault(seen, "");
    assert_holds(seen, 0, "a", one.content);
}

void two_64_bit_fields_in_one_header_are_inconsistent(void**) {
    BuiltMember one = member("a", text);
    one.is_wide = true;
    one.extra = le(1, 2) + le(16, 2) + le(1, 8) + le(1, 8);
    ZipBuilder zip;
    zip.add(one);
    assert_fault(members_of(zip.end()), "archive_inconsistent");
}

void who_reads_from_the_front_must_see_the_same_of_the_first_archive(void**) {
    BuiltMember hidden = member("hidden", text);
    hidden.is_listed = false;
    ZipBuilder first;
    first.add("a", text).add(hidden);
    ZipBuilder second;
    second.put(first.end());
    second.base = second.size();
    second.add("b", text);
    assert_fault(members_of(second.end()), "archive_inconsistent");
}

void another_key_gives_another_sum(void**) {
    ZipMember one;
    one.packed = one.plain = 5;
    ZipSum sums[3];
    sums[0].add(one, 1, 1, 7);
    sums[1].add(one, 1, 2, 7);
    sums[2].add(one, 1, 1, 3);
    assert_false(sums[0].equals(sums[1], 0, ~std::uint64_t{0}));
    assert_false(sums[2].equals(sums[0], 0, ~std::uint64_t{0}));
    assert_true(sums[2].equals(sums[0], 4, ~std::uint64_t{0}));
}

// Lengths, places and counts cut to their low bits, as a desktop's archive utility writes them.
void an_archive_beyond_4_gib_may_lack_64_bit_fields(void**) {
    constexpr std::uint64_t large = (5ULL << 30) + 77;
    for (const bool tells_truth : {true, false}) {
        ZipDirectory directory;
        directory.open(99);
        ZipMember member;
        member.packed = member.plain = large;
        directory.add_member(member, 1, 0);
        directory.add_member(ZipMember{}, 2, large + 50);
        const std::uint64_t at = large + 100;
        member.packed = member.plain = static_cast<std::uint32_t>(large);
        directory.add_entry(member, 1, false, at, at + 50);
        ZipMember second;
        second.offset = static_cast<std::uint32_t>(large + 50 + (tells_truth ? 0 : 1));
        directory.add_entry(second, 2, false, at + 50, at + 100);
        ZipEnd end;
        end.entries = end.entries_here = 2;
        end.bytes = 100;
        end.offset = static_cast<std::uint32_t>(at);
        assert_int_equal(directory.judge(end, at + 100), tells_truth
                                                             ? ZipDirectory::Verdict::consistent
                                                             : ZipDirectory::Verdict::inconsistent);
    }
}

// --- limits --------------------------------------------------------------------------------------

void much_in_little_is_a_limit(void**) {
    ZipBuilder zip;
    zip.add("zeros", std::string(8u << 20, '\0'), 93);
    assert_fault(members_of(zip.end()), "archive_limit");
    ZipBuilder fine;
    fine.add("zeros", std::string(limits::coding_free_bytes / 2, '\0'), 8);
    assert_fault(members_of(fine.end()), "");
}

void more_members_than_are_looked_at_are_a_limit(void**) {
    std::string header = "PK\x03\x04" + le(20, 2) + le(0, 20) + le(1, 2) + le(0, 2) + "x";
    std::string many;
    for (std::uint32_t n = 0; n <= limits::archive_members_max; ++n)
        many += header;
    ZipMembers seen;
    seen.feed(as_bytes(many).first(header.size() * 1000));
    assert_int_equal(seen.members.size(), 1000);
    seen.feed(as_bytes(many).subspan(header.size() * 1000));
    assert_fault(seen, "archive_limit");
    assert_int_equal(seen.members.size(), limits::archive_members_max);
}

void without_a_free_decoder_a_coded_member_is_not_taken_apart(void**) {
    CodingPool pool(1, 1);
    CodingDecoder taken;
    assert_true(taken.open(ContentCoding::gzip, &pool));
    ZipBuilder zip;
    zip.add("stored", text).add("coded", text, 8);
    const std::string archive = zip.end();
    const auto decoder = std::make_unique<ZipDecoder>();
    decoder->open(&pool, 1, true);
    Bytes input = as_bytes(archive);
    std::array<std::uint8_t, 100> out;
    Bytes data;
    ZipDecoder::Result result = ZipDecoder::Result::more;
    do {
        result = decoder->next(&input, out, &data);
    } while (result != ZipDecoder::Result::more && result != ZipDecoder::Result::limit);
    assert_int_equal(result, ZipDecoder::Result::limit);
    assert_int_equal(decoder->outcome(), Outcome::archive_full);
    decoder->close();
    taken.close();
}

// One block is enough for an archive of any number of members.
void a_decoder_is_given_back_behind_each_member(void**) {
    CodingPool pool(1, 1);
    ZipBuilder zip;
    zip.add("a", text, 8).add("b", text, 93).add("c", text, 8);
    const std::string archive = zip.end();
    for (int n = 0; n < 3; ++n) {
        const auto decoder = std::make_unique<ZipDecoder>();
        decoder->open(&pool, 1, true);
        Bytes input = as_bytes(archive).first(archive.size() - (n == 1 ? 150 : 0));
        std::array<std::uint8_t, 100> out;
        Bytes data;
        int members = 0;
        ZipDecoder::Result result = ZipDecoder::Result::more;
        do {
            result = decoder->next(&input, out, &data);
            members += result == ZipDecoder::Result::member;
        } while (result != ZipDecoder::Result::more);
        assert_true(members >= 2);
        decoder->close();
    }
    CodingDecoder free;
    assert_true(free.open(ContentCoding::gzip, &pool));
    free.close();
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(members_are_seen_in_every_method_with_lengths_before_and_behind),
        cmocka_unit_test(the_directory_may_have_64_bit_ends_comments_and_another_order),
        cmocka_unit_test(an_empty_archive_is_one),
        cmocka_unit_test(an_archive_behind_a_stub_is_found_with_places_of_both_kinds),
        cmocka_unit_test(bytes_with_signatures_in_them_are_no_archive),
        cmocka_unit_test(what_stands_amid_other_bytes_is_judged_but_is_no_fault),
        cmocka_unit_test(encrypted_members_and_unknown_methods_are_noted_with_their_names),
        cmocka_unit_test(names_are_utf8_or_code_page_437_or_in_a_field_of_their_own),
        cmocka_unit_test(what_lies_between_records_is_passed_over),
        cmocka_unit_test(the_mark_of_volumes_may_stand_before_a_single_one),
        cmocka_unit_test(the_last_of_several_volumes_is_noted),
        cmocka_unit_test(an_encrypted_directory_is_noted),
        cmocka_unit_test(two_archives_one_behind_the_other_are_both_seen),
        cmocka_unit_test(one_name_for_two_members_is_no_fault),
        cmocka_unit_test(a_nested_archive_without_its_length_is_seen_whole),
        cmocka_unit_test(an_archive_that_is_cut_short_is_bad_and_seen_as_far_as_it_goes),
        cmocka_unit_test(what_may_be_a_descriptor_is_told_as_kept_back),
        cmocka_unit_test(a_member_that_the_directory_lacks_is_inconsistent),
        cmocka_unit_test(an_entry_of_the_directory_that_says_anything_else_is_inconsistent),
        cmocka_unit_test(entries_that_overlap_or_point_into_data_are_inconsistent),
        cmocka_unit_test(an_end_that_points_to_another_directory_is_inconsistent),
        cmocka_unit_test(another_end_within_reach_is_inconsistent),
        cmocka_unit_test(another_directory_where_a_stub_is_not_counted_is_inconsistent),
        cmocka_unit_test(a_mark_is_found_at_every_place_of_every_length),
        cmocka_unit_test(a_search_finds_members_and_directories_at_every_split),
        cmocka_unit_test(an_earlier_end_whose_comment_fits_better_is_inconsistent),
        cmocka_unit_test(a_64_bit_end_that_disagrees_or_is_forged_is_inconsistent),
        cmocka_unit_test(data_that_are_not_what_the_header_says_are_inconsistent),
        cmocka_unit_test(data_with_a_descriptor_of_their_beginning_are_inconsistent),
        cmocka_unit_test(two_64_bit_fields_in_one_header_are_inconsistent),
        cmocka_unit_test(who_reads_from_the_front_must_see_the_same_of_the_first_archive),
        cmocka_unit_test(another_key_gives_another_sum),
        cmocka_unit_test(an_archive_beyond_4_gib_may_lack_64_bit_fields),
        cmocka_unit_test(much_in_little_is_a_limit),
        cmocka_unit_test(more_members_than_are_looked_at_are_a_limit),
        cmocka_unit_test(without_a_free_decoder_a_coded_member_is_not_taken_apart),
        cmocka_unit_test(a_decoder_is_given_back_behind_each_member),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
