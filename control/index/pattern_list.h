// The patterns of one section while an index is built, and the part of the file they become.
//
// Owns:       texts, records and the compiled database.
// Invariants: what was added can be compiled by itself. A pattern that is added twice is kept once,
//             with the first reference and the restraints of both.
// Thread:     one. Does not throw, but for memory that runs out.
// Limits:     limits::patterns_max.
#pragma once

#include <string>
#include <unordered_map>
#include <vector>

#include "control/index/index_builder.h"

namespace cordon {

class PatternList {
  public:
    AddOutcome add(const PatternIndicator& pattern, std::string* why);

    // After the last add(): makes the database.
    Result<void> compile();

    std::uint32_t size() const { return static_cast<std::uint32_t>(patterns_.size()); }
    std::uint64_t duplicates() const { return duplicates_; }
    std::uint64_t part_bytes() const;

    // `records` take one of each pattern, the first of which is number `first_record`.
    void write(std::uint32_t first_record, IndexRecord* records, std::uint8_t* part) const;

  private:
    struct Pattern {
        std::string text;
        PatternSyntax syntax;
        IndexRecord record;
    };
    PatternHead head() const;

    std::vector<Pattern> patterns_;
    std::unordered_map<std::string, std::size_t> places_;  // syntax and text
    std::uint64_t duplicates_ = 0;
    std::vector<std::uint8_t> database_;
};

}  // namespace cordon
