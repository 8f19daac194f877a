#include "dataplane/contract/section_keys.h"

#include "dataplane/base/invariant.h"
#include "dataplane/contract/file_sum.h"

namespace cordon {
namespace {

constexpr std::size_t summed = offsetof(SectionKeysHead, checksum);

Failure bad(const char* why) {
    return failure(ErrorCode::integrity, std::string("the file of section keys ") + why);
}

bool is_named(const SealedKey& key) {
    return key.name[0] != '\0' && std::memchr(key.name, '\0', sizeof key.name) != nullptr;
}

}  // namespace

Result<std::vector<SealedKey>> read_section_keys(Bytes file) {
    SectionKeysHead head;
    if (file.size() < sizeof head) return bad("is cut short");
    std::memcpy(&head, file.data(), sizeof head);
    if (head.magic != section_keys_magic) return bad("is none: wrong magic");
    if (head.version != section_keys_version) return bad("is of another release");
    if (head.count > section_keys_max) return bad("has too many keys");
    const Bytes rest = file.subspan(sizeof head);
    if (rest.size() != head.count * sizeof(SealedKey)) return bad("has a wrong length");
    if (file_sum(&head, summed, rest) != head.checksum)
        return bad("is damaged: its checksum is wrong");
    std::vector<SealedKey> keys(head.count);
    if (!rest.empty()) std::memcpy(keys.data(), rest.data(), rest.size());
    for (const SealedKey& key : keys) {
        if (!is_named(key)) return bad("has a key without a name");
        if (key.reserved != 0) return bad("has a reserved field that is not zero");
    }
    return keys;
}

std::string write_section_keys(std::span<const SealedKey> keys) {
    INVARIANT(keys.size() <= section_keys_max);
    const Bytes rest(reinterpret_cast<const std::uint8_t*>(keys.data()), keys.size_bytes());
    SectionKeysHead head = {
        section_keys_magic, section_keys_version, static_cast<std::uint32_t>(keys.size()), {}};
    head.checksum = file_sum(&head, summed, rest);
    std::string file(reinterpret_cast<const char*>(&head), sizeof head);
    return file.append(as_text(rest));
}

}  // namespace cordon
