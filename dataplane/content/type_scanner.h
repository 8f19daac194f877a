// The type of an object by its first bytes.
//
// One scan of at most type_head_bytes for all rows of type_table.h that are no texts, and when none
// of them matches one for those that are. What no row knows is a text when it is UTF-8 without
// control characters (or, for old texts, mostly ASCII), an old tar when the checksum of its first
// header is right, and else `unknown`.
//
// Owns:       its scratch space, made at construction.
// Invariants: pure: the same bytes have the same type.
// Worker:     used by one worker only; no allocation after construction.
// Limits:     type_head_bytes. Needs SSSE3 (check_pattern_platform).
#pragma once

#include <cstddef>
#include <memory>

#include "dataplane/base/bytes.h"
#include "dataplane/base/limits.h"
#include "dataplane/content/scan_room.h"
#include "dataplane/contract/content_type.h"
#include "dataplane/contract/pattern_database.h"

struct hs_scratch;

namespace cordon {

// The rows of the table, compiled: 40 ms at start. May be read by many workers at once.
class TypeDatabases {
  public:
    TypeDatabases();
    const hs_database* bytes() const { return bytes_.get(); }
    const hs_database* texts() const { return texts_.get(); }
    std::size_t memory_bytes() const;

  private:
    PatternDatabase bytes_;  // the rows of all other types
    PatternDatabase texts_;  // the rows of texts
};

class TypeScanner {
  public:
    // `databases` live as long as the scanner.
    explicit TypeScanner(const TypeDatabases* databases);
    ~TypeScanner();
    TypeScanner(const TypeScanner&) = delete;
    TypeScanner& operator=(const TypeScanner&) = delete;

    // `head`: as many of the first bytes as there are, up to type_head_bytes. With fewer the object
    // ends there.
    ContentType type_of(Bytes head);

  private:
    ContentType scan(const hs_database* database, Bytes head, bool plain);

    const TypeDatabases* databases_;
    hs_scratch* scratch_ = nullptr;
    ScanRoom<limits::type_head_bytes> room_;
};

}  // namespace cordon
