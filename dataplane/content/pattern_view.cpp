#include "dataplane/content/pattern_view.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

namespace cordon {
namespace {

std::vector<PatternText> texts_of(const PatternPart& part) {
    std::vector<PatternText> patterns;
    std::string_view rest = part.texts;
    for (const PatternEntry& entry : part.entries) {
        patterns.push_back({rest.substr(0, entry.length), entry.syntax});
        rest.remove_prefix(entry.length);
    }
    return patterns;
}

// Null with `*why` empty: made elsewhere, and to be compiled here.
PatternDatabase take(Result<PatternDatabase> made, Error* why) {
    if (made) return std::move(*made);
    *why = made.error();
    return nullptr;
}

std::uint64_t fingerprint_of(const PatternText& pattern) {
    return XXH3_64bits_withSeed(pattern.text.data(), pattern.text.size(),
                                static_cast<std::uint64_t>(pattern.syntax));
}

}  // namespace

Result<void> PatternView::open(const IndexView& index, PatternView* out) {
    PatternView made;
    made.index_ = &index;
    for (std::size_t section = 0; section < index.section_count(); ++section) {
        const PatternPart part = index.patterns(section);
        if (part.entries.empty()) continue;
        const std::vector<PatternText> texts = texts_of(part);
        Error why{};
        PatternDatabase database = take(read_patterns(part.database), &why);
        if (database == nullptr && why.text.empty()) {
            database = take(compile_patterns(texts), &why);
            made.compiled_anew_ = true;
        }
        if (database == nullptr) return Failure(why);
        made.state_bytes_ += pattern_state_bytes(database.get());
        made.databases_[section] = std::move(database);
        made.list(static_cast<std::uint16_t>(section), texts);
    }
    std::sort(made.places_.begin(), made.places_.end());
    *out = std::move(made);
    return {};
}

void PatternView::list(std::uint16_t section, std::span<const PatternText> texts) {
    std::uint16_t entry = 0;
    for (const PatternText& pattern : texts) {
        fingerprints_[section].push_back(fingerprint_of(pattern));
        places_.push_back({fingerprints_[section].back(), {section, entry++}});
    }
}

bool PatternView::find_again(const PatternView& old, PatternHit hit, PatternHit* now) const {
    const std::uint64_t wanted = old.fingerprints_[hit.section][hit.entry];
    const std::string_view name = old.index_->section(hit.section).name;
    for (auto at = std::lower_bound(places_.begin(), places_.end(), Place{wanted, {}});
         at != places_.end() && at->fingerprint == wanted; ++at) {
        if (index_->section(at->hit.section).name != name) continue;
        *now = at->hit;
        return true;
    }
    return false;
}

}  // namespace cordon
