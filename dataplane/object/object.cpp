#include "dataplane/object/object.h"

#include <algorithm>

namespace cordon {

namespace {

bool equal_ignoring_case(char a, char b) {
    const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c;
    };
    return lower(a) == lower(b);
}

bool contains(std::string_view text, std::string_view word) {
    return std::search(text.begin(), text.end(), word.begin(), word.end(), equal_ignoring_case) !=
           text.end();
}

bool starts_with(std::string_view text, std::string_view word) {
    return text.size() >= word.size() &&
           std::equal(word.begin(), word.end(), text.begin(), equal_ignoring_case);
}

// A query that names a part: S3 (partNumber and uploadId), Google and tus sessions, Azure blocks.
bool query_names_piece(std::string_view target) {
    const std::size_t query = target.find('?');
    if (query == std::string_view::npos) return false;
    const std::string_view text = target.substr(query);
    return contains(text, "partnumber=") || contains(text, "upload_id=") ||
           contains(text, "comp=block");
}

}  // namespace

bool carries_object(const Head& head) {
    return head.framing == Framing::chunked ||
           (head.framing == Framing::length && head.content_length != 0);
}

ObjectForm form_of(const Head& head) {
    if (starts_with(head.content_type, "multipart/")) return ObjectForm::multipart;
    const auto content_sha256 = head.find("x-amz-content-sha256");
    if (contains(head.content_encoding, "aws-chunked") ||
        (content_sha256 && starts_with(*content_sha256, "STREAMING-")))
        return ObjectForm::aws_chunked;
    if (!head.content_encoding.empty() && !starts_with(head.content_encoding, "identity"))
        return ObjectForm::content_coding;
    if (head.find("content-range") || head.find("upload-offset") || query_names_piece(head.target))
        return ObjectForm::piece;
    return ObjectForm::body;
}

}  // namespace cordon
