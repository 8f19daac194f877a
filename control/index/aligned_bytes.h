// Memory for an index image: zeroed, at a 64-byte boundary, as IndexView wants it.
//
// Owns:       its bytes; moves, never copies.
// Invariants: bytes().data() is a multiple of index_alignment.
// Thread:     one.
// Limits:     throws std::bad_alloc when memory runs out, as std::vector does; usable without
// exceptions.
#pragma once

#include <memory>
#include <new>
#include <utility>

#include "dataplane/base/bytes.h"
#include "dataplane/contract/index_format.h"

namespace cordon {

class AlignedBytes {
  public:
    AlignedBytes() = default;
    explicit AlignedBytes(std::size_t size) : size_(size) {
        bytes_.reset(static_cast<std::uint8_t*>(
            ::operator new (size + 1, std::align_val_t{index_alignment})));
        std::memset(bytes_.get(), 0, size);
    }
    AlignedBytes(AlignedBytes&& other) noexcept
        : bytes_(std::move(other.bytes_)), size_(std::exchange(other.size_, 0)) {}
    AlignedBytes& operator=(AlignedBytes&& other) noexcept {
        bytes_ = std::move(other.bytes_);
        size_ = std::exchange(other.size_, 0);
        return *this;
    }

    Bytes bytes() const { return {bytes_.get(), size_}; }
    MutableBytes mutable_bytes() { return {bytes_.get(), size_}; }

  private:
    struct Free {
        void operator()(std::uint8_t* p) const {
            ::operator delete (p, std::align_val_t{index_alignment});
        }
    };
    std::unique_ptr<std::uint8_t[], Free> bytes_;
    std::size_t size_ = 0;
};

}  // namespace cordon
