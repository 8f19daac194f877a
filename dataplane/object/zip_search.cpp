#include "dataplane/object/zip_search.h"

#include <algorithm>

#include "dataplane/object/zip_record.h"

namespace cordon {

namespace {

constexpr std::uint8_t signature[] = {'P', 'K', 3, 4};

bool goes_on(Bytes run, std::size_t seen) {
    const std::size_t size = std::min(run.size(), sizeof signature - seen);
    return std::equal(run.begin(), run.begin() + static_cast<std::ptrdiff_t>(size),
                      signature + seen);
}

}  // namespace

// No byte of the signature stands in it twice, so that only one may have begun.
bool ZipSearch::find(Bytes run, std::size_t* at) {
    *at = 0;
    if (run.empty()) return false;
    if (seen_ != 0 && goes_on(run, seen_)) {
        if (seen_ + run.size() >= sizeof signature) return true;
        seen_ = static_cast<std::uint8_t>(seen_ + run.size());
        return false;
    }
    seen_ = 0;
    while (true) {
        *at += find_zip_mark(run.subspan(*at));
        if (*at + sizeof signature > run.size()) break;
        if (goes_on(run.subspan(*at), 0)) return true;
        *at += 2;
    }
    for (std::size_t size = std::min<std::size_t>(3, run.size()); size > 0 && seen_ == 0; --size) {
        if (goes_on(run.last(size), 0)) seen_ = static_cast<std::uint8_t>(size);
    }
    return false;
}

Bytes ZipSearch::seen() const {
    return Bytes(signature).first(seen_);
}

}  // namespace cordon
