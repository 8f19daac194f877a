#include "dataplane/replay/json_lines.h"

#include <arpa/inet.h>

#include <cstdio>

namespace cordon::replay {
namespace {

// Length of the valid UTF-8 sequence at the start of `text` (RFC 3629 §4), 0 when there is none.
std::size_t sequence_length(std::string_view text) {
    const auto byte = [&](std::size_t at) {
        return at < text.size() ? static_cast<std::uint8_t>(text[at]) : std::uint8_t{0};
    };
    const auto continues = [&](std::size_t at) { return (byte(at) & 0xc0) == 0x80; };
    const std::uint8_t first = byte(0);
    if (first < 0x80) return 1;
    if (first >= 0xc2 && first <= 0xdf) return continues(1) ? 2 : 0;
    if (first >= 0xe0 && first <= 0xef) {
        if (first == 0xe0 && byte(1) < 0xa0) return 0;   // too long a form
        if (first == 0xed && byte(1) >= 0xa0) return 0;  // half of a surrogate pair
        return continues(1) && continues(2) ? 3 : 0;
    }
    if (first >= 0xf0 && first <= 0xf4) {
        if (first == 0xf0 && byte(1) < 0x90) return 0;
        if (first == 0xf4 && byte(1) >= 0x90) return 0;  // beyond U+10FFFF
        return continues(1) && continues(2) && continues(3) ? 4 : 0;
    }
    return 0;
}

void append_escaped_ascii(char c, std::string* out) {
    if (c == '"' || c == '\\') {
        out->push_back('\\');
        out->push_back(c);
    } else if (static_cast<std::uint8_t>(c) < 0x20 || c == 0x7f) {
        char text[8];
        std::snprintf(text, sizeof text, "\\u%04x", static_cast<unsigned>(c));
        out->append(text);
    } else {
        out->push_back(c);
    }
}

void append_key(std::string_view key, std::string* out) {
    if (out->back() != '{') out->push_back(',');
    append_json_string(key, out);
    out->push_back(':');
}

void append_text(std::string_view key, std::string_view value, std::string* out) {
    append_key(key, out);
    append_json_string(value, out);
}

void append_null(std::string_view key, std::string* out) {
    append_key(key, out);
    out->append("null");
}

void append_optional(std::string_view key, std::string_view value, std::string* out) {
    value.empty() ? append_null(key, out) : append_text(key, value, out);
}

void append_number(std::string_view key, std::uint64_t value, std::string* out) {
    append_key(key, out);
    out->append(std::to_string(value));
}

void append_digest(std::string_view key, Bytes digest, std::string* out) {
    if (digest.empty()) return append_null(key, out);
    constexpr char digits[] = "0123456789abcdef";
    std::string hex;
    for (const std::uint8_t byte : digest) {
        hex.push_back(digits[byte >> 4]);
        hex.push_back(digits[byte & 15]);
    }
    append_text(key, hex, out);
}

// A field of fixed size; the first NUL ends it.
template <std::size_t N>
std::string_view field(const char (&text)[N]) {
    return {text, ::strnlen(text, N)};
}

std::string_view verdict_name(ObjectVerdict verdict) {
    switch (verdict) {
        case ObjectVerdict::clean:
            return "clean";
        case ObjectVerdict::dismissed:
            return "dismissed";
        case ObjectVerdict::match:
            return "match";
        case ObjectVerdict::uninspected:
            return "uninspected";
    }
    return "";
}

std::string_view reason_name(UninspectedReason reason) {
    constexpr std::string_view prefix = "uninspected:";
    return uninspected_table[static_cast<std::size_t>(reason)].name.substr(prefix.size());
}

void append_verdict(const ObjectReport& report, std::string* out) {
    append_text("verdict", verdict_name(report.verdict), out);
    if (report.verdict == ObjectVerdict::uninspected) {
        append_text("reason", reason_name(report.reason), out);
    } else {
        append_null("reason", out);
    }
    if (!report.matched) return append_null("indicator", out);
    // A string: a reference has 64 bits, and most readers of JSON keep 53.
    char reference[17];
    std::snprintf(reference, sizeof reference, "%016llx",
                  static_cast<unsigned long long>(report.indicator));
    append_text("indicator", reference, out);
}

}  // namespace

void append_json_string(std::string_view text, std::string* out) {
    out->push_back('"');
    while (!text.empty()) {
        const std::size_t length = sequence_length(text);
        if (length == 0) {
            out->append("\\ufffd");
            text.remove_prefix(1);
            continue;
        }
        if (length == 1) {
            append_escaped_ascii(text[0], out);
        } else {
            out->append(text.substr(0, length));
        }
        text.remove_prefix(length);
    }
    out->push_back('"');
}

std::string end_text(const SegmentEnd& end) {
    constexpr std::uint8_t mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    char text[INET6_ADDRSTRLEN] = "";
    const std::string port = ":" + std::to_string(end.port);
    if (std::memcmp(end.address.bytes, mapped, sizeof mapped) == 0) {
        ::inet_ntop(AF_INET, end.address.bytes + 12, text, sizeof text);
        return text + port;
    }
    ::inet_ntop(AF_INET6, end.address.bytes, text, sizeof text);
    return "[" + std::string(text) + "]" + port;
}

void append_object_line(const ObjectReport& report, std::string* out) {
    out->push_back('{');
    append_text("type", "object", out);
    append_text("client", end_text(report.client), out);
    append_text("server", end_text(report.server), out);
    append_text("method", field(report.method), out);
    append_text("host", field(report.host), out);
    append_text("target", field(report.target), out);
    append_optional("name", field(report.name), out);
    append_optional("field", field(report.field), out);
    append_optional("member", field(report.member), out);
    append_optional("container", field(report.container), out);
    append_text("form", field(report.form), out);
    append_text("content_type", content_type_name(report.content_type), out);
    append_number("size", report.size, out);
    append_key("complete", out);
    out->append(report.complete ? "true" : "false");
    append_digest("md5", report.digests.of(IndicatorKind::md5), out);
    append_digest("sha1", report.digests.of(IndicatorKind::sha1), out);
    append_digest("sha256", report.digests.of(IndicatorKind::sha256), out);
    append_digest("sha256_tree", report.digests.of(IndicatorKind::sha256_tree), out);
    append_verdict(report, out);
    out->append("}\n");
}

void append_summary_line(std::uint64_t packets, const Counters& counters, std::string* out) {
    out->push_back('{');
    append_text("type", "summary", out);
    append_number("packets", packets, out);
    append_number(
        "flows", counters.read(Outcome::flow_opened) + counters.read(Outcome::flow_midstream), out);
    append_key("coverage", out);
    out->push_back('{');
    for (std::size_t at = 0; at < object_class_count; ++at) {
        const Tally& tally = counters.objects[at];
        if (tally.count.read() == 0 && tally.bytes.read() == 0) continue;
        append_key(object_class_name(at), out);
        out->push_back('{');
        append_number("objects", tally.count.read(), out);
        append_number("bytes", tally.bytes.read(), out);
        out->push_back('}');
    }
    out->push_back('}');
    // The other side of the ledger: the bytes of all classes are as many as these two.
    append_number("body_bytes", counters.body_bytes.read(), out);
    append_number("unframed_bytes", counters.unframed_bytes.read(), out);
    append_key("outcomes", out);
    out->push_back('{');
    for (std::size_t at = 0; at < outcome_count; ++at) {
        const std::uint64_t value = counters.outcomes[at].read();
        if (value != 0) append_number(outcome_table[at].name, value, out);
    }
    out->append("}}\n");
}

}  // namespace cordon::replay
