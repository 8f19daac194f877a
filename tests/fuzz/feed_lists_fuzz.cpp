// Any bytes as a list in somebody's format: rows that are whole, or problems that can be shown.
#include "control/publisher/ncmec.h"
#include "control/publisher/stix.h"
#include "control/publisher/vics.h"
#include "tests/support/feed_rows.h"
#include "tests/support/fuzz_input.h"

using namespace cordon;
using namespace cordon::feed;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    constexpr std::uint64_t now_s = 1'800'000'000;
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    CategoryMap categories;
    (void)add_category("1=known-csam", &categories);
    (void)add_category("csam=baseline", &categories);
    (void)add_category("3=drop", &categories);
    test::check_rows(read_vics(text, categories));
    test::check_rows(read_ncmec(text, categories));
    test::check_rows(read_stix(text, categories, now_s));
    std::vector<Row> rows;
    (void)read_stix_pattern(text, &rows);
    for (const Row& row : rows)
        test::check(row.digest_count != 0, "a digest");
    return 0;
}
