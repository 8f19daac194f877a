#include "control/store/text.h"

#include <arpa/inet.h>

#include <cstdio>
#include <ctime>

#include "control/store/store.h"
#include "dataplane/base/time.h"

namespace cordon {

namespace {

constexpr char hex_digits[] = "0123456789abcdef";

void escape(std::string_view bytes, std::string* out) {
    for (char c : bytes) {
        const auto byte = static_cast<std::uint8_t>(c);
        out->append("\\x");
        out->push_back(hex_digits[byte >> 4]);
        out->push_back(hex_digits[byte & 15]);
    }
}

// Length of the well-formed character at the front (Unicode 15, table 3-7), or 0.
std::size_t character(std::string_view text, std::uint32_t* code) {
    const auto at = [&](std::size_t n) { return static_cast<std::uint8_t>(text[n]); };
    const std::uint8_t first = at(0);
    std::size_t length = 0;
    if (first < 0x80) length = 1;
    if (first >= 0xc2 && first <= 0xdf) length = 2;
    if (first >= 0xe0 && first <= 0xef) length = 3;
    if (first >= 0xf0 && first <= 0xf4) length = 4;
    if (length == 0 || text.size() < length) return 0;
    *code = length == 1 ? first : first & (0x7fu >> length);
    for (std::size_t n = 1; n < length; ++n) {
        if ((at(n) & 0xc0) != 0x80) return 0;
        *code = *code << 6 | (at(n) & 0x3fu);
    }
    if (length == 3 && (*code < 0x800 || (*code >= 0xd800 && *code <= 0xdfff))) return 0;
    if (length == 4 && (*code < 0x10000 || *code > 0x10ffff)) return 0;
    return length;
}

// Controls, and what turns the direction or the line of a terminal: a name must not be able to make
// a row of a list look like another.
bool printable(std::uint32_t code) {
    if (code < 0x20 || (code >= 0x7f && code < 0xa0) || code == '\\') return false;
    if (code >= 0x200b && code <= 0x200f) return false;
    if (code >= 0x2028 && code <= 0x202e) return false;
    if (code >= 0x2060 && code <= 0x206f) return false;
    return code != 0x061c && code != 0xfeff;
}

}  // namespace

std::string clean_text(std::string_view bytes) {
    std::string out;
    out.reserve(bytes.size());
    while (!bytes.empty()) {
        std::uint32_t code = 0;
        const std::size_t length = character(bytes, &code);
        if (length != 0 && printable(code)) {
            out.append(bytes.substr(0, length));
        } else {
            escape(bytes.substr(0, length == 0 ? 1 : length), &out);
        }
        bytes.remove_prefix(length == 0 ? 1 : length);
    }
    return out;
}

std::string address_text(const std::uint8_t (&address)[16]) {
    static constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char text[INET6_ADDRSTRLEN];
    const bool v4 = std::memcmp(address, mapped, sizeof mapped) == 0;
    const char* done = v4 ? ::inet_ntop(AF_INET, address + 12, text, sizeof text)
                          : ::inet_ntop(AF_INET6, address, text, sizeof text);
    return done == nullptr ? "" : done;
}

std::string hex_text(Bytes bytes) {
    std::string out;
    for (std::uint8_t byte : bytes) {
        out.push_back(hex_digits[byte >> 4]);
        out.push_back(hex_digits[byte & 15]);
    }
    return out;
}

PeerAddress peer_of(const Endpoint& endpoint) {
    if (endpoint.present == 0) return {};
    return {address_text(endpoint.address), endpoint.port};
}

std::string iso_time(std::uint64_t unix_ns) {
    const auto seconds = static_cast<std::time_t>(unix_ns / ns_per_s);
    std::tm utc{};
    ::gmtime_r(&seconds, &utc);
    char text[64];
    const std::size_t length = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &utc);
    std::snprintf(text + length, sizeof text - length, ".%09uZ",
                  static_cast<unsigned>(unix_ns % ns_per_s));
    return text;
}

std::string_view status_name(IncidentStatus status) {
    switch (status) {
        case IncidentStatus::decided:
            return "decided";
        case IncidentStatus::unconfirmed:
            return "unconfirmed";
        case IncidentStatus::enforced:
            return "enforced";
    }
    return "unknown";
}

std::string_view action_name(MatchAction action) {
    switch (action) {
        case MatchAction::block:
            return "block";
        case MatchAction::report:
            return "report";
        case MatchAction::observe:
            return "observe";
        case MatchAction::suspended:
            return "suspended";
    }
    return "unknown";
}

std::string_view gap_reason_name(GapReason reason) {
    switch (reason) {
        case GapReason::not_running:
            return "not_running";
        case GapReason::hung:
            return "hung";
        case GapReason::mode_bypass:
            return "mode_bypass";
    }
    return "unknown";
}

std::string_view fault_kind_name(FaultKind kind) {
    switch (kind) {
        case FaultKind::missing:
            return "missing";
        case FaultKind::damaged:
            return "damaged";
    }
    return "unknown";
}

}  // namespace cordon
