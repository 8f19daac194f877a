// [feeds] and [[feed]]: which feeds the appliance follows, from where, and what they may do.
//
// Owns:       nothing.
// Invariants: outside a lab mirrors speak https, and `ceiling` is a wish: what a list may do is for
//             sync/rights.h to say.
// Limits:     limits::sections_max feeds; mirrors_max mirrors of one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/contract/index_format.h"
#include "dataplane/contract/options.h"

namespace cordon {

class TomlSection;

inline constexpr std::size_t mirrors_max = 8;

struct FeedOptions {
    std::string name;                  // of its section in the index, and of its folder
    std::vector<std::string> mirrors;  // without a slash at their ends
    std::string root;                  // file, or "package:NAME": where trust begins
    RightsCeiling ceiling = RightsCeiling::report;
    ListPurpose purpose = ListPurpose::known_csam;
    std::uint32_t poll_seconds = 60;
    std::string ca;     // file; empty: the roots of the system
    std::string proxy;  // empty: none
    // What newcomers.h doubts reports only; else that is only said.
    bool doubt_reports = true;
    // Of a root that is none of the package's: who keeps the list, and what allows to use it.
    std::string curator;
    std::string legal_basis;
    bool voluntary = true;  // the profile of the appliance

    bool may_be_trusted() const { return voluntary && !curator.empty() && !legal_basis.empty(); }
};

struct FeedsOptions {
    std::string node;                   // the name in grants; from node.prefix when not set
    std::string system_files = "/usr";  // a list that has one of these is refused
    bool doubt_reports = true;          // of each feed
    bool voluntary = true;              // the same
    std::vector<FeedOptions> feeds;

    const FeedOptions* find(std::string_view feed) const;
};

void read_feeds(TomlSection section, const Options& box, FeedsOptions* options);
void read_feed(TomlSection* section, bool lab, FeedsOptions* options);

}  // namespace cordon
