// The words for the enums of Options, as they stand in the configuration and in every output.
//
// Owns:       nothing; static tables, in the order of the enums.
// Invariants: the words never change meaning.
#pragma once

#include <span>
#include <string_view>

#include "dataplane/contract/link.h"
#include "dataplane/contract/options.h"
#include "dataplane/contract/verify_link.h"

namespace cordon {

inline constexpr std::string_view service_mode_names[] = {"enforce", "observe", "bypass"};
inline constexpr std::string_view fail_mode_names[] = {"open", "closed"};
inline constexpr std::string_view midstream_action_names[] = {"retire", "pass", "reset", "refuse"};
inline constexpr std::string_view proxy_protocol_names[] = {"off", "accept", "require"};
inline constexpr std::string_view client_from_names[] = {"peer", "proxy", "header"};
inline constexpr std::string_view account_from_names[] = {"none", "s3-access-key", "basic-user",
                                                          "header"};
inline constexpr std::string_view uninspected_action_names[] = {"pass", "reset", "refuse"};
inline constexpr std::string_view dismiss_by_names[] = {"off", "head", "size"};
inline constexpr std::string_view embedded_archives_names[] = {"search", "ignore"};
inline constexpr std::string_view answer_text_names[] = {"explain", "neutral"};
inline constexpr std::string_view profile_names[] = {"voluntary", "detection-order",
                                                     "removal-only"};
inline constexpr std::string_view port_kind_names[] = {"af_xdp", "af_packet", "pci"};
inline constexpr std::string_view polling_names[] = {"adaptive", "busy"};
inline constexpr std::string_view index_pages_names[] = {"huge", "plain"};

inline constexpr std::string_view storage_api_names[] = {"s3", "webdav"};
inline constexpr std::string_view port_state_names[] = {"up", "no carrier", "down", "held"};

inline std::span<const std::string_view> names_of(ServiceMode) {
    return service_mode_names;
}
inline std::span<const std::string_view> names_of(FailMode) {
    return fail_mode_names;
}
inline std::span<const std::string_view> names_of(MidstreamAction) {
    return midstream_action_names;
}
inline std::span<const std::string_view> names_of(ProxyProtocol) {
    return proxy_protocol_names;
}
inline std::span<const std::string_view> names_of(ClientFrom) {
    return client_from_names;
}
inline std::span<const std::string_view> names_of(AccountFrom) {
    return account_from_names;
}
inline std::span<const std::string_view> names_of(UninspectedAction) {
    return uninspected_action_names;
}
inline std::span<const std::string_view> names_of(DismissBy) {
    return dismiss_by_names;
}
inline std::span<const std::string_view> names_of(EmbeddedArchives) {
    return embedded_archives_names;
}
inline std::span<const std::string_view> names_of(AnswerText) {
    return answer_text_names;
}
inline std::span<const std::string_view> names_of(Profile) {
    return profile_names;
}
inline std::span<const std::string_view> names_of(PortKind) {
    return port_kind_names;
}
inline std::span<const std::string_view> names_of(Polling) {
    return polling_names;
}
inline std::span<const std::string_view> names_of(IndexPages) {
    return index_pages_names;
}

inline std::span<const std::string_view> names_of(StorageApi) {
    return storage_api_names;
}

inline std::span<const std::string_view> names_of(PortState) {
    return port_state_names;
}

// The word for a value that another process sent, so it may be any number.
template <typename Enum>
std::string_view name_of(Enum value) {
    const auto names = names_of(value);
    const auto index = static_cast<std::size_t>(value);
    return index < names.size() ? names[index] : std::string_view("unknown");
}

// False when no value has this word.
template <typename Enum>
bool from_name(std::string_view word, Enum* value) {
    const auto names = names_of(Enum{});
    for (std::size_t i = 0; i < names.size(); ++i) {
        if (names[i] != word) continue;
        *value = static_cast<Enum>(i);
        return true;
    }
    return false;
}

}  // namespace cordon
