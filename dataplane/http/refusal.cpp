#include "dataplane/http/refusal.h"

#include <array>
#include <charconv>
#include <cstring>

#include "dataplane/base/invariant.h"
#include "dataplane/http/identity.h"
#include "dataplane/http/syntax.h"

namespace cordon {

using namespace http;

namespace {

// Appends to a fixed buffer; what does not fit makes it overflowed, for good.
class Writer {
  public:
    explicit Writer(MutableBytes out) : out_(out) {}

    Writer& raw(std::string_view text) {
        if (overflowed_ || text.size() > out_.size() - used_) {
            overflowed_ = true;
            return *this;
        }
        if (!text.empty()) std::memcpy(out_.data() + used_, text.data(), text.size());
        used_ += text.size();
        return *this;
    }

    // For element content of XML and HTML; valid UTF-8 without controls, which XML forbids.
    Writer& escaped(std::string_view text) {
        std::array<char, 512> clean;
        for (const char& c : copy_clean(text, clean)) {
            if (c == '&') {
                raw("&amp;");
            } else if (c == '<') {
                raw("&lt;");
            } else if (c == '>') {
                raw("&gt;");
            } else if (c == '"') {
                raw("&quot;");
            } else if (c == '\'') {
                raw("&#39;");
            } else {
                raw({&c, 1});
            }
        }
        return *this;
    }

    // For the reason phrase.
    Writer& printable(std::string_view text) {
        for (const char& c : text) {
            if (c >= 0x20 && c < 0x7f) raw({&c, 1});
        }
        return *this;
    }

    Writer& number(std::size_t value) {
        std::array<char, 20> digits;
        const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value);
        return raw({digits.data(), static_cast<std::size_t>(end.ptr - digits.data())});
    }

    bool overflowed() const { return overflowed_; }
    std::string_view text() const { return as_text(out_.first(used_)); }

  private:
    MutableBytes out_;
    std::size_t used_ = 0;
    bool overflowed_ = false;
};

// What goes around the message in a body of each kind.
struct BodyShape {
    std::string_view content_type;
    std::string_view before_code;  // up to the error code of S3, else up to the message
    std::string_view after_code;
    std::string_view after_message;
    bool has_code;
};

constexpr BodyShape body_shapes[] = {
    {"application/xml", "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>",
     "</Code><Message>", "</Message></Error>\n", true},
    {"application/xml; charset=utf-8",
     "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n"
     "<d:error xmlns:d=\"DAV:\" xmlns:s=\"http://sabredav.org/ns\">"
     "<s:exception>Forbidden</s:exception><s:message>",
     "", "</s:message></d:error>\n", false},
    {"text/html; charset=utf-8",
     "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
     "<title>Upload refused</title></head><body><p>",
     "", "</p></body></html>\n", false},
    {"text/plain; charset=utf-8", "", "", "\n", false},
    {"", "", "", "", false},
};
static_assert(std::size(body_shapes) == static_cast<std::size_t>(RequestKind::no_body) + 1);

const BodyShape& shape_of(RequestKind kind) {
    return body_shapes[static_cast<std::size_t>(kind)];
}

// Plain text is not escaped: it would show "&amp;" to people. The clean copy is made in both cases.
void write_value(Writer& out, RequestKind kind, std::string_view value) {
    std::array<char, 512> clean;
    if (kind == RequestKind::text) {
        out.raw(copy_clean(value, clean));
    } else {
        out.escaped(value);
    }
}

void write_clause(Writer& out, RequestKind kind, std::string_view before, std::string_view value,
                  std::string_view after) {
    if (value.empty()) return;
    out.raw(before);
    write_value(out, kind, value);
    out.raw(after);
}

void write_explanation(Writer& out, RequestKind kind, const RefusalText& text) {
    out.raw("This upload was refused");
    write_clause(out, kind, " by ", text.operator_name, "");
    out.raw(
        " and was not stored. Its content matches an entry in a list of known child sexual abuse "
        "material (CSAM). Automated means were used to detect the match and to take this "
        "decision.");
    write_clause(out, kind, " Legal basis: ", text.legal_basis, ".");
    write_clause(out, kind, " Case number: ", text.case_number, ".");
    write_clause(out, kind,
                 " If you think that this is a mistake, you can complain: ", text.complaint_url,
                 "");
    write_clause(out, kind, " Contact: ", text.contact, "");
}

void write_neutral(Writer& out, RequestKind kind, const RefusalText& text) {
    out.raw("This upload was refused.");
    write_clause(out, kind, " Case number: ", text.case_number, ".");
    write_clause(out, kind, " Contact: ", text.contact, "");
}

enum class Detail : std::uint8_t { full, neutral, case_only };

void write_message(Writer& out, RequestKind kind, const RefusalText& text, Detail detail) {
    if (text.lab) out.raw("LAB: this is a test installation. ");
    if (detail == Detail::full && text.profile == AnswerText::explain) {
        return write_explanation(out, kind, text);
    }
    if (detail != Detail::case_only) return write_neutral(out, kind, text);
    RefusalText bare;
    bare.case_number = text.case_number.substr(0, 32);
    write_neutral(out, kind, bare);
}

void write_length_and_body(Writer& out, RequestKind kind, std::string_view origin,
                           std::string_view body) {
    if (!origin.empty()) {
        out.raw("Access-Control-Allow-Origin: ").raw(origin);
        out.raw("\r\nAccess-Control-Allow-Credentials: true\r\n");
    }
    if (kind == RequestKind::no_body) {
        out.raw("Connection: close\r\n\r\n");
        return;
    }
    out.raw("Content-Type: ").raw(shape_of(kind).content_type).raw("\r\nContent-Length: ");
    out.number(body.size())
        .raw("\r\nCache-Control: no-store\r\nConnection: close\r\n\r\n")
        .raw(body);
}

void write_body(Writer& body, RequestKind kind, std::string_view code, std::string_view message) {
    const BodyShape& shape = shape_of(kind);
    if (kind == RequestKind::no_body) return;
    body.raw(shape.before_code);
    if (shape.has_code) body.raw(code);
    body.raw(shape.after_code).raw(message).raw(shape.after_message);
}

std::size_t try_refusal(MutableBytes out, RequestKind kind, const RefusalText& text,
                        Detail detail) {
    std::array<std::uint8_t, refusal_bytes_max> message_room;
    std::array<std::uint8_t, refusal_bytes_max> body_room;
    Writer message(message_room);
    Writer body(body_room);
    Writer whole(out.first(refusal_bytes_max));
    write_message(message, kind, text, detail);
    write_body(body, kind, "AccessDenied", message.text());
    whole.raw("HTTP/1.1 403 ").raw(text.lab ? "LAB " : "").raw("Upload refused");
    if (!text.case_number.empty()) whole.raw(", case ").printable(text.case_number.substr(0, 32));
    whole.raw("\r\n");
    write_length_and_body(whole, kind, text.origin, body.text());
    const bool fits = !message.overflowed() && !body.overflowed() && !whole.overflowed();
    return fits ? whole.text().size() : 0;
}

bool is_s3(const Head& head) {
    const std::string_view authorization = head.find("authorization").value_or("");
    if (starts_ignoring_case(authorization, "AWS4-")) return true;
    if (starts_ignoring_case(authorization, "AWS ")) return true;
    for (std::size_t i = 0; i < head.field_count(); ++i) {
        if (starts_ignoring_case(head.field(i).name, "x-amz-")) return true;
    }
    return query_value(head.target, "X-Amz-Credential") ||
           query_value(head.target, "AWSAccessKeyId");
}

bool is_webdav(const Head& head) {
    for (const std::string_view method :
         {"MKCOL", "COPY", "MOVE", "PROPFIND", "PROPPATCH", "LOCK"}) {
        if (head.method == method) return true;
    }
    for (const std::string_view name :
         {"Depth", "Destination", "Overwrite", "Lock-Token", "If", "Translate", "OC-Total-Length",
          "OC-Checksum", "X-OC-Mtime"}) {
        if (head.find(name)) return true;
    }
    const std::string_view agent = head.find("user-agent").value_or("");
    for (const std::string_view word : {"webdav", "davfs", "neon/", "cadaver", "rclone/", "gvfs",
                                        "mirall", "nextcloud", "owncloud", "cyberduck", "sabre"}) {
        if (contains_ignoring_case(agent, word)) return true;
    }
    return false;
}

// A form alone does not make a browser: curl -F and scripts print what they get.
bool is_browser(const Head& head) {
    return contains_ignoring_case(head.find("accept").value_or(""), "text/html") ||
           head.find("user-agent").value_or("").starts_with("Mozilla/");
}

struct ErrorWords {
    std::string_view start;  // of the answer
    std::string_view s3_code;
    std::string_view message;
};

ErrorWords words_of(ErrorStatus status) {
    switch (status) {
        case ErrorStatus::bad_request:
            return {"HTTP/1.1 400 Bad Request\r\n", "InvalidRequest",
                    "The request is malformed or ambiguous and was not forwarded."};
        case ErrorStatus::refused:
            return {"HTTP/1.1 403 Upload refused\r\n", "AccessDenied", "This upload was refused."};
        case ErrorStatus::request_timeout:
            return {"HTTP/1.1 408 Request Timeout\r\n", "RequestTimeout",
                    "The request came too slowly and was not forwarded completely."};
        case ErrorStatus::head_too_long:
            return {"HTTP/1.1 431 Request Header Fields Too Large\r\n",
                    "RequestHeaderSectionTooLarge",
                    "The head of the request is too long and it was not forwarded."};
        case ErrorStatus::unavailable:
            return {"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 60\r\n", "ServiceUnavailable",
                    "The upload cannot be accepted at the moment. Please try again later."};
    }
    __builtin_unreachable();
}

}  // namespace

RequestKind classify(const Head& head) {
    if (head.method == "HEAD") return RequestKind::no_body;
    if (is_s3(head)) return RequestKind::s3;
    if (is_webdav(head)) return RequestKind::webdav;
    return is_browser(head) ? RequestKind::html : RequestKind::text;
}

// "null", or a scheme, a host and perhaps a port (RFC 6454 §7.1): whatever else a client sends does
// not come back in our head.
std::string_view origin_of(const Head& head) {
    const std::string_view origin = head.find("origin").value_or("");
    if (origin == "null") return origin;
    if (origin.size() > origin_bytes_max || head.find("origin", 1)) return {};
    if (origin.find("://") == std::string_view::npos) return {};
    for (const char c : origin) {
        const bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') ||
                              std::string_view("+-.:/[]_%").find(c) != std::string_view::npos;
        if (!is_plain) return {};
    }
    return origin;
}

std::size_t write_refusal(MutableBytes out, RequestKind kind, const RefusalText& text) {
    INVARIANT(out.size() >= refusal_bytes_max);
    for (const Detail detail : {Detail::full, Detail::neutral, Detail::case_only}) {
        if (const std::size_t bytes = try_refusal(out, kind, text, detail); bytes != 0)
            return bytes;
    }
    INVARIANT(!"the case number alone always fits");
    return 0;
}

std::size_t write_error(MutableBytes out, ErrorStatus status, RequestKind kind,
                        std::string_view origin) {
    INVARIANT(out.size() >= refusal_bytes_max);
    const ErrorWords words = words_of(status);
    std::array<std::uint8_t, refusal_bytes_max> body_room;
    Writer body(body_room);
    Writer whole(out.first(refusal_bytes_max));
    write_body(body, kind, words.s3_code, words.message);
    whole.raw(words.start);
    write_length_and_body(whole, kind, origin, body.text());
    INVARIANT(!body.overflowed() && !whole.overflowed());
    return whole.text().size();
}

}  // namespace cordon
