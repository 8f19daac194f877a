#include "control/sync/rights.h"

#include <algorithm>

#include "control/feed/crypto.h"

namespace cordon::sync {
namespace {

bool is_of_package(std::span<const feed::TrustedRoot> trusted, const std::string& begun_sha256) {
    return std::any_of(trusted.begin(), trusted.end(), [&](const feed::TrustedRoot& one) {
        return feed::to_hex(feed::sha256(as_bytes(one.document))) == begun_sha256;
    });
}

bool is_consent_to(const Consent& consent, const FeedOptions& options,
                   const std::string& begun_sha256) {
    return !begun_sha256.empty() && consent.root_sha256 == begun_sha256 &&
           consent.curator == options.curator && consent.legal_basis == options.legal_basis;
}

}  // namespace

const char* rights_by_name(RightsBy by) {
    switch (by) {
        case RightsBy::lab:
            return "lab";
        case RightsBy::package:
            return "package";
        case RightsBy::operators:
            return "operators";
        case RightsBy::nobody:
            break;
    }
    return "nobody";
}

Rights rights_of(const FeedOptions& options, bool lab, std::span<const feed::TrustedRoot> trusted,
                 const std::string& begun_sha256, const std::optional<Consent>& consent) {
    if (options.ceiling != RightsCeiling::block) return {};
    if (lab) return {RightsCeiling::block, RightsBy::lab, ""};
    if (is_of_package(trusted, begun_sha256)) return {RightsCeiling::block, RightsBy::package, ""};
    if (!options.may_be_trusted())
        return {
            RightsCeiling::report, RightsBy::nobody,
            "its root is none of the package's, and that takes profile \"voluntary\", a curator "
            "and a legal_basis"};
    if (consent && is_consent_to(*consent, options, begun_sha256))
        return {RightsCeiling::block, RightsBy::operators, ""};
    return {
        RightsCeiling::report, RightsBy::nobody,
        "two persons have to approve its root, curator and legal basis: `cordonctl feed trust " +
            options.name + "`"};
}

}  // namespace cordon::sync
