// Files that are replaced as a whole.
//
// Owns:       nothing.
// Invariants: at every moment, and after a crash at any moment, the path holds all of the old bytes
//             or all of the new ones; after success the new ones are durable.
// Thread:     any; two writers of one path do not mix, the later rename wins.
// Limits:     none of its own.
#pragma once

#include <string>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"

namespace cordon {

// Temporary file beside it, write, fsync, rename, fsync of the directory.
Result<void> write_file_atomically(const std::string& path, Bytes bytes, unsigned mode = 0600);

}  // namespace cordon
