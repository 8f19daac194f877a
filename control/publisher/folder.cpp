#include "control/publisher/folder.h"

#include "control/feed/file_digests.h"
#include "control/feed/files_below.h"
#include "control/publisher/row_parts.h"

namespace cordon::feed {
namespace {

void add(IndicatorKind kind, const FileDigests& digests, Row* row) {
    RowDigest& put = row->digests[row->digest_count++];
    put.kind = kind;
    const Bytes digest = digests.of(kind);
    std::copy(digest.begin(), digest.end(), put.digest.begin());
}

Row row_of(const FileDigests& digests) {
    Row row;
    add(IndicatorKind::sha256, digests, &row);
    add(IndicatorKind::sha1, digests, &row);
    add(IndicatorKind::md5, digests, &row);
    add(IndicatorKind::sha256_tree, digests, &row);
    row.size = digests.size;
    row.head = digests.head;
    return row;
}

}  // namespace

ReadRows read_folder(const std::string& directory, const CategoryMap& categories,
                     std::vector<std::string>* files, const Progress& progress) {
    ReadRows out;
    Unreadable unreadable;
    const auto found = plain_files_below(directory, &unreadable);
    if (!found) report(0, found.error().message(), &out);
    const std::vector<std::string> paths = found ? *found : std::vector<std::string>();
    if (unreadable.count != 0) report(0, unreadable.words(directory), &out);
    if (paths.empty()) report(0, "no plain file below it", &out);
    for (std::size_t i = 0; i < paths.size() && i < rows_max; ++i) {
        if (progress) progress(i + 1, paths.size());
        const auto file = static_cast<std::uint32_t>(files->size());
        files->push_back(paths[i]);
        const std::optional<FileDigests> digests = digest_file(paths[i], file_kinds);
        Row row;
        std::string why = "cannot be read";
        if (digests) {
            row = row_of(*digests);
            why = put_category_of_list(categories, &row);
        }
        row.file = file;
        if (why.empty()) {
            out.rows.push_back(std::move(row));
            continue;
        }
        report(0, std::move(why), &out);
        if (out.problems.size() == out.problem_count) out.problems.back().file = file;
    }
    return finished(std::move(out));
}

}  // namespace cordon::feed
