#include "control/publisher/key_file.h"

#include <fcntl.h>
#include <sodium.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "control/feed/canonical_json.h"
#include "control/index/atomic_file.h"

namespace cordon::feed {
namespace {

using nlohmann::json;

constexpr std::uint64_t key_file_bytes_max = 16 * 1024;
using Salt = std::array<std::uint8_t, crypto_pwhash_SALTBYTES>;
using Nonce = std::array<std::uint8_t, crypto_secretbox_NONCEBYTES>;
using SealedSeed = std::array<std::uint8_t, 32 + crypto_secretbox_MACBYTES>;

bool is_name(const std::string& name) {
    if (name.empty() || name.size() > 64) return false;
    for (const char c : name) {
        if (c <= 0x20 || c > 0x7e) return false;
    }
    return true;
}

bool stretch(const std::string& passphrase, const Salt& salt, SecretKey* key) {
    return crypto_pwhash(key->bytes.data(), key->bytes.size(), passphrase.data(), passphrase.size(),
                         salt.data(), crypto_pwhash_OPSLIMIT_INTERACTIVE,
                         crypto_pwhash_MEMLIMIT_INTERACTIVE, crypto_pwhash_ALG_ARGON2ID13) == 0;
}

Result<json> sealed_json(const SecretKey& seed, const std::string& passphrase) {
    Salt salt;
    Nonce nonce;
    SealedSeed sealed;
    SecretKey key;
    fill_random(salt);
    fill_random(nonce);
    if (!stretch(passphrase, salt, &key))
        return failure(ErrorCode::memory, "not enough memory to stretch the passphrase");
    crypto_secretbox_easy(sealed.data(), seed.bytes.data(), seed.bytes.size(), nonce.data(),
                          key.bytes.data());
    return json{{"salt", to_hex(salt)}, {"nonce", to_hex(nonce)}, {"sealed", to_hex(sealed)}};
}

bool take_hex(const json& object, const char* name, MutableBytes out) {
    return object.contains(name) && object[name].is_string() &&
           from_hex(object[name].get_ref<const std::string&>(), out);
}

Result<SecretKey> unsealed(const json& object, const std::string& path) {
    Salt salt;
    Nonce nonce;
    SealedSeed sealed;
    if (!take_hex(object, "salt", salt) || !take_hex(object, "nonce", nonce) ||
        !take_hex(object, "sealed", sealed))
        return failure(ErrorCode::integrity, path + " is damaged");
    const Result<std::string> passphrase = read_passphrase("passphrase of " + path);
    if (!passphrase) return Failure(passphrase.error());
    SecretKey key;
    SecretKey seed;
    if (!stretch(*passphrase, salt, &key))
        return failure(ErrorCode::memory, "not enough memory to stretch the passphrase");
    if (crypto_secretbox_open_easy(seed.bytes.data(), sealed.data(), sealed.size(), nonce.data(),
                                   key.bytes.data()) != 0)
        return failure(ErrorCode::permission, path + ": that is not its passphrase");
    return seed;
}

Result<json> read_key_json(const std::string& path, PublicKeyFile* key) {
    const Result<std::string> text = read_whole_file(path, key_file_bytes_max);
    if (!text) return Failure(text.error());
    const Result<json> object = parse_json(as_bytes(*text));
    if (!object || !object->is_object() || !object->contains("name") ||
        !(*object)["name"].is_string() || !take_hex(*object, "public", key->public_key))
        return failure(ErrorCode::integrity, path + " is no key file");
    key->name = (*object)["name"];
    if (!is_name(key->name)) return failure(ErrorCode::integrity, path + " has no proper name");
    return object;
}

std::string typed_line() {
    std::string line;
    int c;
    while ((c = std::getchar()) != EOF && c != '\n')
        line += static_cast<char>(c);
    return line;
}

}  // namespace

Result<std::string> read_whole_file(const std::string& path, std::uint64_t bytes_max) {
    std::FILE* file = std::fopen(path.c_str(), "rbe");
    if (file == nullptr) return failure(ErrorCode::io, "cannot open " + path, errno);
    std::string text;
    char block[65536];
    std::size_t got;
    while (text.size() <= bytes_max && (got = std::fread(block, 1, sizeof block, file)) > 0)
        text.append(block, got);
    const int failed = std::ferror(file) != 0 ? errno : 0;
    std::fclose(file);
    if (failed != 0) return failure(ErrorCode::io, "cannot read " + path, failed);
    if (text.size() > bytes_max) return failure(ErrorCode::integrity, path + " is too long");
    return text;
}

Result<std::string> read_passphrase(const std::string& prompt) {
    if (const char* path = std::getenv("CORDON_FEED_PASSPHRASE_FILE")) {
        Result<std::string> text = read_whole_file(path, 4096);
        if (!text) return text;
        return text->substr(0, text->find('\n'));
    }
    if (::isatty(STDIN_FILENO) != 1)
        return failure(ErrorCode::usage,
                       "no terminal to ask for the " + prompt +
                           "; name a file with it in CORDON_FEED_PASSPHRASE_FILE");
    std::fprintf(stderr, "%s: ", prompt.c_str());
    termios shown = {};
    ::tcgetattr(STDIN_FILENO, &shown);
    termios hidden = shown;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &hidden);
    std::string line = typed_line();
    ::tcsetattr(STDIN_FILENO, TCSANOW, &shown);
    std::fputc('\n', stderr);
    return line;
}

Result<PublicKeyFile> make_key_file(const std::string& path, const std::string& name,
                                    const std::optional<std::string>& passphrase) {
    if (!is_name(name))
        return failure(ErrorCode::usage,
                       "a name has 1 to 64 printable characters and no spaces: " + name);
    if (passphrase && passphrase->size() < 8)
        return failure(ErrorCode::usage, "a passphrase has at least 8 characters");
    if (::access(path.c_str(), F_OK) == 0)
        return failure(ErrorCode::refused, path + " is there; a key is never overwritten");
    const SecretKey seed = SecretKey::random();
    const PublicKeyFile key = {name, signing_public(seed)};
    const json open = {{"name", name}, {"public", to_hex(key.public_key)}};
    json closed = open;
    if (passphrase) {
        Result<json> sealed = sealed_json(seed, *passphrase);
        if (!sealed) return Failure(sealed.error());
        closed["protected"] = *sealed;
    } else {
        closed["seed"] = to_hex(seed.bytes);
    }
    std::string text = canonical_json(closed) + "\n";
    const auto written = write_file_atomically(path, as_bytes(text), 0600);
    wipe(text.data(), text.size());
    if (!written) return Failure(written.error());
    const std::string public_text = canonical_json(open) + "\n";
    const auto published = write_file_atomically(path + ".pub", as_bytes(public_text), 0644);
    if (!published) return Failure(published.error());
    return key;
}

Result<KeyFile> open_key_file(const std::string& path) {
    PublicKeyFile open;
    const Result<json> object = read_key_json(path, &open);
    if (!object) return Failure(object.error());
    KeyFile key = {open.name, open.public_key, {}};
    if (object->contains("protected")) {
        const Result<SecretKey> seed = unsealed((*object)["protected"], path);
        if (!seed) return Failure(seed.error());
        key.seed = *seed;
    } else if (!take_hex(*object, "seed", key.seed.bytes)) {
        return failure(ErrorCode::integrity, path + " holds no private key");
    }
    if (signing_public(key.seed) != key.public_key)
        return failure(ErrorCode::integrity, path + ": its two halves do not belong together");
    return key;
}

Result<PublicKeyFile> read_public_key_file(const std::string& path) {
    PublicKeyFile key;
    const Result<json> object = read_key_json(path, &key);
    if (!object) return Failure(object.error());
    return key;
}

}  // namespace cordon::feed
