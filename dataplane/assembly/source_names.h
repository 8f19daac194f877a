// Which object of a storage a request writes, and which one it has copied into a part of another.
//
// A storage of S3 or Azure takes the bucket, or the account, from the path or from the host; which
// of them, only its operator knows (`copy_sources` of a service): "path", or the name below which
// they stand. Where he has not said it, names are taken for paths, and what they find is doubtful.
//
// Owns:       nothing.
// Invariants: two spellings that some storage may take for one object have the same key; `exact`
//             tells those that some storage may take for two. A request that may change objects,
//             nobody knows which, is `any`.
// Worker:     pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "dataplane/assembly/recipe.h"
#include "dataplane/http/head.h"

namespace cordon {

struct SourceName {
    AssemblyKey key;
    std::uint64_t exact = 0;
    bool operator==(const SourceName&) const = default;
};

struct SourceEffect {
    enum class Kind : std::uint8_t {
        none,  // no object is another one afterwards
        one,   // `name` is
        any,
    };
    Kind kind = Kind::any;
    bool is_told = false;     // what it writes are the bytes of the request, or what its list names
    bool is_in_body = false;  // whether it did, the body of the answer says
    SourceName name;
};

SourceEffect source_effect(const Head& head, const PieceRequest& request, std::string_view where,
                           std::uint64_t seed);

struct CopiedName {
    bool is_read = false;  // else it names a version, or is spelled in a way that is not read
    bool is_certain = false;
    SourceName name;
};

// Of a request with act copy_piece.
CopiedName copied_name(const Head& head, std::string_view where, std::uint64_t seed);

}  // namespace cordon
