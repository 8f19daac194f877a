// Any bytes as a foreign list: rows that are whole, or problems that can be shown.
#include "control/publisher/rows.h"
#include "tests/support/fuzz_input.h"

using namespace cordon;
using namespace cordon::feed;

namespace {

void check_rows(const ReadRows& read) {
    test::check(read.rows.empty() || read.problem_count == 0, "half a list is no list");
    for (const Row& row : read.rows) {
        test::check(row.digest_count >= 1 && row.digest_count <= row.digests.size(), "a digest");
        test::check(row.withdrawn || row.category != 0, "a category");
    }
    for (const RowProblem& problem : read.problems) {
        for (const char c : problem.why)
            test::check(static_cast<unsigned char>(c) >= 0x20, "a problem can be shown");
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    CategoryMap categories;
    (void)add_category("A=baseline", &categories);
    (void)add_category("X=drop", &categories);
    ColumnMap columns;
    columns.columns = {{"md5", "1"},      {"sha1", "2"}, {"sha256", "3"},
                       {"category", "4"}, {"size", "5"}, {"deleted", "gone"}};
    check_rows(read_csv(text, columns, categories));
    columns.columns["deleted"] = "6";
    columns.separator = ';';
    check_rows(read_csv(text, columns, categories));
    categories.all = "baseline";
    check_rows(read_plain(text, categories));
    const auto parsed = parse_columns(std::string(text.substr(0, 200)), ',');
    if (parsed) test::check(parsed->columns.size() <= 7, "columns that are known");
    return 0;
}
