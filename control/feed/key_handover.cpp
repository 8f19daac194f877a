#include "control/feed/key_handover.h"

#include "control/index/atomic_file.h"
#include "dataplane/contract/section_keys.h"

namespace cordon::feed {

Result<void> hand_over_keys(std::span<const SectionKey> keys, const PublicKey& node,
                            const std::string& state_dir) {
    if (keys.size() > section_keys_max)
        return failure(ErrorCode::refused, "there are more section keys than an index can need");
    std::vector<SealedKey> file;
    for (const SectionKey& one : keys) {
        SealedKey sealed = {};
        if (one.name.empty() || one.name.size() >= sizeof sealed.name)
            return failure(ErrorCode::refused, "a section's name is 1 to 31 characters");
        one.name.copy(sealed.name, one.name.size());
        sealed.epoch = one.epoch;
        sealed.check = key_check(TagKey(one.key.bytes));
        const std::string box = seal_for(node, one.key.bytes);
        if (box.size() != sizeof sealed.sealed)
            return failure(ErrorCode::integrity, "a section key could not be sealed");
        std::memcpy(sealed.sealed, box.data(), box.size());
        file.push_back(sealed);
    }
    return write_file_atomically(state_dir + "/" + section_keys_name,
                                 as_bytes(write_section_keys(file)));
}

Result<std::vector<SecretKey>> handed_keys(const SecretKey& node, Bytes file) {
    const auto sealed = read_section_keys(file);
    if (!sealed) return Failure(sealed.error());
    std::vector<SecretKey> keys;
    for (const SealedKey& one : *sealed) {
        std::optional<std::string> raw = unseal(node, Bytes(one.sealed));
        SecretKey key;
        if (raw && raw->size() == key.bytes.size())
            std::memcpy(key.bytes.data(), raw->data(), key.bytes.size());
        if (raw) wipe(raw->data(), raw->size());
        if (!raw || key_check(TagKey(key.bytes)) != one.check)
            return failure(ErrorCode::integrity, "the key of " + std::string(one.name) +
                                                     ", epoch " + std::to_string(one.epoch) +
                                                     ", is not sealed for this appliance");
        keys.push_back(key);
    }
    return keys;
}

}  // namespace cordon::feed
