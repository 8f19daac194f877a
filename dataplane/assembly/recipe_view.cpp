#include "dataplane/assembly/recipe_view.h"

#include "dataplane/http/syntax.h"
#include "dataplane/object/object.h"

namespace cordon {

using namespace http;

namespace {

// Parameters that name the session of an upload; all others (signatures, options, what a server
// does not know) are no part of a key, or everybody could spread his pieces over many.
constexpr std::string_view session_parameters[] = {
    "upload_id",      "uploadid",  "upload_token", "session",  "session_id", "sessionid",
    "upload_session", "uploadurl", "upload",       "patch",    "token",      "id",
    "uuid",           "fileid",    "file_id",      "tempauth",
};

bool take_number(std::string_view* text, std::uint64_t* value) {
    const std::size_t digits = std::min(text->find_first_not_of("0123456789"), text->size());
    const auto number = number_in(text->substr(0, digits));
    text->remove_prefix(digits);
    if (!number) return false;
    *value = *number;
    return true;
}

bool take_char(std::string_view* text, char c) {
    if (text->empty() || text->front() != c) return false;
    text->remove_prefix(1);
    return true;
}

std::string_view without_unit(std::string_view text) {
    text = trim(text);
    if (!starts_ignoring_case(text, "bytes")) return text;
    text = trim(text.substr(5));
    if (!text.empty() && text.front() == '=') text.remove_prefix(1);
    return trim(text);
}

}  // namespace

RequestView::RequestView(const Head& of, std::uint64_t key_seed)
    : head(of), seed(key_seed), method(of.method), target(split_target(of.target)) {
    // Clients behind proxies that know few methods name theirs in a field (tus 1.0, "Headers").
    if (is("POST")) method = head.find("x-http-method-override").value_or(method);
    path = {path_text.data(), fold_path(target.path, PathText::encoded, path_text)};
}

bool RequestView::is(std::string_view name) const {
    return equal_ignoring_case(method, name);
}

bool RequestView::query_is(std::string_view name, std::string_view value) const {
    const QueryValue found = query(name);
    return found.present && spells(found.encoded, value);
}

QueryValue RequestView::field(std::string_view name) const {
    QueryValue found;
    for (std::size_t nth = 0; const auto value = head.find(name, nth); ++nth) {
        found.ambiguous = found.ambiguous || (nth != 0 && *value != found.encoded);
        if (nth == 0) found.encoded = *value;
        found.present = true;
    }
    return found;
}

bool RequestView::has_body() const {
    return carries_object(head);
}

// Only POST: a server stores the body of a PUT as it is.
bool RequestView::is_form() const {
    return head.method == "POST" && is_multipart(head.content_type);
}

std::uint64_t RequestView::body_length() const {
    if (is_form()) return piece_unknown;
    if (is_aws_chunked(head)) {
        const auto decoded = head.find("x-amz-decoded-content-length");
        return decoded ? number_in(*decoded).value_or(piece_unknown) : piece_unknown;
    }
    switch (head.framing) {
        case Framing::none:
            return 0;
        case Framing::length:
            return head.content_length;
        case Framing::chunked:
            return piece_unknown;
    }
    return piece_unknown;
}

AssemblyKey RequestView::path_key() const {
    return target_key(target, seed);
}

AssemblyKey target_key(const TargetParts& target, std::uint64_t seed) {
    KeyWriter writer(KeyKind::path, seed);
    writer.path(target.path);
    for (const std::string_view name : session_parameters) {
        if (target.query.empty()) break;
        const QueryValue value = find_query(target.query, name);
        if (value.present) writer.plain(name).text(value.encoded);
    }
    return writer.get();
}

namespace {

std::string_view without_port(std::string_view host) {
    const std::size_t port = host.rfind(':');
    if (port != std::string_view::npos && host.find(']', port) == std::string_view::npos)
        host = host.substr(0, port);
    if (host.ends_with('.')) host.remove_suffix(1);
    return host;
}

bool is_by_path(Recipe recipe) {
    return recipe == Recipe::content_range || recipe == Recipe::sabre_patch ||
           recipe == Recipe::azure_append || recipe == Recipe::azure_page ||
           recipe == Recipe::webdav_copy || recipe == Recipe::plain_object;
}

}  // namespace

std::uint64_t spelling_of(std::string_view host, std::string_view path, std::uint64_t seed) {
    return KeyWriter(KeyKind::session, seed).lowered(without_port(host)).plain(path).get().low;
}

std::uint64_t spelling_of(const RequestView& view, Recipe recipe) {
    return spelling_of(view.head.host, is_by_path(recipe) ? view.target.path : "", view.seed);
}

bool is_here(const RequestView& view, std::string_view reference) {
    if (!split_target(reference).query.empty()) return false;
    const std::size_t scheme = reference.find("://");
    if (scheme == std::string_view::npos) return reference.starts_with('/');
    std::string_view host = reference.substr(scheme + 3);
    host = host.substr(0, host.find_first_of("/?#"));
    return equal_ignoring_case(without_port(host), without_port(view.head.host));
}

std::optional<ByteRange> parse_content_range(std::string_view text) {
    text = without_unit(text);
    ByteRange range;
    if (!take_char(&text, '*')) {
        range.has_range = true;
        if (!take_number(&text, &range.first) || !take_char(&text, '-') ||
            !take_number(&text, &range.last) || range.last < range.first)
            return {};
    }
    if (text.empty()) return range;
    if (!take_char(&text, '/')) return {};
    if (!take_char(&text, '*') && !take_number(&text, &range.total)) return {};
    if (!text.empty()) return {};
    if (range.has_range && range.last >= range.total) return {};
    return range;
}

std::optional<ByteRange> parse_range(std::string_view text) {
    text = without_unit(text);
    ByteRange range;
    range.has_range = true;
    const bool has_first = take_number(&text, &range.first);
    if (!take_char(&text, '-')) return {};
    const bool has_last = take_number(&text, &range.last);
    if (!text.empty() || (!has_first && !has_last)) return {};
    if (has_first && has_last && range.last < range.first) return {};
    return range;
}

}  // namespace cordon
