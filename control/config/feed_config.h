// [feeds] and [[feed]]: which feeds the appliance follows, from where, and what they may do.
//
// Owns:       nothing.
// Invariants: outside a lab mirrors speak https, and no list may do more than report: a root that
//             an operator enrols himself blocks only where everything says LAB.
// Limits:     limits::sections_max feeds; mirrors_max mirrors of one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/contract/index_format.h"

namespace cordon {

class TomlSection;

inline constexpr std::size_t mirrors_max = 8;

struct FeedOptions {
    std::string name;                  // of its section in the index, and of its folder
    std::vector<std::string> mirrors;  // without a slash at their ends
    std::string root;                  // file: where trust begins
    RightsCeiling ceiling = RightsCeiling::report;
    ListPurpose purpose = ListPurpose::known_csam;
    std::uint32_t poll_seconds = 60;
    std::string ca;     // file; empty: the roots of the system
    std::string proxy;  // empty: none
};

struct FeedsOptions {
    std::string node;                   // the name in grants; from node.prefix when not set
    std::string system_files = "/usr";  // a list that has one of these is refused
    std::vector<FeedOptions> feeds;

    const FeedOptions* find(std::string_view feed) const;
};

void read_feeds(TomlSection section, std::string_view node_prefix, FeedsOptions* options);
void read_feed(TomlSection* section, bool lab, FeedsOptions* options);

}  // namespace cordon
