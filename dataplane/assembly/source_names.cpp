#include "dataplane/assembly/source_names.h"

#include <algorithm>
#include <array>

#include "dataplane/assembly/recipe_view.h"
#include "dataplane/http/syntax.h"

namespace cordon {

using namespace http;

namespace {

constexpr std::string_view s3_source = "x-amz-copy-source";
constexpr std::string_view azure_source = "x-ms-copy-source";

// A name under way: its bytes, decoded once.
class NameText {
  public:
    void plain(std::string_view text) {
        for (const char c : text)
            put(to_lower(c));
    }
    // False: not all storages read the same in it, or there is no room.
    bool encoded(std::string_view text) {
        while (!text.empty()) {
            if (text.front() == '%') {
                if (text.size() < 3 || !is_hex(text[1]) || !is_hex(text[2])) return false;
            } else if (text.front() == '+') {
                return false;
            }
            const char c = take_percent_decoded(&text);
            if (!is_read_alike(c)) return false;
            put(c);
        }
        return used_ < text_.size();
    }
    SourceName name(std::uint64_t seed) const {
        const std::string_view text(text_.data(), used_);
        std::array<char, limits::head_bytes_max> folded;
        const std::size_t bytes = fold_path(text, PathText::plain, folded);
        SourceName name;
        name.key = KeyWriter(KeyKind::source, seed).lowered({folded.data(), bytes}).get();
        name.exact = KeyWriter(KeyKind::source, seed).plain(text).get().low;
        return name;
    }

  private:
    static bool is_hex(char c) { return is_digit(c) || (to_lower(c) >= 'a' && to_lower(c) <= 'f'); }
    // Not what is decoded once more somewhere, or ends a name there.
    static bool is_read_alike(char c) {
        constexpr std::string_view not_alike = "%+\\;?#\"<>|*\x7f";
        return static_cast<unsigned char>(c) >= ' ' && not_alike.find(c) == std::string_view::npos;
    }
    void put(char c) {
        if (used_ < text_.size()) text_[used_++] = c;
    }

    std::array<char, limits::head_bytes_max> text_;
    std::size_t used_ = 0;
};

std::string_view without_port(std::string_view host) {
    const std::size_t port = host.rfind(':');
    if (port == std::string_view::npos || host.find(']', port) != std::string_view::npos)
        return host;
    return host.substr(0, port);
}

std::string_view port_of(std::string_view host) {
    return host.substr(without_port(host).size());
}

// No name of a bucket is an address.
bool is_address(std::string_view host) {
    return host.starts_with('[') ||
           (!host.empty() && host.find_first_not_of("0123456789.") == std::string_view::npos);
}

// What of the host belongs to the name, with a slash before it. False: nobody knows.
bool host_part(std::string_view host, std::string_view where, NameText* name) {
    host = without_port(host);
    if (where.empty() || where == "path" || is_address(host) || equal_ignoring_case(host, where))
        return true;
    if (host.size() <= where.size() + 1) return false;
    const std::size_t at = host.size() - where.size();
    if (!equal_ignoring_case(host.substr(at), where) || host[at - 1] != '.') return false;
    name->plain("/");
    name->plain(host.substr(0, at - 1));
    return true;
}

// Parameters with which a PUT is that of an object all the same: those that sign it.
bool is_signature(std::string_view name) {
    constexpr std::array<std::string_view, 13> known = {
        "x-id",      "awsaccesskeyid",
        "signature", "expires",
        "sv",        "sr",
        "sig",       "se",
        "sp",        "st",
        "spr",       "sip",
        "timeout",
    };
    if (starts_ignoring_case(name, "x-amz-")) return true;
    return std::any_of(known.begin(), known.end(),
                       [name](std::string_view each) { return equal_ignoring_case(name, each); });
}

bool is_signed_only(std::string_view query) {
    while (!query.empty()) {
        const std::string_view parameter = take_piece(&query, '&');
        if (!parameter.empty() && !is_signature(parameter.substr(0, parameter.find('='))))
            return false;
    }
    return true;
}

// The object that the target names, or any.
void take_target(const RequestView& view, std::string_view where, SourceEffect* effect) {
    NameText name;
    const bool is_path = view.head.target.starts_with('/');
    effect->kind = SourceEffect::Kind::any;
    if (!is_path || !host_part(view.head.host, where, &name) || !name.encoded(view.target.path))
        return;
    effect->kind = SourceEffect::Kind::one;
    effect->name = name.name(view.seed);
}

// The bytes of a PUT are those of the object: not where a field says something else of them.
bool is_all_of_object(const Head& head) {
    constexpr std::array<std::string_view, 4> elsewhere = {
        "-copy-source", "-rename-source", "-write-offset-bytes", "-append-position"};
    for (std::size_t n = 0; n < head.field_count(); ++n) {
        const std::string_view name = head.field(n).name;
        for (const std::string_view end : elsewhere) {
            if (name.size() >= end.size() &&
                equal_ignoring_case(name.substr(name.size() - end.size()), end))
                return false;
        }
    }
    return true;
}

bool is_read_only(const RequestView& view) {
    constexpr std::array<std::string_view, 4> methods = {"GET", "HEAD", "OPTIONS", "PROPFIND"};
    return std::find(methods.begin(), methods.end(), view.head.method) != methods.end();
}

bool is_by_parts(Recipe recipe) {
    return recipe == Recipe::s3_multipart || recipe == Recipe::azure_block;
}

}  // namespace

SourceEffect source_effect(const Head& head, const PieceRequest& request, std::string_view where,
                           std::uint64_t seed) {
    using Kind = SourceEffect::Kind;
    const RequestView view(head, seed);
    SourceEffect effect;
    if (is_read_only(view)) {
        effect.kind = Kind::none;
        return effect;
    }
    const bool is_plain = request.recipe == Recipe::plain_object;
    switch (request.act) {
        case PieceAct::none: {  // the creation of an upload in parts
            const bool creates = head.method == "POST" && view.query("uploads").present &&
                                 !view.has_body() && !view.query("delete").present;
            effect.kind = creates ? Kind::none : Kind::any;
            break;
        }
        case PieceAct::piece:
        case PieceAct::copy_piece:
        case PieceAct::abort:
            effect.kind = is_by_parts(request.recipe) ? Kind::none : Kind::any;
            break;
        case PieceAct::object:
            if (is_plain && head.method == "PUT" && is_signed_only(view.target.query)) {
                take_target(view, where, &effect);
                effect.is_told = is_all_of_object(head);
            }
            break;
        case PieceAct::remove:
            if (is_plain) take_target(view, where, &effect);
            break;
        case PieceAct::copy:
            if (is_plain && (view.has(s3_source) || view.has(azure_source)))
                take_target(view, where, &effect);
            break;
        case PieceAct::commit:
            if (!is_by_parts(request.recipe)) break;
            take_target(view, where, &effect);
            effect.is_told = true;
            effect.is_in_body = request.recipe == Recipe::s3_multipart;
            break;
        case PieceAct::form:
        case PieceAct::begin:
        case PieceAct::drop_piece:
        case PieceAct::bad:
            break;
    }
    if (effect.kind != Kind::one) effect.is_told = effect.is_in_body = false;
    return effect;
}

namespace {

// "/BUCKET/KEY" or "BUCKET/KEY"; with "?versionId=" it may be another one than what is there now.
bool read_s3_source(std::string_view text, NameText* name) {
    text = trim(text);
    if (!text.starts_with('/')) name->plain("/");
    return name->encoded(text);
}

// A whole URL. The storage fetches it from that host, whichever it is.
bool read_azure_source(const RequestView& view, std::string_view text, std::string_view where,
                       NameText* name) {
    text = trim(text);
    const std::size_t scheme = text.find("://");
    if (scheme == std::string_view::npos) return false;
    const std::string_view kind = text.substr(0, scheme);
    if (!equal_ignoring_case(kind, "http") && !equal_ignoring_case(kind, "https")) return false;
    text.remove_prefix(scheme + 3);
    const std::string_view host = text.substr(0, text.find_first_of("/?#"));
    if (host.find('@') != std::string_view::npos) return false;
    if (port_of(host) != port_of(view.head.host)) return false;
    const bool is_named = !where.empty() && where != "path";
    if (is_named && is_address(without_port(host))) return false;
    const TargetParts parts = split_target(text.substr(host.size()));
    return is_signed_only(parts.query) && host_part(host, where, name) && name->encoded(parts.path);
}

}  // namespace

CopiedName copied_name(const Head& head, std::string_view where, std::uint64_t seed) {
    const RequestView view(head, seed);
    const bool is_s3 = view.has(s3_source);
    const QueryValue source = view.field(is_s3 ? s3_source : azure_source);
    CopiedName copied;
    if (!source.present || source.ambiguous || (is_s3 && view.has(azure_source))) return copied;
    NameText name;
    copied.is_read = is_s3 ? read_s3_source(source.encoded, &name)
                           : read_azure_source(view, source.encoded, where, &name);
    // A path alone does not say from whose storage it is fetched.
    copied.is_certain = !where.empty() && (is_s3 || where != "path");
    if (copied.is_read) copied.name = name.name(seed);
    return copied;
}

}  // namespace cordon
