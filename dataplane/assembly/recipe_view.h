// A request as the recipes look at it: effective method, folded path, query, fields of the head.
//
// Owns:       the folded path; all else points into the head.
// Worker:     pure; on the stack while a head is read.
#pragma once

#include <array>
#include <optional>
#include <string_view>

#include "dataplane/assembly/recipe.h"
#include "dataplane/assembly/spelling.h"

namespace cordon {

struct RequestView {
    RequestView(const Head& of, std::uint64_t key_seed);

    bool is(std::string_view name) const;
    QueryValue query(std::string_view name) const { return find_query(target.query, name); }
    bool query_is(std::string_view name, std::string_view value) const;

    // A field that comes once, or with the same value each time; several values are `ambiguous`.
    QueryValue field(std::string_view name) const;
    bool has(std::string_view name) const { return head.find(name).has_value(); }
    bool has_body() const;
    bool is_form() const;

    std::uint64_t body_length() const;
    AssemblyKey path_key() const;

    const Head& head;
    std::uint64_t seed;
    std::string_view method;
    TargetParts target;
    std::string_view path;  // folded
    std::array<char, limits::head_bytes_max> path_text;
};

// The key of an object or a session by the target that names it: the path, and those parameters of
// the query that name a session.
AssemblyKey target_key(const TargetParts& target, std::uint64_t seed);

std::uint64_t spelling_of(const RequestView& view, Recipe recipe);
std::uint64_t spelling_of(std::string_view host, std::string_view path, std::uint64_t seed);
// Whether what a field names is on this host and the newest version of it.
bool is_here(const RequestView& view, std::string_view reference);

// "bytes a-b/total", "bytes */total", with * for what is not known; also without the unit.
struct ByteRange {
    bool has_range = false;
    std::uint64_t first = piece_unknown;
    std::uint64_t last = piece_unknown;  // inclusive; piece_unknown: to the end
    std::uint64_t total = piece_unknown;
    std::uint64_t length() const { return last == piece_unknown ? last : last - first + 1; }
};
std::optional<ByteRange> parse_content_range(std::string_view text);

// "bytes=a-b", "bytes=a-", "bytes=-n" (first unknown, last = n).
std::optional<ByteRange> parse_range(std::string_view text);

// Each row of the table reads its requests with one of these; act none: the next row is tried.
void read_s3_multipart(const RequestView& view, PieceRequest* request);
void read_s3_copy(const RequestView& view, PieceRequest* request);
void read_azure_part(const RequestView& view, PieceRequest* request);
void read_azure_blob(const RequestView& view, PieceRequest* request);
void read_gcs_compose(const RequestView& view, PieceRequest* request);
void read_gcs_upload(const RequestView& view, PieceRequest* request);
void read_swift(const RequestView& view, PieceRequest* request);
void read_oci_blob(const RequestView& view, PieceRequest* request);
void read_chunk_folder(const RequestView& view, PieceRequest* request);
void read_chunk_name(const RequestView& view, PieceRequest* request);
void read_sabre_patch(const RequestView& view, PieceRequest* request);
void read_ietf_resumable(const RequestView& view, PieceRequest* request);
void read_tus(const RequestView& view, PieceRequest* request);
void read_query_chunk(const RequestView& view, PieceRequest* request);
void read_form(const RequestView& view, PieceRequest* request);
void read_content_range(const RequestView& view, PieceRequest* request);
void read_webdav_copy(const RequestView& view, PieceRequest* request);
void read_plain_object(const RequestView& view, PieceRequest* request);

}  // namespace cordon
