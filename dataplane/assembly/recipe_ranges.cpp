// Recipes of resumable uploads and of WebDAV: ranges, offsets, folders of chunks.
#include "dataplane/assembly/recipe_view.h"
#include "dataplane/http/syntax.h"

namespace cordon {

using namespace http;

namespace {

void bad(PieceRequest* request) {
    request->act = PieceAct::bad;
}

// A field that is a number; false when it is there and is none.
bool take_field_number(const RequestView& view, std::string_view name, std::uint64_t* value) {
    const QueryValue text = view.field(name);
    if (!text.present) return true;
    const auto number = number_in(text.encoded);
    if (!number || text.ambiguous) return false;
    *value = *number;
    return true;
}

bool has_session_query(const RequestView& view) {
    const TargetParts path_only{view.target.path, {}};
    return view.path_key() != target_key(path_only, view.seed);
}

}  // namespace

// --- ranges --------------------------------------------------------------------------------------

// "bytes */N" with nothing in the body ends an upload whose length was not known (Google), or asks
// how far it is. The length of the range and of the body must agree: mod_dav writes the body
// whatever the range says, others cut.
void read_content_range(const RequestView& view, PieceRequest* request) {
    const QueryValue text = view.field("content-range");
    const auto range = parse_content_range(text.encoded);
    request->recipe = has_session_query(view) ? Recipe::session_range : Recipe::content_range;
    request->key = view.path_key();
    if (!range || text.ambiguous) return bad(request);
    request->total = range->total;
    const std::uint64_t length = view.body_length();
    if (!range->has_range) {
        if (view.has_body()) return bad(request);
        if (range->total != piece_unknown) request->act = PieceAct::commit;
        return;
    }
    request->act = PieceAct::piece;
    request->offset = range->first;
    request->length = range->length();
    if (length != piece_unknown && length != request->length) bad(request);
}

// X-Update-Range of SabreDAV: "append", "bytes=a-b", "bytes=a-"; "bytes=-n" counts from an end that
// only the server knows.
void read_sabre_patch(const RequestView& view, PieceRequest* request) {
    const QueryValue text = view.field("x-update-range");
    request->recipe = Recipe::sabre_patch;
    request->key = view.path_key();
    request->act = PieceAct::piece;
    request->length = view.body_length();
    if (text.ambiguous) return bad(request);
    if (equal_ignoring_case(text.encoded, "append")) {
        request->order = PieceOrder::append;
        return;
    }
    const auto range = parse_range(text.encoded);
    if (!range) return bad(request);
    request->offset = range->first;
    if (range->first == piece_unknown || range->last == piece_unknown) return;
    if (request->length != piece_unknown && request->length != range->length()) bad(request);
}

// --- offsets -------------------------------------------------------------------------------------

void read_tus(const RequestView& view, PieceRequest* request) {
    const bool creates = view.is("POST");
    const QueryValue concat = view.field("upload-concat");
    const bool described = view.has("upload-length") || view.has("upload-defer-length");
    if (creates ? view.is_form() || !(described || concat.present) : !view.has("upload-offset"))
        return;
    request->recipe = Recipe::tus;
    request->key = view.path_key();
    request->length = view.body_length();
    if (!take_field_number(view, "upload-offset", &request->offset) ||
        !take_field_number(view, "upload-length", &request->total) || concat.ambiguous)
        return bad(request);
    if (creates && starts_ignoring_case(concat.encoded, "final")) {
        request->recipe = Recipe::tus_final;
        request->act = PieceAct::commit;
        request->list = ListFormat::tus_partials;
        request->order = PieceOrder::name;
        request->key_in_answer = true;
        return;
    }
    if (creates) {
        request->component = starts_ignoring_case(concat.encoded, "partial");
        request->begins = request->key_in_answer = true;
        request->offset = 0;
    }
    request->act = view.has_body() ? PieceAct::piece : creates ? PieceAct::begin : PieceAct::commit;
    // Without bytes it only tells a length that was deferred.
    if (request->act == PieceAct::commit && request->total == piece_unknown)
        request->act = PieceAct::none;
}

// Without an offset the request creates the upload and carries its first bytes. Upload-Incomplete
// is the word of the first drafts, with the opposite sense.
void read_ietf_resumable(const RequestView& view, PieceRequest* request) {
    const QueryValue complete = view.field("upload-complete");
    const QueryValue incomplete = view.field("upload-incomplete");
    const std::string_view text = complete.present ? complete.encoded : incomplete.encoded;
    const bool yes = trim(text) == "?1";
    request->recipe = Recipe::ietf_resumable;
    request->key = view.path_key();
    request->last = yes == complete.present;
    request->length = view.body_length();
    const bool continues = view.has("upload-offset");
    if ((!yes && trim(text) != "?0") || complete.present == incomplete.present ||
        complete.ambiguous || incomplete.ambiguous ||
        !take_field_number(view, "upload-offset", &request->offset) ||
        !take_field_number(view, "upload-length", &request->total))
        return bad(request);
    if (!continues) {
        request->begins = request->key_in_answer = true;
        request->offset = 0;
    }
    request->act = PieceAct::piece;
    if (view.has_body()) return;
    request->act = continues ? PieceAct::commit : PieceAct::begin;
    request->total = request->last && continues ? request->offset : request->total;
    if (continues && !request->last) request->act = PieceAct::none;
}

// --- folders and names of chunks -----------------------------------------------------------------

namespace {

// …/dav/uploads/USER/ID[/NAME] of a folded path.
struct ChunkFolder {
    std::string_view user;
    std::string_view id;
    std::string_view name;
    explicit ChunkFolder(std::string_view folded) {
        constexpr std::string_view place = "/dav/uploads/";
        const std::size_t at = folded.find(place);
        if (at == std::string_view::npos) return;
        std::string_view rest = folded.substr(at + place.size() - 1);
        user = take_segment(&rest);
        id = take_segment(&rest);
        name = take_segment(&rest);
    }
    bool is_one() const { return !id.empty(); }
    // Chunks are joined in the natural order of their names, which begin with a number.
    std::uint64_t index() const {
        const std::size_t digits = std::min(name.find_first_not_of("0123456789"), name.size());
        return number_in(name.substr(0, digits)).value_or(piece_unknown);
    }
    AssemblyKey key(std::uint64_t seed) const {
        return KeyWriter(KeyKind::session, seed).lowered(user).plain(id).get();
    }
};

void place_chunk(const ChunkFolder& folder, const RequestView& view, PieceAct act,
                 PieceRequest* request) {
    request->key = folder.key(view.seed);
    request->act = act;
    request->index = folder.index();
    request->name = KeyWriter(KeyKind::block, view.seed).plain(folder.name).get();
}

// The file that all chunks are, in the folder of each upload.
bool is_whole(const ChunkFolder& folder) {
    return folder.name == ".file";
}

void move_chunks(const ChunkFolder& folder, const ChunkFolder& to, const RequestView& view,
                 PieceRequest* request) {
    if (!folder.is_one()) {  // a file becomes a chunk
        place_chunk(to, view, PieceAct::copy_piece, request);
        request->source = view.path_key();
        if (to.name.empty() || is_whole(to)) bad(request);
        return;
    }
    place_chunk(folder, view, PieceAct::drop_piece, request);
    if (to.is_one() || folder.name.empty()) return bad(request);
    if (is_whole(folder)) request->act = PieceAct::commit;
    if (!is_whole(folder) && view.is("COPY")) request->act = PieceAct::none;
}

}  // namespace

void read_chunk_folder(const RequestView& view, PieceRequest* request) {
    const ChunkFolder folder(view.path);
    std::array<char, limits::head_bytes_max> text;
    const QueryValue destination = view.field("destination");
    const std::size_t bytes =
        fold_path(split_target(destination.encoded).path, PathText::encoded, text);
    const ChunkFolder to(destination.present ? std::string_view(text.data(), bytes)
                                             : std::string_view());
    if (!folder.is_one() && !to.is_one()) return;
    request->recipe = Recipe::chunk_folder;
    request->visibility = Visibility::at_commit;
    request->order = PieceOrder::index;
    if (destination.ambiguous) return bad(request);
    if (view.is("MOVE") || view.is("COPY")) return move_chunks(folder, to, view, request);
    if (!folder.is_one()) return;
    if (view.is("MKCOL") && folder.name.empty()) {
        place_chunk(folder, view, PieceAct::begin, request);
    } else if (view.is("PUT") && !folder.name.empty()) {
        place_chunk(folder, view, is_whole(folder) ? PieceAct::bad : PieceAct::piece, request);
        request->length = view.body_length();
    } else if (view.is("DELETE")) {
        place_chunk(folder, view, folder.name.empty() ? PieceAct::abort : PieceAct::drop_piece,
                    request);
    }
}

// DIRECTORY/NAME-chunking-ID-COUNT-INDEX, taken for a chunk only with the field OC-Chunked.
void read_chunk_name(const RequestView& view, PieceRequest* request) {
    constexpr std::string_view mark = "-chunking-";
    const std::size_t at = view.path.rfind(mark);
    if (at == std::string_view::npos) return;
    std::string_view rest = view.path.substr(at + mark.size());
    const std::string_view id = take_piece(&rest, '-');
    const auto count = number_in(take_piece(&rest, '-'));
    const auto index = number_in(rest);
    if (id.empty() || !count || !index) return;
    request->recipe = Recipe::chunk_name;
    request->order = PieceOrder::index;
    request->act = *index < *count ? PieceAct::piece : PieceAct::bad;
    request->index = *index;
    request->pieces = *count;
    request->length = view.body_length();
    request->key =
        KeyWriter(KeyKind::session, view.seed).plain(id).plain_path(view.path.substr(0, at)).get();
}

void read_webdav_copy(const RequestView& view, PieceRequest* request) {
    const QueryValue destination = view.field("destination");
    request->recipe = Recipe::webdav_copy;
    request->act = destination.ambiguous ? PieceAct::bad : PieceAct::copy;
    request->source = view.path_key();
    request->key = target_key(split_target(destination.encoded), view.seed);
}

}  // namespace cordon
