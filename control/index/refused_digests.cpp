#include "control/index/refused_digests.h"

#include <openssl/md5.h>

#include <algorithm>

namespace cordon {
namespace {

constexpr std::uint64_t page = 4096;
constexpr std::uint64_t pages_until = 1u << 20;
constexpr std::uint64_t powers_until_default = 16u << 20;

// The lengths, in rising order.
std::vector<std::uint64_t> run_lengths(std::uint64_t powers_until) {
    std::vector<std::uint64_t> lengths;
    for (std::uint64_t n = 1; n <= page; ++n)
        lengths.push_back(n);
    for (std::uint64_t n = 2 * page; n <= pages_until; n += page)
        lengths.push_back(n);
    for (std::uint64_t n = 2 * pages_until; n <= powers_until; n *= 2)
        lengths.push_back(n);
    return lengths;
}

struct Running {
    SHA256_CTX sha256;
    SHA_CTX sha1;
    MD5_CTX md5;

    Running() {
        SHA256_Init(&sha256);
        SHA1_Init(&sha1);
        MD5_Init(&md5);
    }
    void take(std::uint8_t fill, std::uint64_t count) {
        std::uint8_t bytes[4096];
        std::memset(bytes, fill, sizeof bytes);
        while (count > 0) {
            const std::size_t n = std::min<std::uint64_t>(count, sizeof bytes);
            SHA256_Update(&sha256, bytes, n);
            SHA1_Update(&sha1, bytes, n);
            MD5_Update(&md5, bytes, n);
            count -= n;
        }
    }
};

std::array<std::uint8_t, 16> prefix_of(Bytes digest) {
    std::array<std::uint8_t, 16> prefix = {};
    std::memcpy(prefix.data(), digest.data(), std::min(digest.size(), prefix.size()));
    return prefix;
}

}  // namespace

const RefusedDigests& RefusedDigests::table() {
    static const RefusedDigests made(0, powers_until_default);
    return made;
}

RefusedDigests::RefusedDigests(std::uint8_t fill, std::uint64_t powers_until) {
    Running running;
    const auto note = [&](std::vector<Prefix>(&table)[indicator_kind_count]) {
        Running copy = running;
        std::uint8_t out[32];
        SHA256_Final(out, &copy.sha256);
        table[static_cast<std::size_t>(IndicatorKind::sha256)].push_back(prefix_of(out));
        SHA1_Final(out, &copy.sha1);
        table[static_cast<std::size_t>(IndicatorKind::sha1)].push_back(prefix_of(out));
        MD5_Final(out, &copy.md5);
        table[static_cast<std::size_t>(IndicatorKind::md5)].push_back(prefix_of(out));
    };
    note(empty_);
    std::uint64_t done = 0;
    for (const std::uint64_t length : run_lengths(powers_until)) {
        running.take(fill, length - done);
        done = length;
        note(zero_runs_);
    }
    for (std::vector<Prefix>& table : zero_runs_)
        std::sort(table.begin(), table.end());
}

bool RefusedDigests::is_empty_file(IndicatorKind kind, Bytes digest) const {
    const std::vector<Prefix>& table = empty_[static_cast<std::size_t>(kind)];
    return !table.empty() && table.front() == prefix_of(digest);
}

bool RefusedDigests::is_zero_run(IndicatorKind kind, Bytes digest) const {
    const std::vector<Prefix>& table = zero_runs_[static_cast<std::size_t>(kind)];
    return std::binary_search(table.begin(), table.end(), prefix_of(digest));
}

bool RefusedDigests::is_placeholder(Bytes digest) {
    return std::all_of(digest.begin(), digest.end(),
                       [&](std::uint8_t byte) { return byte == digest.front(); });
}

}  // namespace cordon
