// What one request means for an object that arrives in pieces (DESIGN §4): which assembly, where in
// it, and whether the object becomes visible with it. The recipes are a table (recipe_table.h), one
// row for each protocol, with its source.
//
//     PieceRequest request = recipe_of(head, seed);     when the head is complete
//     if (request.act == PieceAct::form) {              fields of a form decide (form_fields.h):
//         fields.open(seed);
//         … fields.take(name, value) for each field, before and behind the file part …
//         request = recipe_of(head, fields, seed);      at the file part, and at the end
//     }
//     if (request.list != ListFormat::none) …           the body names pieces (commit_list.h)
//
// The bytes of a piece are what the client means: of a form the content of its file part, of
// aws-chunked the payload, else the body as it is (a server does not undo a content coding).
//
// For who keeps the state:
//  * A piece counts when the storage has answered 2xx. A later piece in the same place replaces it
//    only then, for anybody may send one that the storage refuses (a wrong signature or path).
//  * `length`, `total` and `pieces` are claims. A piece of another length is a conflict. Where
//    visibility is at_once the state at the end of every piece is looked up, so that a claim of
//    more than will come gains nothing.
//  * With order `index` a known `offset` is a second claim about the same place; where it does not
//    agree with the lengths of the pieces before, servers differ in what they store: a conflict.
//    So is the same index with another `name`, when that is set.
//  * A commit without a list and with a `total` completes the object only when that many bytes are
//    there; else it asks how far the upload is.
//  * The manifest of a DLO may come before its segments: they are then visible at once.
//  * A key names the session or the path of the object, never the host: storages answer to many.
//    Spellings that some server takes for the same give the same key. A later piece of an object
//    may follow a PieceAct::object of the same key.
//
// Owns:       nothing.
// Invariants: depends on the head only (and the fields); pure.
// Worker:     pure functions; all workers use one seed, so that pieces meet.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "dataplane/http/head.h"

namespace cordon {

// 128 bits of XXH3 with a secret seed: nobody outside can aim at the key of another upload.
struct AssemblyKey {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
    bool operator==(const AssemblyKey&) const = default;
};

inline constexpr std::uint64_t piece_unknown = UINT64_MAX;

enum class PieceAct : std::uint8_t {
    none,        // has nothing to do with an assembly
    form,        // may be a piece: the fields of the form decide
    object,      // a whole object, which later requests may name as a source: key
    begin,       // opens an assembly; no bytes of it
    piece,       // carries bytes of one
    copy_piece,  // the storage takes a range of `source` (offset source_offset, length) for a piece
    drop_piece,  // the storage forgets the piece `index`
    commit,      // makes the object visible; with a list, of the pieces named there
    abort,       // the storage forgets the pieces
    remove,      // the storage forgets the object `key`, and what was written into it
    copy,        // the storage copies or moves the whole object `source` to `key`
    bad,         // of a recipe, but servers may read it differently (assembly_bad)
};

// What says where a piece belongs.
enum class PieceOrder : std::uint8_t {
    index,   // a number: ascending, with gaps allowed unless `pieces` is known (then from 0 on)
    offset,  // the place of its first byte
    append,  // behind what is there
    name,    // nothing, until a list names it
    number,  // the same, and the number at the end of its name is a guess (numbering.h)
};

// When somebody can read the object.
enum class Visibility : std::uint8_t {
    at_commit,  // by a request of its own
    at_once,    // what is there, or when the last byte is, in whatever order
};

enum class Recipe : std::uint8_t {
    none,
    s3_multipart,
    content_range,    // PUT into a place of the object: Apache, lighttpd …
    session_range,    // PUT into a session: Google, OneDrive and their like
    tus,              //
    tus_final,        // concatenation of partial uploads
    ietf_resumable,   //
    sabre_patch,      //
    chunk_folder,     // Nextcloud and ownCloud 10
    chunk_name,       // ownCloud up to 9: name-chunking-ID-total-index
    form_range,       // blueimp, Seafile: a form with Content-Range
    dropzone,         //
    plupload,         // and WebUploader
    resumable_js,     //
    flow_js,          //
    simple_uploader,  //
    fine_uploader,    //
    swift_object,     // whole objects that a manifest may name
    swift_static,     // SLO
    swift_dynamic,    // DLO
    azure_block,      //
    azure_append,     //
    azure_page,       //
    gcs_object,       // whole objects that a composition may name
    gcs_compose,      //
    oci_blob,         // container registries
    webdav_copy,      //
    plain_object,     // whole objects that a later request may name, or continue
    count_,
};

enum class ListFormat : std::uint8_t {
    none,
    s3_parts,        // XML, CompleteMultipartUpload: part numbers
    azure_blocks,    // XML, BlockList: names
    swift_segments,  // JSON, SLO manifest: objects, or ranges of them
    gcs_sources,     // JSON, compose: objects
    gcs_components,  // XML, ComposeRequest: objects
    tus_partials,    // in the head: objects
};

struct PieceRequest {
    PieceAct act = PieceAct::none;
    Recipe recipe = Recipe::none;
    PieceOrder order = PieceOrder::offset;
    Visibility visibility = Visibility::at_once;
    ListFormat list = ListFormat::none;  // with commit
    // What a later request may put together with others: its bytes stay, as far as there is room.
    bool component = false;
    // Its bytes came before its place was known, and wait in the spool.
    bool is_aside = false;
    bool begins = false;  // the assembly cannot have earlier pieces: what is there is of an old one
    bool last = false;  // behind this piece comes none: total = offset + length; with at_commit the
                        // piece also commits
    // The key is known only from Location in the answer (key_of_location); until then `key` is that
    // of the request's own target, which is not the assembly's.
    bool key_in_answer = false;
    bool moves = false;  // with act copy: nothing is left of `source`
    // With act copy: it may be of another host, account or version than `source` and `key` say.
    bool elsewhere = false;
    // Of a piece written in place: the object may have come with a folder that was copied or moved.
    bool moved = false;

    AssemblyKey key;     // of the assembly; of the object with act object and copy
    AssemblyKey name;    // of the piece, as a list names it; order name
    AssemblyKey source;  // with copy_piece and copy: the object's key
    // Of an object whose name ends in a number, whatever is done to it: the assembly of all that
    // differ in that number only, and its position there (order number). Zero: it has none.
    AssemblyKey group;
    std::uint64_t position = piece_unknown;
    // With act object and piece: the same object as storages name it that take the bucket from the
    // host (zero: none).
    AssemblyKey alias;
    // Of the host, without its port, and of a path as it is written, where the key is one. A key
    // folds more than any one storage does, and many may stand behind one address: what is said
    // under one spelling is not certain of the others.
    std::uint64_t spelling = 0;
    std::uint64_t source_spelling = 0;  // with act copy
    std::uint64_t index = piece_unknown;
    std::uint64_t offset = piece_unknown;
    std::uint64_t length = piece_unknown;  // of the piece's bytes, as the head claims
    std::uint64_t total = piece_unknown;   // bytes of the object
    std::uint64_t pieces = piece_unknown;  // number of pieces: complete when 0 … pieces−1 are there
    std::uint64_t source_offset = 0;       // with copy_piece; length is unknown for all of it
};

PieceRequest recipe_of(const Head& head, std::uint64_t seed);

class FormFields;
PieceRequest recipe_of(const Head& head, const FormFields& fields, std::uint64_t seed);

// Where a request said key_in_answer: the key that the pieces after it will have, from the Location
// of its answer (also of an interim one).
AssemblyKey key_of_location(const Head& request, std::string_view location, std::uint64_t seed);

// The folders above the target, from the root on. Returns how many; with more
// than there is room for, the number of those that there are.
std::size_t folders_above(const Head& head, std::uint64_t seed, std::span<AssemblyKey> out);

// The target under which a WebDAV server or an S3 storage shows the object after a request of
// `recipe`; empty: nothing is visible with it, or elsewhere, under a name that only the server
// knows. `swift` is the path of an account of Swift's whose objects are found, or empty.
std::string_view stored_at(const Head& head, const PieceRequest& request,
                           std::string_view swift = {});

std::string_view recipe_name(Recipe recipe);

}  // namespace cordon
