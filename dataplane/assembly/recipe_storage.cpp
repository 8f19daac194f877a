// Recipes of object storages: S3, Azure, Google, Swift, container registries.
#include "dataplane/assembly/numbering.h"
#include "dataplane/assembly/recipe_view.h"
#include "dataplane/assembly/storage_names.h"
#include "dataplane/http/refusal.h"
#include "dataplane/http/syntax.h"

namespace cordon {

using namespace http;

namespace {

void bad(PieceRequest* request) {
    request->act = PieceAct::bad;
}

// A range of `source` in `range_field` becomes the piece.
void copy_from(const RequestView& view, std::string_view source, std::string_view range_field,
               PieceRequest* request) {
    request->act = PieceAct::copy_piece;
    request->source = target_key(split_target(source), view.seed);
    request->length = piece_unknown;
    const QueryValue text = view.field(range_field);
    if (!text.present) return;
    const auto range = parse_range(text.encoded);
    if (text.ambiguous || !range || range->first == piece_unknown) return bad(request);
    request->source_offset = range->first;
    request->length = range->length();
}

// The storage puts bytes there that nobody sent.
void copy_from_nowhere(PieceRequest* request) {
    request->act = PieceAct::copy_piece;
    request->source = {};
}

// "MDAx", "MDAx==": padding says nothing.
std::string_view without_padding(std::string_view id) {
    for (;;) {
        if (id.ends_with('=')) {
            id.remove_suffix(1);
        } else if (id.size() >= 3 && equal_ignoring_case(id.substr(id.size() - 3), "%3d")) {
            id.remove_suffix(3);
        } else {
            return id;
        }
    }
}

void read_azure_block(const RequestView& view, PieceRequest* request) {
    const QueryValue id = view.query("blockid");
    if (!id.present || id.encoded.empty()) return;
    request->recipe = Recipe::azure_block;
    request->visibility = Visibility::at_commit;
    request->order = PieceOrder::name;
    request->act = PieceAct::piece;
    request->name = azure_block_name(request->key, id.encoded, true, view.seed);
    request->length = view.body_length();
    if (id.ambiguous) return bad(request);
    if (const QueryValue source = view.field("x-ms-copy-source"); source.present)
        copy_from(view, source.encoded, "x-ms-source-range", request);
}

void read_azure_append(const RequestView& view, PieceRequest* request) {
    request->recipe = Recipe::azure_append;
    request->order = PieceOrder::append;
    request->act = PieceAct::piece;
    request->length = view.body_length();
    const QueryValue place = view.field("x-ms-blob-condition-appendpos");
    if (place.present) {
        const auto offset = number_in(place.encoded);
        if (place.ambiguous || !offset) return bad(request);
        request->order = PieceOrder::offset;
        request->offset = *offset;
    }
    if (const QueryValue source = view.field("x-ms-copy-source"); source.present)
        copy_from(view, source.encoded, "x-ms-source-range", request);
}

void read_azure_page(const RequestView& view, PieceRequest* request) {
    request->recipe = Recipe::azure_page;
    const QueryValue ours = view.field("x-ms-range");
    const QueryValue text = ours.present ? ours : view.field("range");
    const auto range = parse_range(text.encoded);
    if (!range || text.ambiguous || range->first == piece_unknown || range->last == piece_unknown)
        return bad(request);
    request->act = PieceAct::piece;
    request->offset = range->first;
    request->length = range->length();
    if (equal_ignoring_case(view.field("x-ms-page-write").encoded, "clear")) {
        copy_from_nowhere(request);
    } else if (const QueryValue source = view.field("x-ms-copy-source"); source.present) {
        copy_from(view, source.encoded, "x-ms-source-range", request);
    } else if (view.body_length() != piece_unknown && view.body_length() != request->length) {
        bad(request);
    }
}

}  // namespace

AssemblyKey azure_block_name(const AssemblyKey& blob, std::string_view id, bool encoded,
                             std::uint64_t seed) {
    KeyWriter writer(KeyKind::block, seed);
    writer.key(blob);
    if (encoded) return writer.text(without_padding(id)).get();
    return writer.plain(without_padding(id)).get();
}

AssemblyKey object_key(std::string_view before, std::string_view object, std::uint64_t seed) {
    std::array<char, limits::head_bytes_max> text;
    std::size_t used = 0;
    for (const std::string_view part :
         {std::string_view("/"), before, std::string_view("/"), object}) {
        for (const char c : part) {
            if (used < text.size()) text[used++] = c;
        }
    }
    return KeyWriter(KeyKind::path, seed).plain_path({text.data(), used}).get();
}

AssemblyKey group_key(std::string_view prefix, std::uint64_t seed) {
    return KeyWriter(KeyKind::prefix, seed).plain(prefix).get();
}

void set_group(std::string_view folded, std::uint64_t seed, PieceRequest* request) {
    const NumberedName name = numbered_name(folded);
    request->position = name.position;
    request->group = name.position == piece_unknown ? AssemblyKey{} : group_key(name.prefix, seed);
}

// --- S3 ------------------------------------------------------------------------------------------

// An upload id is unique in its storage; the path is left out of the key because a bucket may stand
// in it or in the host.
void read_s3_multipart(const RequestView& view, PieceRequest* request) {
    const QueryValue id = view.query("uploadId");
    const QueryValue number = view.query("partNumber");
    if (id.encoded.empty() || view.is("PUT") != number.present || view.is_form()) return;
    request->recipe = Recipe::s3_multipart;
    request->visibility = Visibility::at_commit;
    request->order = PieceOrder::index;
    request->key = KeyWriter(KeyKind::session, view.seed).text(id.encoded).get();
    if (id.ambiguous || number.ambiguous) return bad(request);
    if (view.is("DELETE")) {
        request->act = PieceAct::abort;
        return;
    }
    if (view.is("POST")) {
        request->act = PieceAct::commit;
        request->list = ListFormat::s3_parts;
        return;
    }
    const auto index = number_in(number.encoded);
    if (!index) return bad(request);
    request->act = PieceAct::piece;
    request->index = *index;
    request->length = view.body_length();
    const QueryValue source = view.field("x-amz-copy-source");
    if (source.present) copy_from(view, source.encoded, "x-amz-copy-source-range", request);
    if (source.ambiguous) bad(request);
}

void read_s3_copy(const RequestView& view, PieceRequest* request) {
    const QueryValue source = view.field("x-amz-copy-source");
    request->recipe = Recipe::plain_object;
    request->act = PieceAct::copy;
    request->key = view.path_key();
    request->alias = hosted_key(view);
    request->source = target_key(split_target(source.encoded), view.seed);
    if (source.ambiguous) bad(request);
}

// A bucket in the first label of the host.
AssemblyKey hosted_key(const RequestView& view) {
    if (classify(view.head) != RequestKind::s3) return {};
    const std::string_view host = view.head.host;
    const std::string_view bucket = host.substr(0, host.find('.'));
    if (bucket.size() == host.size() || bucket.empty() || is_digit(bucket.front())) return {};
    return object_key(bucket, view.path, view.seed);
}

void read_plain_object(const RequestView& view, PieceRequest* request) {
    request->recipe = Recipe::plain_object;
    request->key = view.path_key();
    request->act = PieceAct::abort;
    if (view.is("DELETE")) return;
    request->act = PieceAct::object;
    request->alias = hosted_key(view);
    request->length = view.body_length();
    request->begins = request->last = true;
}

// --- Azure ---------------------------------------------------------------------------------------

void read_azure_part(const RequestView& view, PieceRequest* request) {
    request->key = view.path_key();
    if (view.query("comp").ambiguous) return bad(request);
    if (view.query_is("comp", "block")) return read_azure_block(view, request);
    if (view.query_is("comp", "appendblock")) return read_azure_append(view, request);
    if (view.query_is("comp", "page")) return read_azure_page(view, request);
    if (!view.query_is("comp", "blocklist")) return;
    request->recipe = Recipe::azure_block;
    request->visibility = Visibility::at_commit;
    request->order = PieceOrder::name;
    request->act = PieceAct::commit;
    request->list = ListFormat::azure_blocks;
}

void read_azure_blob(const RequestView& view, PieceRequest* request) {
    request->key = view.path_key();
    if (const QueryValue source = view.field("x-ms-copy-source"); source.present) {
        request->recipe = Recipe::plain_object;
        request->act = PieceAct::copy;
        request->source = target_key(split_target(source.encoded), view.seed);
        if (source.ambiguous) bad(request);
        return;
    }
    const std::string_view type = view.field("x-ms-blob-type").encoded;
    request->begins = true;
    if (equal_ignoring_case(type, "AppendBlob")) {
        request->recipe = Recipe::azure_append;
        request->act = PieceAct::begin;
        request->order = PieceOrder::append;
    } else if (equal_ignoring_case(type, "PageBlob")) {
        request->recipe = Recipe::azure_page;
        request->act = PieceAct::begin;
        const QueryValue total = view.field("x-ms-blob-content-length");
        request->total = number_in(total.encoded).value_or(piece_unknown);
    }
}

// --- Google --------------------------------------------------------------------------------------

// "/storage/v1/b/BUCKET/o/OBJECT…": false for another path.
bool split_gcs_path(std::string_view folded, std::string_view* bucket, std::string_view* object) {
    const std::size_t at = folded.find("/storage/");
    if (at == std::string_view::npos) return false;
    std::string_view rest = folded.substr(at);
    take_segment(&rest);
    take_segment(&rest);
    if (take_segment(&rest) != "b") return false;
    *bucket = take_segment(&rest);
    if (take_segment(&rest) != "o") return false;
    *object = rest;
    return true;
}

void read_gcs_compose(const RequestView& view, PieceRequest* request) {
    constexpr std::string_view verb = "/compose";
    request->visibility = Visibility::at_commit;
    request->order = PieceOrder::name;
    if (view.is("PUT")) {
        request->key = view.path_key();
        request->list = ListFormat::gcs_components;
    } else {
        std::string_view bucket;
        std::string_view object;
        if (!split_gcs_path(view.path, &bucket, &object) || !object.ends_with(verb)) return;
        object.remove_suffix(verb.size());
        request->key = object_key(bucket, object, view.seed);
        request->list = ListFormat::gcs_sources;
    }
    request->recipe = Recipe::gcs_compose;
    request->act = PieceAct::commit;
}

void read_gcs_upload(const RequestView& view, PieceRequest* request) {
    std::string_view bucket;
    std::string_view object;
    const QueryValue name = view.query("name");
    if (!view.query_is("uploadType", "media") || !name.present || name.encoded.empty()) return;
    if (!split_gcs_path(view.path, &bucket, &object) || !object.empty()) return;
    std::array<char, limits::head_bytes_max> text;
    std::size_t used = 0;
    for (std::string_view rest = name.encoded; !rest.empty();)
        text[used++] = take_percent_decoded(&rest);
    request->recipe = Recipe::gcs_object;
    request->act = PieceAct::object;
    request->key = object_key(bucket, {text.data(), used}, view.seed);
    request->length = view.body_length();
    request->begins = request->last = request->component = true;
    std::array<char, limits::head_bytes_max> folded;
    std::size_t bytes = fold_path(bucket, PathText::plain, folded);
    bytes += fold_path({text.data(), used}, PathText::plain, std::span(folded).subspan(bytes));
    set_group({folded.data(), bytes}, view.seed, request);
    if (name.ambiguous) bad(request);
}

// --- Swift ---------------------------------------------------------------------------------------

// What of a folded path stands before container and object: "/v1/AUTH_a" or "/swift/v1"; empty when
// it is no object of Swift.
std::string_view swift_account(std::string_view folded) {
    std::string_view rest = folded;
    std::string_view segment = take_segment(&rest);
    const bool gateway = segment == "swift";
    if (gateway) segment = take_segment(&rest);
    if (segment != "v1" && segment != "v1.0") return {};
    std::string_view after = rest;
    const std::string_view account = take_segment(&after);
    if (!gateway || starts_ignoring_case(account, "AUTH_")) rest = after;
    std::string_view object = rest;
    take_segment(&object);
    if (object.empty()) return {};
    return folded.substr(0, folded.size() - rest.size());
}

namespace {

// CONTAINER/OBJECT of a field of Swift, percent-encoded (account in a field of its own: not ours),
// as the folded path of that object. A prefix may end in a slash.
struct SwiftName {
    SwiftName(std::string_view account, std::string_view name) {
        used = fold_path(account, PathText::plain, text);
        used += fold_path(name, PathText::encoded, std::span(text).subspan(used));
        if (name.ends_with('/') && used < text.size()) text[used++] = '/';
    }
    std::string_view get() const { return {text.data(), used}; }

    std::array<char, limits::head_bytes_max> text;
    std::size_t used;
};

void read_swift_copy(const RequestView& view, std::string_view account, PieceRequest* request) {
    const bool from = !view.is("COPY");
    const QueryValue other = view.field(from ? "x-copy-from" : "destination");
    if (!other.present || other.encoded.find("://") != std::string_view::npos) return;
    request->recipe = Recipe::swift_object;
    request->act = PieceAct::copy;
    const SwiftName name(account, other.encoded);
    const AssemblyKey named = KeyWriter(KeyKind::path, view.seed).plain_path(name.get()).get();
    request->key = from ? view.path_key() : named;
    request->source = from ? named : view.path_key();
    set_group(from ? view.path : name.get(), view.seed, request);
    if (other.ambiguous) bad(request);
}

}  // namespace

void read_swift(const RequestView& view, PieceRequest* request) {
    const std::string_view account = swift_account(view.path);
    if (account.empty()) return;
    if (view.is("COPY") || view.has("x-copy-from")) return read_swift_copy(view, account, request);
    request->key = view.path_key();
    request->visibility = Visibility::at_commit;
    set_group(view.path, view.seed, request);
    if (const QueryValue manifest = view.field("x-object-manifest"); manifest.present) {
        const SwiftName prefix(account, manifest.encoded);
        request->recipe = Recipe::swift_dynamic;
        request->act = manifest.ambiguous ? PieceAct::bad : PieceAct::commit;
        request->order = PieceOrder::number;
        request->name = request->key;
        request->key = group_key(numbered_name(prefix.get()).prefix, view.seed);
        return;
    }
    if (!view.is("PUT")) return;
    if (view.query_is("multipart-manifest", "put")) {
        request->recipe = Recipe::swift_static;
        request->act = PieceAct::commit;
        request->order = PieceOrder::name;
        request->list = ListFormat::swift_segments;
        return;
    }
    if (view.has("content-range")) return;
    request->recipe = Recipe::swift_object;
    request->act = view.has("x-symlink-target") ? PieceAct::copy : PieceAct::object;
    request->begins = request->last = true;
    request->length = view.body_length();
    request->visibility = Visibility::at_once;
    request->component = true;
}

// --- container registries ------------------------------------------------------------------------

// A push in one stream has no Content-Range; the last piece may come with the PUT that commits.
void read_oci_blob(const RequestView& view, PieceRequest* request) {
    const std::size_t at = view.path.rfind("/blobs/uploads/");
    if (at == std::string_view::npos) return;
    request->recipe = Recipe::oci_blob;
    request->visibility = Visibility::at_commit;
    request->order = PieceOrder::append;
    request->key = KeyWriter(KeyKind::session, view.seed).plain(view.path.substr(at)).get();
    request->act = PieceAct::abort;
    if (view.is("DELETE")) return;
    const bool commits = view.is("PUT");
    request->act = commits && !view.has_body() ? PieceAct::commit : PieceAct::piece;
    request->last = commits;
    if (!view.has_body()) return;
    request->length = view.body_length();
    const QueryValue text = view.field("content-range");
    if (!text.present) return;
    const auto range = parse_content_range(text.encoded);
    if (!range || !range->has_range || text.ambiguous) return bad(request);
    request->order = PieceOrder::offset;
    request->offset = range->first;
    if (request->length != piece_unknown && request->length != range->length()) bad(request);
}

}  // namespace cordon
