// Rows of a source → what the publisher believes that source asserts.
//
// Owns:       nothing; the store is the caller's.
// Invariants: an import is whole or nothing. A digest has one reference for good; the digests of a
//             row take that which one of them has, or a new one. A `full` import withdraws what its
//             source no longer lists; an item lives while any source asserts it. Digests of files
//             that innocent people have are never taken, and named.
// Thread:     one.
// Limits:     those of rows.h.
#pragma once

#include "control/publisher/feed_store.h"
#include "control/publisher/known_good.h"
#include "control/publisher/rows.h"

namespace cordon::feed {

struct ImportOf {
    std::string source;
    std::string file;  // for the record
    bool full = false;
    std::uint8_t flags = 0;  // record_flag::restraints of everything in it
    std::uint64_t now_s = 0;
};

struct Imported {
    std::uint64_t number = 0;
    std::uint64_t rows = 0;
    std::uint64_t added = 0;      // digests that this source did not assert before
    std::uint64_t kept = 0;       // that it did
    std::uint64_t withdrawn = 0;  // that it asserts no longer
    std::uint64_t refused = 0;
    std::vector<RowProblem> refusals;  // the first reports_max
};

Result<Imported> import_rows(FeedStore& store, const ImportOf& about, std::vector<Row> rows,
                             const KnownGood& known_good, const Progress& progress = {});

}  // namespace cordon::feed
