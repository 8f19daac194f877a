// The roots that this package trusts: first roots of feeds that may block without an operator's
// further word. Compiled in from configs/trust, so that no file of an appliance adds one.
//
// Owns:       nothing; a table that scripts/trust-table makes.
// Invariants: names are a-z, 0-9, dot and dash; a root is the document as it was signed.
#pragma once

#include <span>
#include <string_view>

namespace cordon::feed {

struct TrustedRoot {
    std::string_view name;
    std::string_view document;
};

// Of `root = "package:NAME"`.
inline constexpr std::string_view package_root = "package:";

std::span<const TrustedRoot> trust_table();

}  // namespace cordon::feed
