// The file of section keys as an enemy would write it: any bytes, also behind a right checksum.

#include <xxhash.h>

#include <cstdlib>
#include <cstring>

#include "dataplane/contract/section_keys.h"

using namespace cordon;

namespace {

// What read_section_keys promises, in other words than its own.
void insist(Bytes file) {
    const auto keys = read_section_keys(file);
    if (!keys) return;
    if (keys->size() > section_keys_max) std::abort();
    for (const SealedKey& key : *keys) {
        const std::size_t length = strnlen(key.name, sizeof key.name);
        if (length == 0 || length == sizeof key.name || key.reserved != 0) std::abort();
    }
    // What was read can be written, and is the same again.
    if (as_text(file) != write_section_keys(*keys)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* bytes, std::size_t size) {
    insist({bytes, size});
    if (size < sizeof(SectionKeysHead)) return 0;
    std::string file(reinterpret_cast<const char*>(bytes), size);
    const std::string rest = file.substr(sizeof(SectionKeysHead));
    const std::string summed = file.substr(0, offsetof(SectionKeysHead, checksum)) + rest;
    const XXH128_hash_t sum = XXH3_128bits(summed.data(), summed.size());
    const std::uint64_t words[] = {sum.low64, sum.high64};
    std::memcpy(file.data() + offsetof(SectionKeysHead, checksum), words, sizeof words);
    insist(as_bytes(file));
    return 0;
}
