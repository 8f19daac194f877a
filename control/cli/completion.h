// What may stand where the cursor is, for the completion of shells: from the table of commands, and
// for names of services, feeds and cases from cordond.
//
// Owns:       nothing.
// Invariants: nothing is offered that the command line would refuse as an unknown word or flag.
// Limits:     names_ms_max for cordond; cases_max cases.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "control/cli/cli.h"

namespace cordon {

struct Candidate {
    std::string word;  // or one of the two below
    std::string help;
};
inline constexpr const char* complete_files = ":files";
inline constexpr const char* complete_directories = ":directories";

// `words`: the line behind "cordonctl", the last one is that under the cursor and may be empty.
// `names(context, what)` gives the names for SERVICE, FEED and CASE.
using NamesOf = std::vector<std::string> (*)(const Context& context, std::string_view what);
std::vector<Candidate> complete(const Context& context, std::span<const std::string> words,
                                NamesOf names);

}  // namespace cordon
