#include "control/index/pattern_list.h"

#include <cstring>

#include "dataplane/contract/pattern_database.h"

namespace cordon {

AddOutcome PatternList::add(const PatternIndicator& pattern, std::string* why) {
    if (patterns_.size() == limits::patterns_max) return AddOutcome::section_full;
    *why = pattern_fault({pattern.text, pattern.syntax});
    if (!why->empty()) return AddOutcome::bad_pattern;
    const std::string key = static_cast<char>(pattern.syntax) + pattern.text;
    const auto [place, is_new] = places_.try_emplace(key, patterns_.size());
    if (!is_new) {
        IndexRecord& kept = patterns_[place->second].record;
        kept.flags = static_cast<std::uint8_t>(kept.flags | pattern.flags);
        ++duplicates_;
        return AddOutcome::added;
    }
    IndexRecord record = {.reference = pattern.reference,
                          .size = 0,
                          .head = {},
                          .source = pattern.source,
                          .category = pattern.category,
                          .flags = pattern.flags,
                          .kinds = KindSet{IndicatorKind::pattern}.bits,
                          .added = {}};
    set_added(&record, pattern.added_in);
    patterns_.push_back({pattern.text, pattern.syntax, record});
    return AddOutcome::added;
}

Result<void> PatternList::compile() {
    if (patterns_.empty()) return {};
    std::vector<PatternText> texts;
    for (const Pattern& pattern : patterns_)
        texts.push_back({pattern.text, pattern.syntax});
    const Result<PatternDatabase> compiled = compile_patterns(texts);
    if (!compiled) return Failure(compiled.error());
    Result<std::vector<std::uint8_t>> written = serialise_patterns(compiled->get());
    if (!written) return Failure(written.error());
    database_ = std::move(*written);
    return {};
}

PatternHead PatternList::head() const {
    PatternHead head = {};
    head.count = size();
    for (const Pattern& pattern : patterns_)
        head.text_bytes += static_cast<std::uint32_t>(pattern.text.size());
    head.database_bytes = database_.size();
    return head;
}

std::uint64_t PatternList::part_bytes() const {
    return patterns_.empty() ? 0 : pattern_database_at(head()) + database_.size();
}

void PatternList::write(std::uint32_t first_record, IndexRecord* records,
                        std::uint8_t* part) const {
    const PatternHead made = head();
    std::memcpy(part, &made, sizeof made);
    auto* entry = reinterpret_cast<PatternEntry*>(part + sizeof made);
    auto* text = part + sizeof made + patterns_.size() * sizeof(PatternEntry);
    for (const Pattern& pattern : patterns_) {
        *records++ = pattern.record;
        *entry++ = {first_record++, static_cast<std::uint16_t>(pattern.text.size()), pattern.syntax,
                    0};
        std::memcpy(text, pattern.text.data(), pattern.text.size());
        text += pattern.text.size();
    }
    std::memcpy(part + pattern_database_at(made), database_.data(), database_.size());
}

}  // namespace cordon
