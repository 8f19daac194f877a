#include "dataplane/object/zip_search.h"

#include <algorithm>

namespace cordon {

namespace {

constexpr std::size_t signature_bytes = 4;
constexpr std::uint8_t member[signature_bytes] = {zip_mark.first, zip_mark.second, 3, 4};
constexpr std::uint8_t directory[signature_bytes] = {zip_mark.first, zip_mark.second, 1, 2};

bool goes_on(Bytes run, const std::uint8_t* signature, std::size_t seen) {
    const std::size_t size = std::min(run.size(), signature_bytes - seen);
    return std::equal(run.begin(), run.begin() + static_cast<std::ptrdiff_t>(size),
                      signature + seen);
}

}  // namespace

bool ZipSearch::goes_on(Bytes run) {
    const bool may_be_either = seen_ < 3;
    if ((may_be_either || is_directory_) && cordon::goes_on(run, directory, seen_)) {
        is_directory_ = true;
        return true;
    }
    if (!may_be_either && is_directory_) return false;
    is_directory_ = false;
    return cordon::goes_on(run, member, seen_);
}

// No byte of a signature stands in it twice, so that only one may have begun.
bool ZipSearch::find(Bytes run, std::size_t* at) {
    *at = 0;
    if (run.empty()) return false;
    if (seen_ != 0 && goes_on(run)) {
        if (seen_ + run.size() >= signature_bytes) return true;
        seen_ = static_cast<std::uint8_t>(seen_ + run.size());
        return false;
    }
    seen_ = 0;
    while (true) {
        *at += find_zip_mark(run.subspan(*at));
        if (*at == run.size() && !ends_in_mark(run)) return false;  // nearly every run
        if (*at + signature_bytes > run.size()) break;
        if (goes_on(run.subspan(*at))) return true;
        *at += 2;
    }
    for (std::size_t size = std::min<std::size_t>(3, run.size()); size > 0 && seen_ == 0; --size) {
        if (run[run.size() - size] == zip_mark.first && goes_on(run.last(size)))
            seen_ = static_cast<std::uint8_t>(size);
    }
    return false;
}

Bytes ZipSearch::seen() const {
    return Bytes(is_directory_ ? directory : member).first(seen_);
}

}  // namespace cordon
