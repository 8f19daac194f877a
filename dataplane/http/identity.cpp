#include "dataplane/http/identity.h"

#include <algorithm>
#include <cstring>

#include "dataplane/http/syntax.h"

namespace cordon {

using namespace http;

namespace {

// Length of the well-formed UTF-8 sequence at the front of `text`, 0 when it is none; *value is
// its code point.
std::size_t utf8_sequence(std::string_view text, std::uint32_t* value) {
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t lead = byte(0);
    const std::size_t size = lead < 0x80                   ? 1
                             : lead >= 0xc2 && lead < 0xe0 ? 2
                             : lead >= 0xe0 && lead < 0xf0 ? 3
                             : lead >= 0xf0 && lead < 0xf5 ? 4
                                                           : 0;
    if (size == 0 || size > text.size()) return 0;
    *value = size == 1 ? lead : lead & (0x7fu >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0) != 0x80) return 0;
        *value = *value << 6 | (byte(i) & 0x3fu);
    }
    const bool overlong = (size == 3 && *value < 0x800) || (size == 4 && *value < 0x10000);
    const bool surrogate = *value >= 0xd800 && *value < 0xe000;
    return overlong || surrogate || *value > 0x10ffff ? 0 : size;
}

// C0, DEL and C1 controls, line and paragraph separators, the marks that reverse the reading
// direction of the rest of a line, and the two characters that XML has no way to write.
bool is_harmful(std::uint32_t c) {
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || (c >= 0x2028 && c <= 0x202e) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0xfffe || c == 0xffff;
}

// Keeps what may be shown, in place; returns its length.
std::size_t clean_in_place(std::span<char> text) {
    std::size_t kept = 0;
    for (std::size_t at = 0; at < text.size();) {
        std::uint32_t value = 0;
        const std::size_t size = utf8_sequence({text.data() + at, text.size() - at}, &value);
        if (size != 0 && !is_harmful(value)) {
            std::memmove(text.data() + kept, text.data() + at, size);
            kept += size;
        }
        at += std::max<std::size_t>(size, 1);
    }
    return kept;
}

int base64_digit(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (is_digit(c)) return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

// The user of base64(user ":" password): nothing from the colon on is decoded.
std::string_view basic_user(std::string_view encoded, std::span<char> out) {
    std::uint32_t bits = 0;
    unsigned bit_count = 0;
    std::size_t used = 0;
    for (const char digit : encoded) {
        const int value = base64_digit(digit);
        if (value < 0) return {};
        bits = (bits << 6 | static_cast<std::uint32_t>(value)) & 0xffffff;
        bit_count += 6;
        if (bit_count < 8) continue;
        bit_count -= 8;
        const char c = static_cast<char>(bits >> bit_count & 0xff);
        if (c == ':') return {out.data(), clean_in_place(out.first(used))};
        if (used < out.size()) out[used++] = c;
    }
    return {};
}

// Up to the first slash of a credential scope, percent-decoded.
std::string_view key_of_query(std::string_view value, std::span<char> out) {
    std::size_t used = 0;
    while (!value.empty() && used < out.size()) {
        const char c = take_percent_decoded(&value);
        if (c == '/') break;
        out[used++] = c;
    }
    return {out.data(), clean_in_place(out.first(used))};
}

std::string_view s3_access_key(const Head& head, std::span<char> out) {
    const std::string_view authorization = head.find("authorization").value_or("");
    if (starts_ignoring_case(authorization, "AWS4-")) {
        constexpr std::string_view mark = "Credential=";
        const std::size_t at = authorization.find(mark);
        if (at == std::string_view::npos) return {};
        const std::string_view scope = authorization.substr(at + mark.size());
        return copy_clean(scope.substr(0, scope.find_first_of("/, ")), out);
    }
    if (starts_ignoring_case(authorization, "AWS ")) {
        const std::string_view key = trim(authorization.substr(4));
        // Without a colon this is no credential, and might be a secret.
        return key.find(':') == std::string_view::npos
                   ? std::string_view()
                   : copy_clean(key.substr(0, key.find(':')), out);
    }
    for (const std::string_view name : {"X-Amz-Credential", "AWSAccessKeyId"}) {
        if (const auto value = query_value(head.target, name)) return key_of_query(*value, out);
    }
    return {};
}

// What a list of hops amounts to so far, from left to right.
class HopList {
  public:
    HopList(std::span<const AddressPrefix> trusted, ClientAddress* client)
        : trusted_(trusted), client_(client) {}

    void add(std::string_view entry) {
        ClientAddress hop;
        if (!parse_endpoint(entry, &hop)) {
            state_ = State::unknown;
            return;
        }
        if (!is_within_any(hop.address, trusted_)) {
            *client_ = hop;
            state_ = State::found;
        } else if (state_ == State::empty) {
            *client_ = hop;
            state_ = State::all_trusted;
        }
    }
    bool has_client() const { return state_ == State::found || state_ == State::all_trusted; }

  private:
    enum class State : std::uint8_t { empty, all_trusted, found, unknown };
    std::span<const AddressPrefix> trusted_;
    ClientAddress* client_;
    State state_ = State::empty;
};

// Takes the piece up to a separator that stands outside of quotes.
std::string_view take_unquoted(std::string_view* rest, char separator) {
    bool quoted = false;
    std::size_t at = 0;
    for (; at < rest->size(); ++at) {
        const char c = (*rest)[at];
        if (c == '"') quoted = !quoted;
        if (quoted && c == '\\') ++at;
        if (!quoted && c == separator) break;
    }
    at = std::min(at, rest->size());
    const std::string_view piece = trim(rest->substr(0, at));
    rest->remove_prefix(at == rest->size() ? at : at + 1);
    return piece;
}

// The for= of one forwarded-element (RFC 7239 §4), without its quotes; empty when it has none.
std::string_view forwarded_for(std::string_view element) {
    while (!element.empty()) {
        const std::string_view pair = take_unquoted(&element, ';');
        if (!starts_ignoring_case(pair, "for=")) continue;
        std::string_view value = pair.substr(4);
        if (value.size() >= 2 && value.front() == '"' && value.back() == '"') {
            value = value.substr(1, value.size() - 2);
        }
        return value;
    }
    return {};
}

}  // namespace

std::string_view account_of(const Head& head, AccountFrom from, std::string_view header_name,
                            std::span<char> out) {
    switch (from) {
        case AccountFrom::none:
            return {};
        case AccountFrom::s3_access_key:
            return s3_access_key(head, out);
        case AccountFrom::basic_user: {
            const std::string_view authorization = head.find("authorization").value_or("");
            if (!starts_ignoring_case(authorization, "basic ")) return {};
            std::string_view encoded = trim(authorization.substr(6));
            while (encoded.ends_with('='))
                encoded.remove_suffix(1);
            return basic_user(encoded, out);
        }
        case AccountFrom::header:
            return copy_clean(head.find(header_name).value_or(""), out);
    }
    __builtin_unreachable();
}

bool forwarded_client(const Head& head, std::string_view header_name,
                      std::span<const AddressPrefix> trusted_hops, ClientAddress* client) {
    const bool is_forwarded = equal_ignoring_case(header_name, "forwarded");
    ClientAddress best;
    HopList hops(trusted_hops, &best);
    for (std::size_t i = 0; i < head.field_count(); ++i) {
        if (!equal_ignoring_case(head.field(i).name, header_name)) continue;
        std::string_view list = head.field(i).value;
        while (!list.empty()) {
            const std::string_view entry =
                is_forwarded ? take_unquoted(&list, ',') : take_piece(&list, ',');
            if (!entry.empty()) hops.add(is_forwarded ? forwarded_for(entry) : entry);
        }
    }
    if (hops.has_client()) *client = best;
    return hops.has_client();
}

std::optional<std::string_view> query_value(std::string_view target, std::string_view name) {
    const std::size_t mark = target.find('?');
    if (mark == std::string_view::npos) return {};
    std::string_view query = target.substr(mark + 1);
    query = query.substr(0, query.find('#'));
    while (!query.empty()) {
        const std::string_view pair = take_piece(&query, '&');
        const std::size_t equals = pair.find('=');
        if (!equal_ignoring_case(pair.substr(0, equals), name)) continue;
        return equals == std::string_view::npos ? std::string_view() : pair.substr(equals + 1);
    }
    return {};
}

std::string_view copy_clean(std::string_view text, std::span<char> out) {
    const std::size_t bytes = std::min(text.size(), out.size());
    if (bytes == 0) return {};
    std::memcpy(out.data(), text.data(), bytes);
    return {out.data(), clean_in_place(out.first(bytes))};
}

}  // namespace cordon
