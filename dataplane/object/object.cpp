#include "dataplane/object/object.h"

#include "dataplane/http/syntax.h"

namespace cordon {

using namespace http;

namespace {

// A query that names a part: S3 (partNumber and uploadId), Google and tus sessions, Azure blocks.
bool query_names_piece(std::string_view target) {
    const std::size_t query = target.find('?');
    if (query == std::string_view::npos) return false;
    const std::string_view text = target.substr(query);
    return contains_ignoring_case(text, "partnumber=") ||
           contains_ignoring_case(text, "upload_id=") || contains_ignoring_case(text, "comp=block");
}

}  // namespace

bool carries_object(const Head& head) {
    return head.framing == Framing::chunked ||
           (head.framing == Framing::length && head.content_length != 0);
}

bool is_multipart(std::string_view content_type) {
    return starts_ignoring_case(content_type, "multipart/");
}

bool is_aws_chunked(const Head& head) {
    const auto content_sha256 = head.find("x-amz-content-sha256");
    if (content_sha256 && starts_ignoring_case(*content_sha256, "STREAMING-")) return true;
    for (std::size_t nth = 0; const auto list = head.find("content-encoding", nth); ++nth) {
        if (list_has(*list, "aws-chunked")) return true;
    }
    return false;
}

CodingList codings_of(const Head& head) {
    CodingList list{};
    for (std::size_t nth = 0; const auto text = head.find("content-encoding", nth); ++nth) {
        std::string_view rest = *text;
        while (!rest.empty()) {
            const std::string_view name = take_piece(&rest, ',');
            if (name.empty() || equal_ignoring_case(name, "identity") ||
                equal_ignoring_case(name, "aws-chunked"))
                continue;
            const ContentCoding coding = content_coding_of(name);
            list.unknown = list.unknown || coding == ContentCoding::none;
            list.too_many = list.too_many || list.count == list.codings.size();
            if (!list.too_many) list.codings[list.count++] = coding;
        }
    }
    return list;
}

ObjectForm form_of(const Head& head) {
    if (codings_of(head).unknown) return ObjectForm::content_coding;
    if (head.find("content-range") || head.find("upload-offset") || query_names_piece(head.target))
        return ObjectForm::piece;
    return is_aws_chunked(head) ? ObjectForm::aws_chunked : ObjectForm::body;
}

}  // namespace cordon
