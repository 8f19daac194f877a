// What an incident, or a request to judge an object on the storage, tells of a person: whose upload
// it was and what it was called. It is stored as one sealed text under a key of its own, so that
// destroying the key ends it, wherever copies of the store are. A record that was not understood is
// sealed whole.
//
// Owns:       nothing.
// Invariants: a sealed text opens under its own key and case number only. It says how long it is in
//             steps of 256 bytes.
// Thread:     any.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "dataplane/base/bytes.h"

namespace cordon {

// Empty address: not known.
struct PeerAddress {
    std::string address;  // "192.0.2.1" or "2001:db8::1"
    std::uint16_t port = 0;
    bool operator==(const PeerAddress&) const = default;
};

struct Personal {
    PeerAddress client;
    PeerAddress forwarded;
    std::string host;
    std::string target;
    std::string account;
    std::string field;      // of a form part
    std::string file_name;  // as the client named it
    std::string member;     // path of an archive member
    std::string container;  // what it was in
    bool operator==(const Personal&) const = default;
};

inline constexpr std::size_t case_key_bytes = 32;  // of XChaCha20-Poly1305
using CaseKey = std::array<std::uint8_t, case_key_bytes>;

std::vector<std::uint8_t> seal_personal(const Personal& personal, const CaseKey& key,
                                        std::string_view case_number);
// Nothing when it was not sealed so.
std::optional<Personal> open_personal(Bytes sealed, const CaseKey& key,
                                      std::string_view case_number);

std::vector<std::uint8_t> seal_record(Bytes record, const CaseKey& key);
std::optional<std::string> open_record(Bytes sealed, const CaseKey& key);

// In the place of a case number: of a request for verification, and of those that follow from it.
inline constexpr std::string_view verification_seal = "verification";

}  // namespace cordon
