// Files → lines of a plain list of indicators (list_parser.h), each with size and head of its file,
// so that objects can be dismissed by them:
//
//   SHA-256 "," size "," head "  # " path
//
// Owns:       nothing.
// Invariants: a line is one that parse_list_line() takes; control characters of a path become '?'.
// Thread:     any; reads the files.
// Limits:     regular files. Of a folder all files below it, in the order of their paths.
#pragma once

#include <string>
#include <vector>

#include "dataplane/base/result.h"

namespace cordon {

Result<std::string> list_line_of(const std::string& path);

// The path itself, or what is below it. Links are not followed.
Result<std::vector<std::string>> files_below(const std::string& path);

}  // namespace cordon
