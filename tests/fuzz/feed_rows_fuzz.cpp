// Any bytes as a foreign list: rows that are whole, or problems that can be shown.
#include "control/publisher/rows.h"
#include "tests/support/feed_rows.h"
#include "tests/support/fuzz_input.h"

using namespace cordon;
using namespace cordon::feed;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    CategoryMap categories;
    (void)add_category("A=baseline", &categories);
    (void)add_category("X=drop", &categories);
    ColumnMap columns;
    columns.columns = {{"md5", "1"},  {"sha1", "2"},       {"sha256", "3"}, {"category", "4"},
                       {"size", "5"}, {"deleted", "gone"}, {"pdq", "7"},    {"distance", "8"}};
    test::check_rows(read_csv(text, columns, categories));
    columns.columns["deleted"] = "6";
    columns.separator = ';';
    test::check_rows(read_csv(text, columns, categories));
    categories.all = "baseline";
    test::check_rows(read_plain(text, categories));
    const auto parsed = parse_columns(std::string(text.substr(0, 200)), ',');
    if (parsed) test::check(parsed->columns.size() <= 9, "columns that are known");
    return 0;
}
