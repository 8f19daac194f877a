#include "control/publisher/folder.h"

#include "control/publisher/file_digests.h"
#include "control/publisher/row_parts.h"

namespace cordon::feed {
namespace {

template <std::size_t Size>
void add(IndicatorKind kind, const std::array<std::uint8_t, Size>& digest, Row* row) {
    static_assert(Size <= sizeof(RowDigest::digest));
    RowDigest& put = row->digests[row->digest_count++];
    put.kind = kind;
    std::copy(digest.begin(), digest.end(), put.digest.begin());
}

Row row_of(const FileDigests& digests) {
    Row row;
    add(IndicatorKind::sha256, digests.sha256, &row);
    add(IndicatorKind::sha1, digests.sha1, &row);
    add(IndicatorKind::md5, digests.md5, &row);
    add(IndicatorKind::sha256_tree, digests.sha256_tree, &row);
    row.size = digests.size;
    row.head = digests.head;
    return row;
}

}  // namespace

ReadRows read_folder(const std::string& directory, const CategoryMap& categories,
                     std::vector<std::string>* files, const Progress& progress) {
    ReadRows out;
    const std::vector<std::string> paths = plain_files_below(directory);
    if (paths.empty()) report(0, "no plain file below it", &out);
    for (std::size_t i = 0; i < paths.size() && i < rows_max; ++i) {
        if (progress) progress(i + 1, paths.size());
        const auto file = static_cast<std::uint32_t>(files->size());
        files->push_back(paths[i]);
        const std::optional<FileDigests> digests = digest_file(paths[i]);
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
