// A copy of some bytes that ends exactly at an unreadable page: a read past the end faults.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "dataplane/base/bytes.h"

namespace cordon::test {

class GuardedBytes {
  public:
    explicit GuardedBytes(Bytes bytes) {
        const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
        const std::size_t body = (bytes.size() + page - 1) / page * page;
        mapped_ = body + page;
        base_ = static_cast<std::uint8_t*>(
            ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        if (base_ == MAP_FAILED) std::abort();
        if (::mprotect(base_ + body, page, PROT_NONE) != 0) std::abort();
        view_ = {base_ + body - bytes.size(), bytes.size()};
        if (!bytes.empty()) std::memcpy(view_.data(), bytes.data(), bytes.size());
    }
    ~GuardedBytes() { ::munmap(base_, mapped_); }
    GuardedBytes(const GuardedBytes&) = delete;
    GuardedBytes& operator=(const GuardedBytes&) = delete;

    Bytes bytes() const { return view_; }
    MutableBytes mutable_bytes() { return view_; }

  private:
    std::uint8_t* base_;
    std::size_t mapped_;
    MutableBytes view_;
};

}  // namespace cordon::test
