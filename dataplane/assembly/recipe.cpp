#include "dataplane/assembly/recipe.h"

#include <algorithm>

#include "dataplane/assembly/recipe_view.h"
#include "dataplane/http/syntax.h"

namespace cordon {

namespace {

// One row for each kind of request. The first whose method, parameter and field are there reads it;
// where it finds nothing after all, the rows below are tried.
struct Row {
    std::string_view methods;    // "" any
    std::string_view parameter;  // of the query, "" none
    std::string_view field;      // of the head, "" none
    void (*read)(const RequestView& view, PieceRequest* request);
    std::string_view source;
};

// clang-format off
constexpr Row table[] = {
    {"PUT POST DELETE", "uploadId", "", read_s3_multipart, "S3 API: UploadPart, UploadPartCopy, CompleteMultipartUpload, AbortMultipartUpload; GCS XML API multipart"},
    {"PUT", "", "x-amz-copy-source", read_s3_copy, "S3 API: CopyObject"},
    {"PUT", "comp", "", read_azure_part, "Azure Blob REST API: Put Block, Put Block List, Append Block, Put Page, and their From URL forms"},
    {"PUT", "", "x-ms-blob-type", read_azure_blob, "Azure Blob REST API: Put Blob"},
    {"PUT", "", "x-ms-copy-source", read_azure_blob, "Azure Blob REST API: Copy Blob"},
    {"POST", "", "", read_gcs_compose, "GCS JSON API: Objects: compose"},
    {"PUT", "compose", "", read_gcs_compose, "GCS XML API: PUT Object, compose"},
    {"POST", "uploadType", "", read_gcs_upload, "GCS JSON API: Objects: insert"},
    {"PUT POST COPY", "", "", read_swift, "Swift API: static and dynamic large objects, COPY"},
    {"PATCH PUT DELETE", "", "", read_oci_blob, "OCI Distribution 1.1: pushing a blob in chunks"},
    {"", "", "", read_chunk_folder, "Nextcloud developer manual: chunked upload v2; ownCloud 10: chunking NG"},
    {"PUT", "", "oc-chunked", read_chunk_name, "ownCloud client architecture: chunking v1"},
    {"PATCH", "", "x-update-range", read_sabre_patch, "SabreDAV: HTTP PATCH support"},
    {"PATCH PUT POST", "", "upload-complete", read_ietf_resumable, "draft-ietf-httpbis-resumable-upload, from 03"},
    {"PATCH PUT POST", "", "upload-incomplete", read_ietf_resumable, "draft-ietf-httpbis-resumable-upload-00 to 02"},
    {"PATCH POST", "", "", read_tus, "tus 1.0: core, creation, creation-with-upload, concatenation; FilePond server protocol"},
    {"POST PUT", "", "", read_query_chunk, "resumable.js, flow.js, plupload, Fine Uploader: chunks as bodies, their fields in the query"},
    {"POST", "", "", read_form, "RFC 7578 with the fields of recipe_forms.cpp"},
    {"PUT POST PATCH", "", "content-range", read_content_range, "RFC 9110 §14.4, §14.5 and Apache mod_dav; Google resumable upload"},
    {"COPY MOVE", "", "destination", read_webdav_copy, "RFC 4918 §9.8, §9.9"},
    {"PUT DELETE", "", "", read_plain_object, "RFC 9110 §9.3.4, §9.3.5"},
};
// clang-format on

bool names_method(std::string_view methods, std::string_view method) {
    if (methods.empty()) return true;
    while (!methods.empty()) {
        if (http::equal_ignoring_case(http::take_piece(&methods, ' '), method)) return true;
    }
    return false;
}

bool applies(const Row& row, const RequestView& view) {
    return names_method(row.methods, view.method) &&
           (row.parameter.empty() || view.query(row.parameter).present) &&
           (row.field.empty() || view.has(row.field));
}

}  // namespace

PieceRequest recipe_of(const Head& head, std::uint64_t seed) {
    const RequestView view(head, seed);
    for (const Row& row : table) {
        if (!applies(row, view)) continue;
        PieceRequest request;
        row.read(view, &request);
        if (request.act == PieceAct::none) continue;
        if (request.spelling == 0) request.spelling = spelling_of(view, request.recipe);
        return request;
    }
    return {};
}

std::size_t folders_above(const Head& head, std::uint64_t seed, std::span<AssemblyKey> out) {
    std::array<char, limits::head_bytes_max> text;
    const std::size_t bytes = fold_path(split_target(head.target).path, PathText::encoded, text);
    const std::string_view path(text.data(), bytes);
    std::size_t count = 0;
    for (std::size_t at = path.find('/', 1); at != std::string_view::npos;
         at = path.find('/', at + 1), ++count) {
        if (count < out.size())
            out[count] = KeyWriter(KeyKind::path, seed).plain_path(path.substr(0, at)).get();
    }
    return count;
}

AssemblyKey key_of_location(const Head& request, std::string_view location, std::uint64_t seed) {
    TargetParts to = split_target(http::trim(location));
    if (to.path.starts_with('/')) return target_key(to, seed);
    // Relative to the target (RFC 3986 §5.2.3).
    const std::string_view base = split_target(request.target).path;
    const std::string_view directory = base.substr(0, base.rfind('/') + 1);
    std::array<char, limits::head_bytes_max> text;
    std::size_t used = 0;
    for (const std::string_view part : {directory, to.path}) {
        const std::size_t bytes = std::min(part.size(), text.size() - used);
        std::copy_n(part.begin(), bytes, text.begin() + static_cast<std::ptrdiff_t>(used));
        used += bytes;
    }
    to.path = {text.data(), used};
    return target_key(to, seed);
}

std::string_view stored_at(const Head& head, const PieceRequest& request, std::string_view swift) {
    const bool completes =
        request.act == PieceAct::commit || (request.act == PieceAct::bad && head.method == "POST");
    const std::string_view own = head.target.substr(0, head.target.find('?'));
    switch (request.recipe) {
        case Recipe::content_range:
        case Recipe::sabre_patch:
            return own;
        case Recipe::s3_multipart:
            return completes ? own : std::string_view();
        case Recipe::chunk_folder: {
            const auto to = head.find("destination");
            return request.act == PieceAct::commit && to ? http::trim(*to) : std::string_view();
        }
        case Recipe::swift_static:
        case Recipe::swift_dynamic: {
            const bool is_below = !swift.empty() && own.starts_with(swift) &&
                                  own.substr(swift.size()).starts_with('/');
            return completes && is_below ? own : std::string_view();
        }
        case Recipe::gcs_compose:  // in the XML API
            return completes && head.method == "PUT" ? own : std::string_view();
        case Recipe::none:
        case Recipe::session_range:
        case Recipe::tus:
        case Recipe::tus_final:
        case Recipe::ietf_resumable:
        case Recipe::chunk_name:
        case Recipe::form_range:
        case Recipe::dropzone:
        case Recipe::plupload:
        case Recipe::resumable_js:
        case Recipe::flow_js:
        case Recipe::simple_uploader:
        case Recipe::fine_uploader:
        case Recipe::swift_object:
        case Recipe::azure_block:
        case Recipe::azure_append:
        case Recipe::azure_page:
        case Recipe::gcs_object:
        case Recipe::oci_blob:
        case Recipe::webdav_copy:
        case Recipe::plain_object:
        case Recipe::count_:
            break;
    }
    return {};
}

std::string_view recipe_name(Recipe recipe) {
    switch (recipe) {
        case Recipe::none:
            return "none";
        case Recipe::s3_multipart:
            return "s3-multipart";
        case Recipe::content_range:
            return "content-range";
        case Recipe::session_range:
            return "session-range";
        case Recipe::tus:
            return "tus";
        case Recipe::tus_final:
            return "tus-final";
        case Recipe::ietf_resumable:
            return "ietf-resumable";
        case Recipe::sabre_patch:
            return "sabre-patch";
        case Recipe::chunk_folder:
            return "chunk-folder";
        case Recipe::chunk_name:
            return "chunk-name";
        case Recipe::form_range:
            return "form-range";
        case Recipe::dropzone:
            return "dropzone";
        case Recipe::plupload:
            return "plupload";
        case Recipe::resumable_js:
            return "resumable-js";
        case Recipe::flow_js:
            return "flow-js";
        case Recipe::simple_uploader:
            return "simple-uploader";
        case Recipe::fine_uploader:
            return "fine-uploader";
        case Recipe::swift_object:
            return "swift-object";
        case Recipe::swift_static:
            return "swift-slo";
        case Recipe::swift_dynamic:
            return "swift-dlo";
        case Recipe::azure_block:
            return "azure-block";
        case Recipe::azure_append:
            return "azure-append";
        case Recipe::azure_page:
            return "azure-page";
        case Recipe::gcs_object:
            return "gcs-object";
        case Recipe::gcs_compose:
            return "gcs-compose";
        case Recipe::oci_blob:
            return "oci-blob";
        case Recipe::webdav_copy:
            return "webdav-copy";
        case Recipe::plain_object:
            return "plain-object";
        case Recipe::count_:
            break;
    }
    return "";
}

}  // namespace cordon
