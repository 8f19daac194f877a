#include "dataplane/verifier/index_shelf.h"

namespace cordon::verifier {

IndexShelf::Held IndexShelf::current() const {
    const std::lock_guard lock(mutex_);
    return held_;
}

std::string IndexShelf::error() const {
    const std::lock_guard lock(mutex_);
    return error_;
}

IndexShelf::Held IndexShelf::take(Descriptor file, std::uint64_t mark, std::uint64_t asked,
                                  bool lab) {
    const std::lock_guard lock(mutex_);
    // The one that was asked with is still in force, or another hand has brought this one.
    if (mark == asked || mark == held_.mark) return held_;
    held_ = {nullptr, mark};
    error_.clear();
    if (!file.valid()) return held_;
    Result<std::unique_ptr<IndexImage>> image = IndexImage::read(file, "from cordond", lab);
    if (image)
        held_.image = std::move(*image);
    else
        error_ = image.error().message();
    return held_;
}

}  // namespace cordon::verifier
