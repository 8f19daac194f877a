#include "dataplane/verifier/index_shelf.h"

#include <ctime>
#include <vector>

#include "dataplane/shell/key_ring.h"
#include "dataplane/shell/suspension_holder.h"

namespace cordon::verifier {

IndexShelf::Held IndexShelf::current() const {
    const std::lock_guard lock(mutex_);
    return held_;
}

std::string IndexShelf::error() const {
    const std::lock_guard lock(mutex_);
    return error_;
}

IndexShelf::Held IndexShelf::take(const HandedFiles& files, std::uint8_t present,
                                  const Offer& offer) {
    const std::lock_guard lock(mutex_);
    // What was asked with is still in force, or another hand has brought this.
    if (offer.mark == offer.asked || offer.mark == held_.mark) return held_;
    held_ = {nullptr, nullptr, offer.mark};
    error_.clear();
    if (const Result<void> done = read(files, present, offer.lab); !done) {
        held_ = {nullptr, nullptr, offer.mark};
        error_ = done.error().message();
    }
    return held_;
}

Result<void> IndexShelf::read(const HandedFiles& files, std::uint8_t present, bool lab) {
    std::size_t at = 0;
    const auto next = [&](VerifyFile what) -> const Descriptor* {
        return (present & what) != 0 ? &files[at++] : nullptr;
    };
    const Descriptor* index = next(verify_file_index);
    const Descriptor* suspensions = next(verify_file_suspensions);
    const Descriptor* keys = next(verify_file_keys);
    if (index == nullptr) return {};
    std::vector<TagKey> ring;
    if (keys != nullptr) {
        Result<std::vector<TagKey>> taken = take_keys(*keys);
        if (!taken) return Failure(taken.error());
        ring = std::move(*taken);
    }
    if (suspensions != nullptr) {
        Result<Suspensions> read = read_suspensions(*suspensions, "the suspensions");
        if (!read) return Failure(read.error());
        held_.suspensions = std::make_shared<const Suspensions>(std::move(*read));
    }
    const auto now_s = static_cast<std::uint64_t>(std::time(nullptr));
    Result<std::unique_ptr<IndexImage>> image =
        IndexImage::read(*index, "from cordond", lab, 0, ring, now_s);
    if (!image) return Failure(image.error());
    held_.image = std::move(*image);
    return {};
}

}  // namespace cordon::verifier
