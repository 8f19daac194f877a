// Index files by hand: built from plain lists, described, checked. Behind `cordonctl index` and
// `cordon-replay --hashes`.
//
// Owns:       nothing.
// Invariants: what build_lab_index() writes is a lab index with a random key; a list with a
//             malformed line builds nothing; a line whose digest must never be listed (empty file,
//             zeros), or whose pattern cannot be compiled, is left out, counted and reported.
// Thread:     any. Does not throw, but for memory that runs out.
// Limits:     row_reports_max rows are reported in full, the rest counted.
#pragma once

#include "control/index/index_builder.h"

namespace cordon {

// What a list does not say of its indicators.
struct ListDefaults {
    std::uint16_t source = 0;
    std::uint8_t category = 0;
    std::uint8_t flags = 0;  // of record_flag::restraints
};

struct LabIndexOptions {
    std::string section_name = "lab";
    std::uint64_t generation = 1;
    std::uint64_t created_s = 0;  // Unix seconds, from the caller's clock
    std::uint64_t not_after_s = index_no_end;
    RightsCeiling ceiling = RightsCeiling::block;
    std::optional<TagKeyBytes> key = {};  // random when absent
    ListDefaults defaults = {};
};

struct RowReport {
    std::string file;
    std::uint64_t line;
    std::string text;  // "file:line: what"
};
inline constexpr std::size_t row_reports_max = 100;

struct BuildReport {
    BuiltIndex built;
    std::uint64_t rows = 0;          // lines with a digest or pattern
    std::uint64_t rows_refused = 0;  // left out because they must not be listed, or cannot be
    std::vector<RowReport> refused;  // the first row_reports_max of them
};

// Reads every list into a section of the builder. The reference of an indicator is (number of its
// list, from 1) × 2^32 + its line.
Result<void> add_lists(const std::vector<std::string>& lists, const ListDefaults& defaults,
                       std::uint32_t section, IndexBuilder* builder, BuildReport* report);

// The same, as one index with one section.
Result<BuildReport> build_lab_index(const std::vector<std::string>& lists,
                                    const LabIndexOptions& options, const std::string& path);
// The same into memory, for programs that use it at once.
Result<BuildReport> build_lab_index(const std::vector<std::string>& lists,
                                    const LabIndexOptions& options, AlignedBytes* image);

struct SectionDescription {
    std::string name;
    SectionKind kind;
    RightsCeiling ceiling;
    ListPurpose purpose;
    std::uint32_t epoch;
    std::uint64_t generation;
    SectionTerms terms;
    bool key_in_file;
    std::uint64_t tags;
    std::uint64_t records;
    std::uint64_t bytes;  // of its parts
    std::uint64_t kind_tags[indicator_kind_count];
    std::uint64_t kind_tags_sized[indicator_kind_count];
    std::uint64_t kind_tags_headed[indicator_kind_count];
};

struct IndexDescription {
    bool lab;
    std::uint32_t version;
    std::uint64_t generation;
    std::uint64_t created_s;
    std::uint64_t bytes;
    std::uint64_t tags;
    std::uint64_t patterns;
    std::vector<SectionDescription> sections;
};

// Reads and verifies the head only.
Result<IndexDescription> describe_index(const std::string& path);
// Verifies every byte, as the dataplane does before it uses a file.
Result<IndexDescription> check_index(const std::string& path);

}  // namespace cordon
