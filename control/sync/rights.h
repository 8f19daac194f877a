// What a feed may do on this appliance, by whose word (DESIGN §11).
//
//   ceiling = "report"                                          ► report
//   a lab                                                       ► block, LAB everywhere
//   it began with a root of the package                         ► block
//   it began with a root that the operator enrolled: profile
//   voluntary, a curator and a legal basis are named, and two
//   persons approved just these                                 ► block, both named
//   else                                                        ► report, an alarm
//
// Owns:       nothing.
// Invariants: rights go by the root with which the feed began, not by what the file says now.
// Thread:     any; pure.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "control/config/feed_config.h"
#include "control/feed/trust_table.h"

namespace cordon::sync {

// Two persons' word that the list of an enrolled root may block.
struct Consent {
    std::string root_sha256;  // hex
    std::string curator;
    std::string legal_basis;
    std::string requester;
    std::string approver;
    std::uint64_t time_s = 0;
};

enum class RightsBy : std::uint8_t { nobody, lab, package, operators };
const char* rights_by_name(RightsBy by);

struct Rights {
    RightsCeiling ceiling = RightsCeiling::report;
    RightsBy by = RightsBy::nobody;
    std::string missing;  // why it may not block although the configuration wants it
};

Rights rights_of(const FeedOptions& options, bool lab, std::span<const feed::TrustedRoot> trusted,
                 const std::string& begun_sha256, const std::optional<Consent>& consent);

}  // namespace cordon::sync
