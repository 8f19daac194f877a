// The patterns of an index, ready to be scanned for: one database for each section that has some.
//
// The database in the index is used as it is. When it was made by another release of Hyperscan or
// for another processor, its texts are compiled anew: an update of the library must not leave the
// appliance without indicators.
//
// Owns:       the databases. The view that they were read from must stay alive and unchanged.
// Invariants: the number that a database tells for a pattern is its entry in PatternPart.
// Thread:     open() at start-up or in a control thread: it allocates, and compiling takes time
//             (0.4 s for 16384 texts). A const PatternView may be read by many workers at once.
// Limits:     those of contract/pattern_database.h.
#pragma once

#include <array>

#include "dataplane/contract/pattern_database.h"
#include "dataplane/index/index_view.h"

namespace cordon {

// A pattern of an index.
struct PatternHit {
    std::uint16_t section;
    std::uint16_t entry;  // of PatternPart
};
static_assert(limits::patterns_max <= 1u << 16);

class PatternView {
  public:
    // On a failure *out has no database.
    static Result<void> open(const IndexView& index, PatternView* out);

    bool empty() const { return state_bytes_ == 0; }
    const hs_database* database(std::size_t section) const { return databases_[section].get(); }
    std::size_t state_bytes() const { return state_bytes_; }  // of one text in all of them
    bool compiled_anew() const { return compiled_anew_; }
    const IndexView& index() const { return *index_; }

    // Where a pattern that was found by the index before stands in this one: in the section of the
    // same name. False: it was withdrawn.
    bool find_again(const PatternView& old, PatternHit hit, PatternHit* now) const;

  private:
    struct Place {
        std::uint64_t fingerprint;  // of text and syntax
        PatternHit hit;
        bool operator<(const Place& other) const { return fingerprint < other.fingerprint; }
    };
    void list(std::uint16_t section, std::span<const PatternText> texts);

    std::array<PatternDatabase, limits::sections_max> databases_;
    std::array<std::vector<std::uint64_t>, limits::sections_max> fingerprints_;  // by entry
    std::vector<Place> places_;                                                  // in order
    std::size_t state_bytes_ = 0;
    bool compiled_anew_ = false;
    const IndexView* index_ = nullptr;
};

}  // namespace cordon
