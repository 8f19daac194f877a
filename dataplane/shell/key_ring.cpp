#include "dataplane/shell/key_ring.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

namespace cordon {
namespace {

static_assert(sealed_key_bytes == tag_key_bytes + crypto_box_SEALBYTES);

// 32 secret bytes and what goes with them, in memory that is wiped.
struct NodeKey {
    std::uint8_t secret[crypto_box_SECRETKEYBYTES];
    std::uint8_t open[crypto_box_PUBLICKEYBYTES];

    NodeKey() = default;
    ~NodeKey() { sodium_memzero(this, sizeof *this); }
    NodeKey(const NodeKey&) = delete;
    NodeKey& operator=(const NodeKey&) = delete;
};

// The bytes of a file of at most `into.size()`; −1 with errno otherwise.
ssize_t read_small(const Descriptor& file, MutableBytes into) {
    std::size_t done = 0;
    while (done < into.size()) {
        const ssize_t n = ::read(file.get(), into.data() + done, into.size() - done);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) break;
        done += static_cast<std::size_t>(n);
    }
    return static_cast<ssize_t>(done);
}

// A credential lies in memory that only this service reads, so its mode is the manager's matter.
std::string read_node_key(const std::string& path, bool check_mode, NodeKey* key) {
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid()) return path + " cannot be opened: " + std::strerror(errno);
    struct stat info {};
    if (fstat(file.get(), &info) != 0 || !S_ISREG(info.st_mode)) return path + " is no file";
    if (check_mode && (info.st_mode & 077) != 0)
        return path + " can be read by others: chmod 600, and have the grant renewed";
    std::uint8_t text[node_key_file_bytes + 1];
    const ssize_t length = read_small(file, text);
    std::size_t made = 0;
    const bool right =
        length == node_key_file_bytes && text[node_key_file_bytes - 1] == '\n' &&
        sodium_hex2bin(key->secret, sizeof key->secret, reinterpret_cast<const char*>(text),
                       node_key_file_bytes - 1, nullptr, &made, nullptr) == 0 &&
        made == sizeof key->secret;
    sodium_memzero(text, sizeof text);
    if (!right) return path + " is no key of 64 hex digits";
    crypto_scalarmult_base(key->open, key->secret);
    return {};
}

std::string read_node_key(const KeyPlaces& places, NodeKey* key, KeyProtection* protection) {
    if (!places.credentials_dir.empty()) {
        const std::string path = places.credentials_dir + "/" + node_key_name;
        if (::access(path.c_str(), F_OK) == 0) {
            *protection = KeyProtection::credential;
            return read_node_key(path, false, key);
        }
    }
    *protection = KeyProtection::disk;
    return read_node_key(places.state_dir + "/" + node_key_name, true, key);
}

bool unseal(const SealedKey& sealed, const NodeKey& node, TagKey* key) {
    std::uint8_t raw[tag_key_bytes];
    bool opened =
        crypto_box_seal_open(raw, sealed.sealed, sizeof sealed.sealed, node.open, node.secret) == 0;
    if (opened) {
        *key = TagKey(raw);
        opened = key_check(*key) == sealed.check;
    }
    sodium_memzero(raw, sizeof raw);
    return opened;
}

}  // namespace

KeyRing unseal_keys(const KeyPlaces& places) {
    KeyRing ring;
    const std::string path = places.state_dir + "/" + section_keys_name;
    const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!file.valid() && errno == ENOENT) return ring;
    std::vector<std::uint8_t> bytes(section_keys_bytes_max + 1);  // one more shows a file too long
    const ssize_t length = file.valid() ? read_small(file, bytes) : -1;
    if (length < 0) {
        ring.fault = path + " cannot be read: " + std::strerror(errno);
        return ring;
    }
    const auto sealed = read_section_keys(Bytes(bytes).first(static_cast<std::size_t>(length)));
    if (!sealed) {
        ring.fault = path + ": " + sealed.error().text;
        return ring;
    }
    if (sealed->empty()) return ring;
    NodeKey node;
    ring.fault = sodium_init() < 0 ? "libsodium does not start"
                                   : read_node_key(places, &node, &ring.protection);
    if (!ring.fault.empty()) return ring;
    for (const SealedKey& one : *sealed) {
        TagKey key;
        if (unseal(one, node, &key))
            ring.keys.push_back(key);
        else
            ring.fault = "the key of " + std::string(one.name) + ", epoch " +
                         std::to_string(one.epoch) + ", is not sealed for this appliance";
    }
    return ring;
}

Result<std::vector<TagKey>> take_keys(const Descriptor& keys) {
    std::vector<TagKey> taken;
    std::uint8_t raw[tag_key_bytes];
    ssize_t n;
    for (off_t at = 0; (n = ::pread(keys.get(), raw, sizeof raw, at)) == sizeof raw; at += n)
        taken.emplace_back(raw);
    sodium_memzero(raw, sizeof raw);
    if (n != 0 || taken.size() > section_keys_max)
        return failure(ErrorCode::integrity, "what was handed on are no keys");
    return taken;
}

}  // namespace cordon
