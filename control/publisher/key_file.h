// Signing keys as files: one person or machine each. The private half is sealed under a passphrase
// (Argon2id, then secretbox) unless its owner says that it is not to be.
//
// Owns:       a KeyFile its seed, wiped with it.
// Invariants: a file that opens has a seed that belongs to its public half. Files are made with
//             mode 0600, and never over one that is there.
// Thread:     one.
// Limits:     key_file_bytes_max; a name is 1 to 64 printable characters without spaces.
#pragma once

#include <optional>
#include <string>

#include "control/feed/crypto.h"
#include "dataplane/base/result.h"

namespace cordon::feed {

struct KeyFile {
    std::string name;  // whose it is
    PublicKey public_key = {};
    SecretKey seed;
};

struct PublicKeyFile {
    std::string name;
    PublicKey public_key = {};
};

// Writes `path`, and `path`.pub with the public half.
Result<PublicKeyFile> make_key_file(const std::string& path, const std::string& name,
                                    const std::optional<std::string>& passphrase);
// Asks for the passphrase only when the file has one: that of CORDON_FEED_PASSPHRASE_FILE, else
// from the terminal.
Result<KeyFile> open_key_file(const std::string& path);
Result<PublicKeyFile> read_public_key_file(const std::string& path);

// The first line of the file, or what is typed without being shown.
Result<std::string> read_passphrase(const std::string& prompt);

// All bytes of a file, refused above `bytes_max`.
Result<std::string> read_whole_file(const std::string& path, std::uint64_t bytes_max);

}  // namespace cordon::feed
