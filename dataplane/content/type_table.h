// By which bytes at its beginning the type of an object is told: one table of public facts.
//
// A row is an expression of Hyperscan, anchored at the first byte, in which "." is any byte. The
// first row that matches decides, so the special one stands above the general one.
//
// Owns:       nothing.
// Invariants: each expression looks at no byte behind type_head_bytes.
// Worker:     constants.
#pragma once

#include <span>

#include "dataplane/contract/content_type.h"

namespace cordon {

struct TypeRow {
    ContentType type;
    bool only_text;          // counts only for what is text anyway
    const char* expression;  // \x.. for every byte that is not a letter or digit
    const char* source;      // where it is written down
};

std::span<const TypeRow> type_rows();

}  // namespace cordon
