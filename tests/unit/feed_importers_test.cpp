// Lists of others in their own formats: what is read of them, what is refused, and what an import
// makes of their tombstones.
#include <stdlib.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "control/feed/file_digests.h"
#include "control/publisher/folder.h"
#include "control/publisher/intake.h"
#include "control/publisher/ncmec.h"
#include "control/publisher/stix.h"
#include "control/publisher/vics.h"
#include "dataplane/fingerprint/digest_state.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::feed;

namespace {

constexpr std::uint64_t clock_s = 1'800'000'000;  // 2027-01-15
constexpr char md5_1[] = "00112233445566778899AABBCCDDEEFF";
constexpr char sha1_1[] = "0011223344556677889900112233445566778899";
constexpr char sha256_1[] = "aa112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
constexpr char sha256_2[] = "bb112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

CategoryMap map_of(std::initializer_list<const char*> lines) {
    CategoryMap map;
    for (const char* line : lines)
        assert_true(add_category(line, &map).has_value());
    return map;
}

void assert_refused(const ReadRows& read, const char* why) {
    assert_int_equal(read.rows.size(), 0);
    assert_true(read.problem_count >= 1);
    if (std::strstr(read.problems[0].why.c_str(), why) == nullptr)
        fail_msg("\"%s\" does not say \"%s\"", read.problems[0].why.c_str(), why);
}

// A list that breaks off is none, wherever it does.
template <typename Read>
void assert_no_prefix_is_a_list(const std::string& text, const Read& read) {
    assert_int_equal(read(text).problem_count, 0);
    for (std::size_t size = 0; size < text.find_last_of(">}"); ++size)
        assert_true(read(text.substr(0, size)).problem_count != 0);
}

// --- VICS ---

constexpr char vics_context[] =
    "https://github.com/VICSDATAMODEL/ProjectVic/DataModels/2.0.xml/US/$metadata#Media";

std::string vics(const std::string& items, const std::string& context = vics_context) {
    return R"({"@odata.context": ")" + context + R"(", "value": [)" + items + "]}";
}

const std::string vics_media = R"({"MediaID": 7, "Category": 1, "MD5": ")" + std::string(md5_1) +
                               R"(", "SHA1": ")" + sha1_1 +
                               R"(", "PhotoDNA": "AAAA", "MediaSize": "4711",
      "MediaFiles": [{"MD5": "00000000000000000000000000000000", "FileName": "a.jpg"}],
      "AlternativeHashes": [{"HashName": "SHA-256", "HashValue": ")" +
                               sha256_1 + R"("}, {"HashName": "SHA3", "HashValue": "00"}]})";

void vics_media_have_all_their_digests(void**) {
    const ReadRows read = read_vics(vics(vics_media), map_of({"1=known-csam"}));
    assert_int_equal(read.problem_count, 0);
    assert_int_equal(read.rows.size(), 1);
    const Row& row = read.rows[0];
    assert_int_equal(row.line, 1);
    assert_int_equal(row.digest_count, 3);
    assert_int_equal(row.category, 7);
    assert_int_equal(row.size.value(), 4711);
    assert_false(row.withdrawn);
}

void vics_of_version_1_and_in_cases(void**) {
    const CategoryMap map = map_of({"1=known-csam"});
    const std::string old = R"({"odata.metadata":
        "http://github.com/ICMEC/ProjectVic/DataModels/1.3.xml#Media", "value": [)" +
                            vics_media + "]}";
    assert_int_equal(read_vics(old, map).rows.size(), 1);
    std::string cases_context = vics_context;
    cases_context.replace(cases_context.find("#Media"), 6, "#Cases");
    const std::string one_case = R"({"CaseID": "c", "Media": [)" + vics_media + "," + vics_media +
                                 R"(], "TotalPrecategorized": 0})";
    const ReadRows read = read_vics(vics(one_case + "," + one_case, cases_context), map);
    assert_int_equal(read.problem_count, 0);
    assert_int_equal(read.rows.size(), 4);
    assert_int_equal(read.rows[3].line, 4);
}

void vics_items_that_are_not_confirmed_are_not_asserted(void**) {
    const std::string suspected =
        R"({"Category": 1, "IsSuspected": "True", "MD5": ")" + std::string(md5_1) + R"("})";
    const std::string other = R"({"Category": 3, "MD5": ")" + std::string(md5_1) + R"("})";
    const ReadRows read =
        read_vics(vics(suspected + "," + other), map_of({"1=known-csam", "3=drop"}));
    assert_int_equal(read.rows.size(), 2);
    assert_true(read.rows[0].withdrawn);
    assert_true(read.rows[1].withdrawn);
}

void wrong_vics_is_refused(void**) {
    const CategoryMap map = map_of({"1=known-csam", "baseline"});
    const std::string md5 = R"("MD5": ")" + std::string(md5_1) + R"(")";
    const std::pair<std::string, const char*> items[] = {
        {R"({"Category": 2, )" + md5 + "}", "not mapped"},
        {"{" + md5 + "}", "no category"},
        {R"({"Category": 1})", "no digest"},
        {R"({"Category": 1, "MD5": "0011"})", "hex digits"},
        {R"({"Category": 1, "MediaSize": "-1", )" + md5 + "}", "number of bytes"},
        {R"({"Category": 1, "H": [{"HashName": "MD5", "HashValue":
            "11112233445566778899AABBCCDDEEFF"}], )" +
             md5 + "}",
         "two different digests md5"},
    };
    for (const auto& [item, why] : items) {
        const ReadRows read = read_vics(vics(vics_media + "," + item), map);
        assert_refused(read, why);
        assert_int_equal(read.problems[0].line, 2);
    }
    assert_refused(read_vics(vics(vics_media, "https://example.com/2.0.xml#Media"), map), "model");
    assert_refused(read_vics(R"({"value": [)" + vics_media + "]}", map), "model");
    assert_refused(read_vics("[" + vics_media + "]", map), "no object");
    assert_refused(read_vics(vics(""), map), "no item");
    assert_refused(read_vics(vics(std::string(200, '[') + std::string(200, ']')), map), "deeply");
}

void vics_that_breaks_off_is_no_list(void**) {
    assert_no_prefix_is_a_list(vics(vics_media), [](const std::string& text) {
        return read_vics(text, map_of({"1=known-csam"}));
    });
}

// --- NCMEC ---

std::string ncmec(const std::string& lists, const std::string& paging = "") {
    return R"(<?xml version="1.0" encoding="UTF-8"?>
<queryResult xmlns="https://hashsharing.ncmec.org/hashsharing/v2">)" +
           paging + lists + "</queryResult>";
}

std::string ncmec_image(const std::string& id, const std::string& fingerprints,
                        const std::string& classification = "A2") {
    return R"(<image><member id="42">A company</member><timestamp>2026-01-01T00:00:00Z</timestamp>
<id>)" + id +
           "</id><classification>" + classification + "</classification><fingerprints>" +
           fingerprints + "</fingerprints><feedback/></image>";
}

const std::string ncmec_md5 = "<md5>" + std::string(md5_1) + "</md5><pdna>AAAA</pdna>";

void ncmec_entries_have_names_and_classes(void**) {
    const std::string text =
        ncmec("<images count=\"2\">" + ncmec_image("i1", ncmec_md5) +
              "<deletedImage><member id=\"42\"/><timestamp>x</timestamp><id>i2</id></deletedImage>"
              "</images><videos><video><member id=\"9\"/><id>v1</id><classification>B1"
              "</classification><fingerprints><sha1>" +
              sha1_1 + "</sha1></fingerprints></video></videos>");
    const ReadRows read = read_ncmec(text, {});
    assert_int_equal(read.problem_count, 0);
    assert_int_equal(read.rows.size(), 3);
    assert_string_equal(read.rows[0].item.c_str(), "42/i1");
    assert_string_equal(category_name(read.rows[0].category), "prepubescent-exhibition");
    assert_int_equal(read.rows[0].digest_count, 1);
    assert_true(read.rows[1].withdrawn);
    assert_int_equal(read.rows[1].digest_count, 0);
    assert_string_equal(read.rows[1].item.c_str(), "42/i2");
    assert_string_equal(category_name(read.rows[2].category), "pubescent-act");
    assert_false(read.more_follows);
}

void ncmec_pages_say_that_they_go_on(void**) {
    const std::string images = "<images>" + ncmec_image("i1", ncmec_md5) + "</images>";
    const ReadRows read =
        read_ncmec(ncmec(images, "<paging><next>/v2/entries?start=1</next></paging>"), {});
    assert_true(read.more_follows);
    assert_int_equal(read.rows.size(), 1);
}

void ncmec_entries_without_exact_digests_are_counted(void**) {
    const std::string images = "<images>" + ncmec_image("i1", "<pdna>AAAA</pdna>") + "</images>";
    const ReadRows read = read_ncmec(ncmec(images), {});
    assert_int_equal(read.problem_count, 0);
    assert_int_equal(read.passed_over, 1);
}

void wrong_ncmec_is_refused(void**) {
    const auto with = [](const std::string& image) {
        return read_ncmec(ncmec("<images>" + image + "</images>"), {});
    };
    assert_refused(with(ncmec_image("i1", "<md5>0011</md5>")), "hex digits");
    assert_refused(with(ncmec_image("i1", ncmec_md5, "C")), "not mapped");
    assert_refused(with(ncmec_image("i1", ncmec_md5, "")), "no category");
    assert_refused(with(ncmec_image("", ncmec_md5)), "without member or id");
    assert_refused(read_ncmec("<queryResult xmlns=\"https://example.com\"></queryResult>", {}),
                   "no answer of NCMEC");
    std::string deep = "<images><image><fingerprints>";
    for (std::size_t i = 0; i < ncmec_depth_max; ++i)
        deep += "<md5>";
    assert_refused(read_ncmec(ncmec(deep), {}), "too deep");
    assert_refused(read_ncmec("<queryResult>", {}), "cut off");
    assert_refused(read_ncmec("<!DOCTYPE q [<!ENTITY a \"aaaa\">]><queryResult/>", {}),
                   "document type");
}

void ncmec_that_breaks_off_is_no_list(void**) {
    assert_no_prefix_is_a_list(ncmec("<images>" + ncmec_image("i1", ncmec_md5) + "</images>"),
                               [](const std::string& text) { return read_ncmec(text, {}); });
}

// --- STIX ---

void stix_patterns_name_files(void**) {
    const std::string md5 = "file:hashes.MD5 = '" + std::string(md5_1) + "'";
    const std::string first = "file:hashes.'SHA-256' = '" + std::string(sha256_1) + "'";
    const std::string second = "file:hashes.\"SHA-256\"='" + std::string(sha256_2) + "'";
    const struct {
        std::string pattern;
        std::size_t rows;
        std::size_t digests_of_the_first;
    } right[] = {
        {"[" + md5 + "]", 1, 1},
        {"[ " + md5 + " AND file:size = 25 ]", 1, 1},
        {"[" + md5 + " OR " + first + "]", 1, 2},
        {"[" + first + " OR " + second + "]", 2, 1},  // one file has one SHA-256
        {"[" + md5 + " AND file:size = 25 OR " + first + "]", 2, 1},
        {"[file:hashes.'SHA-512' = 'aa' OR " + md5 + "]", 1, 1},
        {"[file:hashes.SSDEEP = '3:a:b']", 0, 0},
        {"[url:value = 'http://example.com/']", 0, 0},
    };
    for (const auto& wanted : right) {
        std::vector<Row> rows;
        assert_string_equal(read_stix_pattern(wanted.pattern, &rows).c_str(), "");
        assert_int_equal(rows.size(), wanted.rows);
        if (!rows.empty()) assert_int_equal(rows[0].digest_count, wanted.digests_of_the_first);
    }
    const std::string wrong[] = {
        md5,
        "[" + md5,
        "[" + md5 + "] AND [" + first + "]",
        "[" + md5 + "] WITHIN 5 SECONDS",
        "[" + md5 + " ORDER " + first + "]",
        "[file:hashes.MD5 != '" + std::string(md5_1) + "']",
        "[file:name = 'a.jpg']",
        "[" + md5 + " AND network-traffic:dst_port = 25]",
        "[file:hashes.MD5 = '0011']",
        "[" + first + " AND " + second + "]",
        "[" + md5 + " AND file:size = 'many']",
        "[file:hashes.MD5 = '\\",
    };
    for (const std::string& pattern : wrong) {
        std::vector<Row> rows;
        if (read_stix_pattern(pattern, &rows).empty()) fail_msg("taken: %s", pattern.c_str());
    }
}

std::string stix_indicator(const std::string& id, const std::string& digest,
                           const std::string& more = "") {
    return R"({"type": "indicator", "spec_version": "2.1", "id": "indicator--)" + id +
           R"(", "created": "2026-01-01T00:00:00.000Z", "modified": "2026-01-01T00:00:00.000Z",
      "labels": ["csam"], "pattern_type": "stix", "valid_from": "2026-01-01T00:00:00Z",
      "pattern": "[file:hashes.'SHA-256' = ')" +
           digest + R"(']")" + more + "}";
}

std::string stix(const std::string& objects) {
    return R"({"type": "bundle", "id": "bundle--1", "objects": [
      {"type": "identity", "name": "a hotline"}, )" +
           objects + "]}";
}

ReadRows read_stix_now(const std::string& text) {
    return read_stix(text, map_of({"csam=baseline", "other=national"}), clock_s);
}

void stix_indicators_have_names_and_ends(void**) {
    const ReadRows read = read_stix_now(
        stix(stix_indicator("a", sha256_1) + "," +
             stix_indicator("b", sha256_2, R"(, "revoked": true)") + "," +
             stix_indicator("c", sha256_2, R"(, "valid_until": "2026-11-22T00:00:00Z")") + "," +
             stix_indicator("d", sha256_2, R"(, "valid_until": "2028-01-01T00:00:00.5Z")")));
    assert_int_equal(read.problem_count, 0);
    assert_int_equal(read.rows.size(), 4);
    assert_string_equal(read.rows[0].item.c_str(), "indicator--a");
    assert_string_equal(category_name(read.rows[0].category), "baseline");
    assert_false(read.rows[0].withdrawn);
    assert_true(read.rows[1].withdrawn);
    assert_true(read.rows[2].withdrawn);
    assert_false(read.rows[3].withdrawn);
}

void the_newest_version_of_a_stix_indicator_counts(void**) {
    const auto at = [](const char* digest, const char* modified) {
        std::string text = stix_indicator("a", digest);
        const std::size_t place = text.find("\"modified\": \"") + 13;
        return text.replace(place, 24, modified);
    };
    const std::string old = at(sha256_1, "2026-01-01T00:00:00.900Z");
    const std::string young = at(sha256_2, "2026-01-01T00:00:00.901Z");
    for (const std::string& objects : {old + "," + young, young + "," + old}) {
        const ReadRows read = read_stix_now(stix(objects));
        assert_int_equal(read.rows.size(), 1);
        assert_int_equal(read.rows[0].digests[0].digest[0], 0xbb);
    }
}

void wrong_stix_is_refused_and_other_things_are_counted(void**) {
    assert_refused(read_stix_now(stix(stix_indicator("a", "0011"))), "hex digits");
    std::string text = stix_indicator("a", sha256_1);
    text.replace(text.find("2.1"), 3, "2.0");
    assert_refused(read_stix_now(stix(text)), "not 2.1");
    text = stix_indicator("a", sha256_1);
    text.replace(text.find("csam"), 4, "news");
    assert_refused(read_stix_now(stix(text)), "no label");
    text.replace(text.find("news"), 4, R"(csam", "other)");
    assert_refused(read_stix_now(stix(text)), "two categories");
    text = stix_indicator("a", sha256_1);
    text.replace(text.find("indicator--"), 11, "malware----");
    assert_refused(read_stix_now(stix(text)), "none of an indicator");
    assert_refused(read_stix_now("{}"), "bundle");
    text = stix_indicator("a", sha256_1);
    text.replace(text.find(R"("stix")"), 6, R"("yara")");
    const ReadRows read = read_stix_now(stix(text));
    assert_int_equal(read.problem_count, 0);
    assert_int_equal(read.passed_over, 1);
}

void stix_that_breaks_off_is_no_list(void**) {
    assert_no_prefix_is_a_list(stix(stix_indicator("a", sha256_1)), read_stix_now);
}

// --- a folder, and what an import makes of it all ---

std::string directory;
std::unique_ptr<FeedStore> store;
std::unique_ptr<KnownGood> known_good;

int setup(void**) {
    char name[] = "/tmp/cordon-import-test-XXXXXX";
    if (::mkdtemp(name) == nullptr) return -1;
    directory = name;
    store = std::move(*FeedStore::make(directory + "/feed"));
    known_good = std::make_unique<KnownGood>();
    known_good->seal();
    return 0;
}

int teardown(void**) {
    store.reset();
    known_good.reset();
    std::filesystem::remove_all(directory);
    return 0;
}

std::string write_file(const std::string& name, std::size_t size) {
    std::string text(size, '\0');
    for (std::size_t i = 0; i < size; ++i)
        text[i] = static_cast<char>(i * 2654435761u >> 13);
    std::ofstream(directory + "/" + name, std::ios::binary) << text;
    return text;
}

void a_file_has_the_digests_that_an_upload_has(void**) {
    constexpr std::size_t leaf = tree_leaf_bytes;
    for (const std::size_t size : {std::size_t{0}, std::size_t{1}, head_bytes, head_bytes + 1, leaf,
                                   leaf + 1, 3 * leaf, 5 * leaf + 77}) {
        const std::string text = write_file("file", size);
        DigestState state;
        state.start(computed_kinds);
        state.take(as_bytes(text));
        Digests wanted{};
        state.finish(&wanted);
        const auto is = digest_file(directory + "/file", file_kinds);
        assert_true(is.has_value());
        assert_int_equal(is->size, size);
        assert_memory_equal(is->md5.data(), wanted.md5, is->md5.size());
        assert_memory_equal(is->sha1.data(), wanted.sha1, is->sha1.size());
        assert_memory_equal(is->sha256.data(), wanted.sha256, is->sha256.size());
        assert_memory_equal(is->sha256_tree.data(), wanted.sha256_tree, is->sha256_tree.size());
        assert_memory_equal(is->head.data(), wanted.head, is->head.size());
    }
    // Whichever are asked for, they are the same.
    const auto all = *digest_file(directory + "/file", file_kinds);
    for (std::uint8_t bits = 0; bits < 1u << indicator_kind_count; ++bits) {
        const KindSet kinds = KindSet(bits) & file_kinds;
        const auto some = digest_file(directory + "/file", kinds);
        assert_true(some->present == kinds);
        assert_int_equal(some->size, all.size);
        for (std::uint8_t kind = 0; kind < indicator_kind_count; ++kind) {
            const Bytes is = some->of(IndicatorKind{kind}), wanted = all.of(IndicatorKind{kind});
            if (!is.empty()) assert_memory_equal(is.data(), wanted.data(), wanted.size());
        }
    }
    assert_false(digest_file(directory + "/none", file_kinds).has_value());
    assert_false(digest_file(directory, file_kinds).has_value());
}

void a_folder_is_a_list(void**) {
    std::filesystem::create_directories(directory + "/files/below");
    write_file("files/b", 10);
    write_file("files/below/a", 20);
    std::filesystem::create_symlink("/etc/passwd", directory + "/files/link");
    std::vector<std::string> files;
    const ReadRows read = read_folder(directory + "/files", map_of({"baseline"}), &files);
    assert_int_equal(read.rows.size(), 2);
    assert_string_equal(files[read.rows[1].file].c_str(), (directory + "/files/below/a").c_str());
    assert_int_equal(read.rows[1].digest_count, 4);
    assert_int_equal(read.rows[1].size.value(), 20);
    assert_true(read.rows[1].head.has_value());
    assert_refused(read_folder(directory + "/files", {}, &files), "no category");
    assert_refused(read_folder(directory + "/nothing", {}, &files), "no plain file");
}

Imported import(std::vector<Row> rows, bool full) {
    const ImportOf about = {"ncmec", "list", full, 0, clock_s};
    const auto done = import_rows(*store, about, std::move(rows), *known_good);
    assert_true(done.has_value());
    return *done;
}

std::int64_t asserted() {
    return store->db().integer("SELECT count(*) FROM assertion");
}

void an_item_is_replaced_and_withdrawn_by_its_name(void**) {
    const auto images = [](const std::string& entries) {
        return read_ncmec(ncmec("<images>" + entries + "</images>"), {}).rows;
    };
    const std::string both = ncmec_md5 + "<sha1>" + sha1_1 + "</sha1>";
    const std::string other = "<md5>11112233445566778899AABBCCDDEEFF</md5>";
    import(images(ncmec_image("i1", both) + ncmec_image("i2", other)), false);
    assert_int_equal(asserted(), 3);
    // i1 has lost its SHA-1; of i2 nothing is said.
    const Imported less = import(images(ncmec_image("i1", ncmec_md5)), false);
    assert_int_equal(less.withdrawn, 1);
    assert_int_equal(asserted(), 2);
    const Imported gone =
        import(images("<deletedImage><member id=\"42\"/><id>i2</id></deletedImage>"), false);
    assert_int_equal(gone.withdrawn, 1);
    assert_int_equal(asserted(), 1);
}

void heads_are_kept_with_their_digests(void**) {
    write_file("only", 5000);
    std::filesystem::create_directory(directory + "/files");
    std::filesystem::rename(directory + "/only", directory + "/files/only");
    std::vector<std::string> files;
    import(read_folder(directory + "/files", map_of({"baseline"}), &files).rows, true);
    assert_int_equal(store->db().integer("SELECT count(*) FROM digest WHERE length(head) = 16 "
                                         "AND size = 5000"),
                     4);
}

}  // namespace

#define with_store(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(vics_media_have_all_their_digests),
        cmocka_unit_test(vics_of_version_1_and_in_cases),
        cmocka_unit_test(vics_items_that_are_not_confirmed_are_not_asserted),
        cmocka_unit_test(wrong_vics_is_refused),
        cmocka_unit_test(vics_that_breaks_off_is_no_list),
        cmocka_unit_test(ncmec_entries_have_names_and_classes),
        cmocka_unit_test(ncmec_pages_say_that_they_go_on),
        cmocka_unit_test(ncmec_entries_without_exact_digests_are_counted),
        cmocka_unit_test(wrong_ncmec_is_refused),
        cmocka_unit_test(ncmec_that_breaks_off_is_no_list),
        cmocka_unit_test(stix_patterns_name_files),
        cmocka_unit_test(stix_indicators_have_names_and_ends),
        cmocka_unit_test(the_newest_version_of_a_stix_indicator_counts),
        cmocka_unit_test(wrong_stix_is_refused_and_other_things_are_counted),
        cmocka_unit_test(stix_that_breaks_off_is_no_list),
        with_store(a_file_has_the_digests_that_an_upload_has),
        with_store(a_folder_is_a_list),
        with_store(an_item_is_replaced_and_withdrawn_by_its_name),
        with_store(heads_are_kept_with_their_digests),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
