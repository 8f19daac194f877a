// What holds of rows however the list looked that they were read from.
#pragma once

#include "control/publisher/rows.h"
#include "tests/support/fuzz_input.h"

namespace cordon::test {

inline void check_rows(const feed::ReadRows& read) {
    check(read.rows.empty() || read.problem_count == 0, "half a list is no list");
    for (const feed::Row& row : read.rows) {
        const bool named_tombstone = row.withdrawn && !row.item.empty();
        check(row.digest_count <= row.digests.size(), "digests");
        check(row.digest_count >= 1 || named_tombstone, "a digest");
        check(row.withdrawn || row.category != 0, "a category");
    }
    for (const feed::RowProblem& problem : read.problems) {
        for (const char c : problem.why)
            check(static_cast<unsigned char>(c) >= 0x20, "a problem can be shown");
    }
}

}  // namespace cordon::test
