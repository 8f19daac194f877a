#include "control/index/index_builder.h"

#include <dirent.h>
#include <openssl/evp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>  // before cmocka.h, which defines fail()
#include <vector>

#include "control/index/atomic_file.h"
#include "control/index/index_files.h"
#include "control/index/list_parser.h"
#include "control/index/list_writer.h"
#include "dataplane/index/index_view.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/guard_page.h"
#include "tests/support/index_images.h"

namespace {

using namespace cordon;
using namespace cordon::test;

constexpr std::uint64_t now_s = index_now_s;
constexpr auto sha256 = IndicatorKind::sha256;
constexpr auto sha1 = IndicatorKind::sha1;
constexpr auto md5 = IndicatorKind::md5;

// --- adding --------------------------------------------------------------------------------------

struct OneSection {
    IndexBuilder builder{{.lab = true, .generation = 1, .created_s = now_s}};
    std::uint32_t section = *builder.add_section({.name = "list"}, key_of(1));
    AlignedBytes image;
    IndexView view;
    BuiltIndex made;

    void build() {
        const Result<BuiltIndex> result = builder.build_image(&image);
        assert_true(result.has_value());
        made = *result;
        const char* why = "";
        assert_int_equal(IndexView::open(image.bytes(), true, &view, &why), IndexStatus::ok);
    }
    Match only(IndicatorKind kind, const Digest& digest) {
        Match matches[limits::sections_max];
        assert_int_equal(view.lookup(kind, cut(digest, kind), now_s, matches, 8), 1);
        return matches[0];
    }
};

void digests_of_one_indicator_share_a_record(void**) {
    OneSection list;
    const Digest digest = digest_of(1);
    for (const IndicatorKind kind : {sha256, sha1, md5})
        list.builder.add(list.section, indicator(kind, digest, 77));
    list.builder.add(list.section, indicator(sha256, digest_of(2), 78));
    list.build();
    assert_int_equal(list.made.tags, 4);
    assert_int_equal(list.made.records, 2);
    assert_int_equal(list.made.kind_tags[static_cast<std::size_t>(sha256)], 2);
    for (const IndicatorKind kind : {sha256, sha1, md5}) {
        const Match match = list.only(kind, digest);
        assert_int_equal(match.reference, 77);
        assert_true(match.kind == kind);
        assert_true(match.kinds == (KindSet{sha256, sha1, md5}));
    }
}

void a_duplicate_is_kept_once_and_counted(void**) {
    OneSection list;
    for (std::uint64_t reference = 10; reference < 15; ++reference)
        list.builder.add(list.section, indicator(sha256, digest_of(1), reference));
    list.builder.add(list.section, indicator(sha256, digest_of(2), 20));
    list.build();
    assert_int_equal(list.made.tags, 2);
    assert_int_equal(list.made.records, 2);
    assert_int_equal(list.made.duplicates, 4);
    assert_int_equal(list.only(sha256, digest_of(1)).reference, 10);
    assert_int_equal(list.only(sha256, digest_of(2)).reference, 20);
}

void a_duplicate_makes_a_record_only_more_cautious(void**) {
    OneSection list;
    const Digest digest = digest_of(1);
    Indicator one = indicator(sha256, digest, 10);
    one.size = 500;
    one.head = std::array<std::uint8_t, 16>{1};
    one.flags = record_flag::weak;
    list.builder.add(list.section, one);
    one.reference = 11;
    one.size = 501;  // one of the two is wrong: an object must not be dismissed by either
    one.head = std::array<std::uint8_t, 16>{2};
    one.flags = record_flag::report_only;
    list.builder.add(list.section, one);
    list.build();
    const Match match = list.only(sha256, digest);
    assert_int_equal(match.flags, record_flag::weak | record_flag::report_only);
    assert_int_equal(match.size, 0);
    const SectionView section = list.view.section(0);
    assert_int_equal(section.kind_tags_sized[static_cast<std::size_t>(sha256)], 0);
    assert_int_equal(section.kind_tags_headed[static_cast<std::size_t>(sha256)], 0);
}

// Nobody makes a test, and so nobody's case, of what somebody else lists.
void a_test_is_one_only_if_nobody_says_otherwise(void**) {
    OneSection list;
    for (const std::uint64_t n : {1u, 2u, 3u}) {
        const Digest digest = digest_of(n);
        Indicator one = indicator(sha256, digest, n);
        one.flags = n == 2 ? 0 : record_flag::test;
        list.builder.add(list.section, one);
        one.flags = n == 3 ? record_flag::weak : record_flag::test;
        list.builder.add(list.section, one);
    }
    list.build();
    assert_int_equal(list.only(sha256, digest_of(1)).flags, record_flag::test);
    assert_int_equal(list.only(sha256, digest_of(2)).flags, 0);
    assert_int_equal(list.only(sha256, digest_of(3)).flags, record_flag::weak);
}

void a_duplicate_that_agrees_keeps_size_and_head(void**) {
    OneSection list;
    const Digest digest = digest_of(1);
    Indicator one = indicator(sha256, digest, 10);
    one.size = 500;
    one.head = std::array<std::uint8_t, 16>{1};
    list.builder.add(list.section, one);
    list.builder.add(list.section, one);
    list.build();
    assert_int_equal(list.made.duplicates, 1);
    const Match match = list.only(sha256, digest);
    assert_int_equal(match.flags, record_flag::has_size | record_flag::has_head);
    assert_int_equal(match.size, 500);
}

void the_same_digest_may_stand_in_two_sections(void**) {
    IndexBuilder builder({.lab = true, .generation = 1, .created_s = now_s});
    const Digest digest = digest_of(1);
    for (const char* name : {"a", "b"}) {
        const std::uint32_t section = *builder.add_section({.name = name}, key_of(1));
        builder.add(section, indicator(sha256, digest, section));
    }
    AlignedBytes image;
    const Result<BuiltIndex> made = builder.build_image(&image);
    assert_true(made.has_value());
    assert_int_equal(made->duplicates, 0);
    assert_int_equal(made->tags, 2);
}

AddOutcome added(IndicatorKind kind, Bytes digest) {
    OneSection list;
    return list.builder.add(list.section, {.kind = kind, .digest = digest});
}

AddOutcome added_digest_of(const std::vector<std::uint8_t>& file, IndicatorKind kind) {
    const EVP_MD* type = kind == sha256 ? EVP_sha256() : kind == sha1 ? EVP_sha1() : EVP_md5();
    std::uint8_t out[EVP_MAX_MD_SIZE];
    unsigned length = 0;
    EVP_Digest(file.data(), file.size(), out, &length, type, nullptr);
    return added(kind, {out, length});
}

void refuses_the_empty_file(void**) {
    for (const IndicatorKind kind : {sha256, sha1, md5})
        assert_int_equal(added_digest_of({}, kind), AddOutcome::empty_file);
    OneSection list;
    const Digest digest = digest_of(1);
    Indicator sized = indicator(sha256, digest, 1);
    sized.size = 0;
    assert_int_equal(list.builder.add(list.section, sized), AddOutcome::empty_file);
}

void refuses_files_of_zeros(void**) {
    for (const std::size_t size :
         {1u, 2u, 512u, 4095u, 4096u, 8192u, 65536u, 1u << 20, 16u << 20}) {
        for (const IndicatorKind kind : {sha256, sha1, md5})
            assert_int_equal(added_digest_of(std::vector<std::uint8_t>(size), kind),
                             AddOutcome::zero_run);
    }
    std::vector<std::uint8_t> other(4096);
    other[100] = 1;
    assert_int_equal(added_digest_of(other, sha256), AddOutcome::added);
}

void refuses_blank_fields_and_wrong_shapes(void**) {
    assert_int_equal(added(sha256, std::vector<std::uint8_t>(32)), AddOutcome::placeholder);
    assert_int_equal(added(md5, std::vector<std::uint8_t>(16, 0xff)), AddOutcome::placeholder);
    assert_int_equal(added(sha256, Bytes(digest_of(1)).first(31)), AddOutcome::bad_length);
    assert_int_equal(added(md5, digest_of(1)), AddOutcome::bad_length);
    assert_int_equal(added(IndicatorKind::head, Bytes(digest_of(1)).first(16)),
                     AddOutcome::bad_kind);
    OneSection list;
    const Digest digest = digest_of(1);
    Indicator flagged = indicator(sha256, digest, 1);
    flagged.flags = record_flag::has_size;
    assert_int_equal(list.builder.add(list.section, flagged), AddOutcome::bad_flags);
    assert_int_equal(added(IndicatorKind::sha256_tree, digest_of(1)), AddOutcome::added);
}

void refuses_sections_that_may_not_be(void**) {
    IndexBuilder lab({.lab = true});
    IndexBuilder real({.lab = false});
    const TagKeyBytes key = key_of(1);
    assert_false(lab.add_section({.name = ""}, key).has_value());
    assert_false(lab.add_section({.name = "two words"}, key).has_value());
    assert_false(lab.add_section({.name = std::string(32, 'x')}, key).has_value());
    assert_false(
        lab.add_section({.name = "a", .purpose = static_cast<ListPurpose>(2)}, key).has_value());
    assert_false(lab.add_section({.name = "a", .kind = SectionKind::local}, key).has_value());
    assert_false(real.add_section({.name = "a", .kind = SectionKind::lab}, key).has_value());
    for (int i = 0; i < 8; ++i) {
        const std::string name = "s" + std::to_string(i);
        assert_true(lab.add_section({.name = name}, key).has_value());
        assert_false(lab.add_section({.name = name}, key).has_value());
    }
    const Result<std::uint32_t> ninth = lab.add_section({.name = "ninth"}, key);
    assert_false(ninth.has_value());
    assert_string_equal(ninth.error().message().c_str(), "an index has at most 8 sections");
}

// --- the list format -----------------------------------------------------------------------------

ListEntry entry_of(std::string_view line) {
    // A line that ends at a guard page.
    const GuardedBytes guarded(as_bytes(line));
    ListEntry entry{};
    assert_int_equal(parse_list_line(as_text(guarded.bytes()), &entry), ListLineStatus::entry);
    return entry;
}

ListLineStatus status_of(std::string_view line) {
    const GuardedBytes guarded(as_bytes(line));
    ListEntry entry{};
    return parse_list_line(as_text(guarded.bytes()), &entry);
}

const std::string hex32 = "00112233445566778899AABBCCDDEEFF";

void kind_follows_from_the_length(void**) {
    assert_true(entry_of(hex32).kind == md5);
    assert_true(entry_of(hex32 + "01234567").kind == sha1);
    assert_true(entry_of(hex32 + hex32).kind == sha256);
    const ListEntry entry = entry_of(hex32);
    assert_int_equal(entry.digest_bytes().size(), 16);
    for (std::size_t i = 0; i < 16; ++i)
        assert_int_equal(entry.digest[i], i * 0x11);
    assert_false(entry.size.has_value());
    assert_true(entry_of("00112233445566778899aabbccddeeff").digest == entry.digest);
}

void size_comments_and_blanks_are_understood(void**) {
    assert_int_equal(*entry_of(hex32 + ",12345").size, 12345);
    assert_int_equal(*entry_of(" \t" + hex32 + " ,\t0 # a comment, 7\r").size, 0);
    assert_int_equal(*entry_of(hex32 + ",9223372036854775807").size, INT64_MAX);
    assert_int_equal(status_of(""), ListLineStatus::blank);
    assert_int_equal(status_of(" \t\r"), ListLineStatus::blank);
    assert_int_equal(status_of("# " + hex32), ListLineStatus::blank);
}

void malformed_lines_are_refused_by_name(void**) {
    assert_int_equal(status_of("x0112233445566778899AABBCCDDEEFF"), ListLineStatus::bad_digit);
    assert_int_equal(status_of(hex32 + "  name.jpg"), ListLineStatus::bad_digit);
    assert_int_equal(status_of(std::string("\0", 1)), ListLineStatus::bad_digit);
    assert_int_equal(status_of(hex32 + "0"), ListLineStatus::bad_length);
    assert_int_equal(status_of(hex32 + hex32 + hex32), ListLineStatus::bad_length);
    assert_int_equal(status_of(",5"), ListLineStatus::bad_length);
    for (const char* size : {",", ",-1", ",+1", ",1x", ",x,", ",9223372036854775808", ", 1 2"})
        assert_int_equal(status_of(hex32 + size), ListLineStatus::bad_size);
    for (const std::string& head : {std::string(",1,2"), std::string(",1,"), std::string(",,"),
                                    ",1," + hex32 + "0", ",," + hex32.substr(1) + "x"})
        assert_int_equal(status_of(hex32 + head), ListLineStatus::bad_head);
}

void a_head_stands_behind_the_size_or_without_one(void**) {
    const ListEntry entry = entry_of(hex32 + ", 77 ,\t" + hex32 + " # both");
    assert_int_equal(*entry.size, 77);
    for (std::size_t i = 0; i < 16; ++i)
        assert_int_equal((*entry.head)[i], i * 0x11);
    const ListEntry alone = entry_of(hex32 + ",," + hex32);
    assert_false(alone.size.has_value());
    assert_true(alone.head == entry.head);
    assert_false(entry_of(hex32 + ",77").head.has_value());
}

// What is made of a file dismisses every other one, and not the file.
void lines_made_of_files_have_size_and_head(void**) {
    char folder[] = "/tmp/cordon-list-XXXXXX";
    assert_non_null(mkdtemp(folder));
    const std::string path = std::string(folder) + "/a\nfile";
    std::string content(5000, 'x');
    content[4999] = 'y';
    FILE* file = fopen(path.c_str(), "w");
    assert_non_null(file);
    assert_int_equal(fwrite(content.data(), 1, content.size(), file), content.size());
    fclose(file);
    const Result<std::vector<std::string>> files = files_below(folder);
    const Result<std::string> line = list_line_of(path);
    unlink(path.c_str());
    rmdir(folder);
    assert_true(files.has_value() && *files == std::vector<std::string>{path});
    assert_true(line.has_value());
    assert_int_equal(std::count(line->begin(), line->end(), '\n'), 1);
    const ListEntry entry = entry_of(line->substr(0, line->size() - 1));
    std::uint8_t digest[32];
    SHA256(as_bytes(content).data(), content.size(), digest);
    assert_memory_equal(entry.digest.data(), digest, sizeof digest);
    assert_int_equal(*entry.size, 5000);
    XXH128_canonical_t head;
    XXH128_canonicalFromHash(&head, XXH3_128bits(content.data(), 4096));
    assert_memory_equal(entry.head->data(), head.digest, sizeof head.digest);
    assert_false(list_line_of(path).has_value());
}

void lines_are_cut_at_every_line_feed(void**) {
    std::string_view rest = "a\n\nb\r\nc";
    std::string_view line;
    std::string seen;
    while (next_line(&rest, &line))
        seen += "[" + std::string(line) + "]";
    assert_string_equal(seen.c_str(), "[a][][b\r][c]");
}

// --- files ---------------------------------------------------------------------------------------

struct Folder {
    char path[64];
    std::string in(const char* name) const { return std::string(path) + "/" + name; }
};

int make_folder(void** state) {
    auto* folder = new Folder;
    std::snprintf(folder->path, sizeof folder->path, "/tmp/cordon-index-test-XXXXXX");
    if (::mkdtemp(folder->path) == nullptr) return -1;
    *state = folder;
    return 0;
}

std::vector<std::string> names_in(const Folder& folder) {
    std::vector<std::string> names;
    DIR* directory = ::opendir(folder.path);
    while (const dirent* entry = ::readdir(directory)) {
        if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
    }
    ::closedir(directory);
    return names;
}

int remove_folder(void** state) {
    auto* folder = static_cast<Folder*>(*state);
    for (const std::string& name : names_in(*folder))
        ::unlink(folder->in(name.c_str()).c_str());
    ::rmdir(folder->path);
    delete folder;
    return 0;
}

void write_text(const std::string& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

std::string read_text(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::string hex_digest(std::uint64_t n) {
    std::string text;
    char two[3];
    for (const std::uint8_t byte : digest_of(n)) {
        std::snprintf(two, sizeof two, "%02x", byte);
        text += two;
    }
    return text;
}

void builds_describes_and_checks_an_index_from_lists(void** state) {
    const auto& folder = *static_cast<const Folder*>(*state);
    write_text(folder.in("a.txt"), "# a list\n" + hex_digest(1) + ",55\r\n\n" + hex_digest(2));
    write_text(folder.in("b.txt"), hex_digest(3).substr(0, 32) + "\n" + hex_digest(1) + ",55\n" +
                                       std::string(64, '0') +
                                       "\nd41d8cd98f00b204e9800998ecf8427e\n");
    const Result<BuildReport> report =
        build_lab_index({folder.in("a.txt"), folder.in("b.txt")},
                        {.generation = 9, .created_s = now_s}, folder.in("lab.cdx"));
    assert_true(report.has_value());
    assert_int_equal(report->rows, 6);
    assert_int_equal(report->built.tags, 3);
    assert_int_equal(report->built.duplicates, 1);
    assert_int_equal(report->rows_refused, 2);
    assert_string_equal(
        report->refused[1].text.c_str(),
        (folder.in("b.txt") + ":4: this is the empty file: it must not be listed").c_str());

    for (const Result<IndexDescription>& found :
         {describe_index(folder.in("lab.cdx")), check_index(folder.in("lab.cdx"))}) {
        assert_true(found.has_value());
        assert_true(found->lab);
        assert_int_equal(found->generation, 9);
        assert_int_equal(found->created_s, now_s);
        assert_int_equal(found->tags, 3);
        assert_int_equal(found->bytes, report->built.bytes);
        assert_int_equal(found->sections.size(), 1);
        assert_string_equal(found->sections[0].name.c_str(), "lab");
        assert_int_equal(found->sections[0].kind_tags[static_cast<std::size_t>(sha256)], 2);
        assert_int_equal(found->sections[0].kind_tags_sized[static_cast<std::size_t>(sha256)], 1);
        assert_int_equal(found->sections[0].kind_tags[static_cast<std::size_t>(md5)], 1);
    }
    struct stat file = {};
    assert_int_equal(::stat(folder.in("lab.cdx").c_str(), &file), 0);
    assert_int_equal(file.st_mode & 0777, 0600);  // it holds its key
}

void a_reference_leads_back_to_list_and_line(void** state) {
    const auto& folder = *static_cast<const Folder*>(*state);
    write_text(folder.in("a.txt"), hex_digest(1));
    write_text(folder.in("b.txt"), "#\n#\n" + hex_digest(2));
    AlignedBytes image;
    assert_true(build_lab_index({folder.in("a.txt"), folder.in("b.txt")}, {}, &image).has_value());
    IndexView view;
    const char* why = "";
    assert_int_equal(IndexView::open(image.bytes(), true, &view, &why), IndexStatus::ok);
    Match match;
    assert_int_equal(view.lookup(sha256, digest_of(2), now_s, &match, 1), 1);
    assert_int_equal(match.reference, 2ull << 32 | 3);
}

void a_malformed_line_builds_nothing_and_is_named(void** state) {
    const auto& folder = *static_cast<const Folder*>(*state);
    write_text(folder.in("bad.txt"), hex_digest(1) + "\nnot a digest\n");
    const Result<BuildReport> report =
        build_lab_index({folder.in("bad.txt")}, {}, folder.in("lab.cdx"));
    assert_false(report.has_value());
    assert_int_equal(report.error().code, ErrorCode::integrity);
    assert_string_equal(report.error().message().c_str(),
                        (folder.in("bad.txt") + ":2: expected a digest in hex digits, optionally "
                                                "',' and a size, ',' and a head")
                            .c_str());
    assert_int_equal(names_in(folder).size(), 1);
}

void a_list_may_come_through_a_pipe(void** state) {
    const auto& folder = *static_cast<const Folder*>(*state);
    int ends[2];
    assert_int_equal(::pipe(ends), 0);
    const std::string text = hex_digest(1) + "\n";
    assert_int_equal(::write(ends[1], text.data(), text.size()), text.size());
    ::close(ends[1]);
    const Result<BuildReport> report =
        build_lab_index({"/proc/self/fd/" + std::to_string(ends[0])}, {}, folder.in("lab.cdx"));
    ::close(ends[0]);
    assert_true(report.has_value());
    assert_int_equal(report->built.tags, 1);
}

void files_that_cannot_be_read_are_errors(void** state) {
    const auto& folder = *static_cast<const Folder*>(*state);
    const Result<BuildReport> absent = build_lab_index({folder.in("absent")}, {}, folder.in("x"));
    assert_false(absent.has_value());
    assert_int_equal(absent.error().code, ErrorCode::io);
    assert_false(build_lab_index({folder.path}, {}, folder.in("x")).has_value());
    assert_false(check_index(folder.in("absent")).has_value());
    write_text(folder.in("a.txt"), hex_digest(1));
    assert_false(build_lab_index({folder.in("a.txt")}, {}, folder.in("no/such/x")).has_value());
}

void a_damaged_file_fails_its_check(void** state) {
    const auto& folder = *static_cast<const Folder*>(*state);
    write_text(folder.in("a.txt"), hex_digest(1));
    assert_true(build_lab_index({folder.in("a.txt")}, {}, folder.in("lab.cdx")).has_value());
    std::string bytes = read_text(folder.in("lab.cdx"));
    bytes[bytes.size() - 40] ^= 1;  // in the records: the head alone does not know
    write_text(folder.in("lab.cdx"), bytes);
    assert_true(describe_index(folder.in("lab.cdx")).has_value());
    const Result<IndexDescription> checked = check_index(folder.in("lab.cdx"));
    assert_false(checked.has_value());
    assert_int_equal(checked.error().code, ErrorCode::integrity);

    write_text(folder.in("lab.cdx"), bytes.substr(0, bytes.size() - 64));
    assert_false(describe_index(folder.in("lab.cdx")).has_value());
    write_text(folder.in("lab.cdx"), "");
    assert_false(describe_index(folder.in("lab.cdx")).has_value());
}

void replacing_a_file_leaves_old_or_new(void** state) {
    const auto& folder = *static_cast<const Folder*>(*state);
    assert_true(write_file_atomically(folder.in("f"), as_bytes("old")).has_value());
    // One who has it open keeps the old bytes whole.
    std::ifstream open_before(folder.in("f"));
    assert_true(write_file_atomically(folder.in("f"), as_bytes("new one"), 0644).has_value());
    assert_string_equal(read_text(folder.in("f")).c_str(), "new one");
    const std::string old{std::istreambuf_iterator<char>(open_before), {}};
    assert_string_equal(old.c_str(), "old");
    struct stat file = {};
    assert_int_equal(::stat(folder.in("f").c_str(), &file), 0);
    assert_int_equal(file.st_mode & 0777, 0644);
    // A folder cannot be replaced; nothing is left behind.
    ::mkdir(folder.in("d").c_str(), 0700);
    assert_false(write_file_atomically(folder.in("d"), as_bytes("x")).has_value());
    ::rmdir(folder.in("d").c_str());
    assert_int_equal(names_in(folder).size(), 1);
}

#define with_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(digests_of_one_indicator_share_a_record),
        cmocka_unit_test(a_duplicate_is_kept_once_and_counted),
        cmocka_unit_test(a_duplicate_makes_a_record_only_more_cautious),
        cmocka_unit_test(a_test_is_one_only_if_nobody_says_otherwise),
        cmocka_unit_test(a_duplicate_that_agrees_keeps_size_and_head),
        cmocka_unit_test(the_same_digest_may_stand_in_two_sections),
        cmocka_unit_test(refuses_the_empty_file),
        cmocka_unit_test(refuses_files_of_zeros),
        cmocka_unit_test(refuses_blank_fields_and_wrong_shapes),
        cmocka_unit_test(refuses_sections_that_may_not_be),
        cmocka_unit_test(kind_follows_from_the_length),
        cmocka_unit_test(size_comments_and_blanks_are_understood),
        cmocka_unit_test(malformed_lines_are_refused_by_name),
        cmocka_unit_test(a_head_stands_behind_the_size_or_without_one),
        cmocka_unit_test(lines_made_of_files_have_size_and_head),
        cmocka_unit_test(lines_are_cut_at_every_line_feed),
        with_folder(builds_describes_and_checks_an_index_from_lists),
        with_folder(a_reference_leads_back_to_list_and_line),
        with_folder(a_malformed_line_builds_nothing_and_is_named),
        with_folder(a_list_may_come_through_a_pipe),
        with_folder(files_that_cannot_be_read_are_errors),
        with_folder(a_damaged_file_fails_its_check),
        with_folder(replacing_a_file_leaves_old_or_new),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
