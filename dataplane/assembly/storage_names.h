// Names of objects in object storages, shared by the requests and the lists that name them.
//
// Owns:       nothing.
// Worker:     pure functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "dataplane/assembly/recipe.h"

namespace cordon {

struct RequestView;

// The key of BUCKET and OBJECT, or ACCOUNT PATH and CONTAINER/OBJECT: that of the path of both.
AssemblyKey object_key(std::string_view before, std::string_view object, std::uint64_t seed);

// The same for a request whose host begins with the bucket; zero when that is not so.
AssemblyKey hosted_key(const RequestView& view);

// Of objects whose names differ in the number at their end only; and of one such.
AssemblyKey group_key(std::string_view prefix, std::uint64_t seed);
void set_group(std::string_view folded, std::uint64_t seed, PieceRequest* request);

bool split_gcs_path(std::string_view folded, std::string_view* bucket, std::string_view* object);

// What of a folded path stands before container and object; empty when it is none of Swift.
std::string_view swift_account(std::string_view folded);

// The name of a block, as a query (`encoded`) or a list has it.
AssemblyKey azure_block_name(const AssemblyKey& blob, std::string_view id, bool encoded,
                             std::uint64_t seed);

}  // namespace cordon
