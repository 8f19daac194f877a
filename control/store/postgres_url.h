// Where a shared store is: `postgresql://…` as libpq reads it, and what of that may be told.
//
// Owns:       nothing.
// Invariants: no text that comes out of here holds a password; an address that holds one is
//             refused, because it would stand in the configuration, its history and their copies.
// Thread:     any.
#pragma once

#include <string>
#include <string_view>

namespace cordon {

// Why it is no address of a store; empty: it is one.
std::string_view postgres_url_fault(const std::string& url);

// "postgresql://user@host:port/database"
std::string shown_postgres_url(const std::string& url);

}  // namespace cordon
