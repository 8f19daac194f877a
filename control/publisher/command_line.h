// cordon-feed's command line: what every command gets, and where each one is added.
//
// Owns:       nothing that lives on.
// Invariants: a command prints its result to stdout and progress (on a terminal) to stderr; what
//             went wrong is one line on stderr, and its ErrorCode the exit status.
// Thread:     one.
// Limits:     none of its own.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <string>

#include "control/publisher/rows.h"
#include "control/publisher/staging.h"
#include "dataplane/base/result.h"

namespace cordon::feed {

using Run = std::function<Result<void>()>;

// Each adds its commands; what the line chooses is put into `*run`.
void add_making_commands(CLI::App& app, Run* run);      // key init status caps rotate-key
void add_listing_commands(CLI::App& app, Run* run);     // import withdraw vector diff why
void add_publishing_commands(CLI::App& app, Run* run);  // stage approve publish refresh
void add_revoking_commands(CLI::App& app, Run* run);    // revoke
void add_granting_commands(CLI::App& app, Run* run);    // enrol grant
void add_verifying_commands(CLI::App& app, Run* run);   // verify
void add_backing_up_commands(CLI::App& app, Run* run);  // backup restore

std::uint64_t now_s();
// A bar on a terminal, nothing elsewhere.
Progress progress_bar(const std::string& what);
void print(const std::string& line);
// For options whose text goes into a signed document: no control characters, which canonical JSON
// would write raw, and no more bytes than readers take.
std::function<std::string(const std::string&)> text_of_at_most(std::size_t bytes);
void print_difference(const Difference& difference);
std::string grouped_number(std::uint64_t number);

}  // namespace cordon::feed
