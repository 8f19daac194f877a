#include "control/publisher/known_good.h"

#include <algorithm>
#include <filesystem>

#include "control/index/list_parser.h"
#include "control/publisher/key_file.h"

namespace cordon::feed {
namespace {

constexpr std::uint64_t runs_until = 64u << 20;

}  // namespace

KnownGood::KnownGood() : zeros_(0x00, runs_until), ones_(0xff, runs_until) {}

void KnownGood::add(IndicatorKind kind, Bytes digest) {
    Prefix prefix = {};
    std::copy_n(digest.begin(), std::min(digest.size(), prefix.size()), prefix.begin());
    digests_[static_cast<std::size_t>(kind)].push_back(prefix);
}

Result<std::uint64_t> KnownGood::add_dpkg(const std::string& info_directory) {
    std::uint64_t count = 0;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator(info_directory, error)) {
        if (entry.path().extension() != ".md5sums") continue;
        const Result<std::string> text = read_whole_file(entry.path(), known_list_bytes_max);
        if (!text) return Failure(text.error());
        std::string_view rest = *text;
        std::string_view line;
        ListEntry known{};
        while (next_line(&rest, &line)) {
            if (parse_list_line(line.substr(0, 32), &known) != ListLineStatus::entry) continue;
            add(IndicatorKind::md5, known.digest_bytes());
            ++count;
        }
    }
    return count;
}

Result<std::uint64_t> KnownGood::add_system(KnownFiles& files, KindSet kinds,
                                            const Progress& progress) {
    std::uint64_t count = 0, total = 0;
    if (kinds.empty()) return count;  // patterns: no digest of a file is asked for
    if (progress) {
        Unreadable ignored;  // each() finds them too
        const auto counted = visit_files_below(
            files.root(), [&total](const std::string&, const struct stat&) { return ++total != 0; },
            &ignored);
        if (!counted) return Failure(counted.error());
    }
    const Result<void> done = files.each(kinds, [&](const std::string&, const FileDigests& file) {
        for (const IndicatorKind kind : exact_kind_list)
            if (kinds.has(kind)) add(kind, file.of(kind));
        ++count;
        // Some vanish, and come, between the two.
        if (progress && count % 256 == 0) progress(std::min(count, total), total);
    });
    if (!done) return Failure(done.error());
    if (progress) progress(total, total);
    return count;
}

Result<std::uint64_t> KnownGood::add_list(const std::string& path) {
    const Result<std::string> text = read_whole_file(path, known_list_bytes_max);
    if (!text) return Failure(text.error());
    ReadRows read;
    const CategoryMap any = {{}, "known-csam"};  // good files have no category: any will do
    if (text->starts_with("\"SHA-1\"")) {
        ColumnMap columns;
        columns.columns = {{"sha1", "SHA-1"}, {"md5", "MD5"}};
        read = read_csv(*text, columns, any);
    } else {
        read = read_plain(*text, any);
    }
    if (!read.problems.empty()) {
        const RowProblem& first = read.problems.front();
        return failure(ErrorCode::refused,
                       path + ":" + std::to_string(first.line) + ": " + first.why);
    }
    std::uint64_t count = 0;
    for (const Row& row : read.rows) {
        for (std::size_t i = 0; i < row.digest_count; ++i, ++count)
            add(row.digests[i].kind, row.digests[i].bytes());
    }
    return count;
}

void KnownGood::seal() {
    for (std::vector<Prefix>& digests : digests_)
        std::sort(digests.begin(), digests.end());
}

const char* KnownGood::reason(const RowDigest& digest) const {
    if (RefusedDigests::is_placeholder(digest.bytes())) return "one byte repeated is no digest";
    if (zeros_.is_empty_file(digest.kind, digest.bytes())) return "the empty file has it";
    if (zeros_.is_zero_run(digest.kind, digest.bytes())) return "a file of zeros has it";
    if (ones_.is_zero_run(digest.kind, digest.bytes())) return "a file of bytes 0xFF has it";
    Prefix prefix = {};
    std::copy_n(digest.bytes().begin(), prefix.size(), prefix.begin());
    const auto& known = digests_[static_cast<std::size_t>(digest.kind)];
    return std::binary_search(known.begin(), known.end(), prefix) ? "a known good file has it"
                                                                  : nullptr;
}

}  // namespace cordon::feed
