// The keys of what incidents tell of persons, one for each: a file of its own beside the store. A
// copy of the store, or a store elsewhere, holds none of them, and what retention destroys here is
// ended everywhere.
//
// Owns:       its connection to `<store>.keys`.
// Invariants: a key is durable before the incident that is sealed with it. Of a destroyed key
//             nothing is left in the file or its log.
// Thread:     one thread; several processes and connections may open the same file.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "control/store/database.h"
#include "control/store/personal.h"

namespace cordon {

inline constexpr std::size_t key_id_bytes = 16;
using KeyId = std::array<std::uint8_t, key_id_bytes>;

struct SealingKey {
    KeyId id = {};
    CaseKey key = {};
};

// What stands beside a key.
struct KeyStanding {
    std::uint64_t made_ns = 0;
    std::uint64_t held_until_ns = 0;  // 0: not held
    std::string held_for;             // the reason
};

class CaseKeys {
  public:
    CaseKeys() = default;
    ~CaseKeys();
    CaseKeys(const CaseKeys&) = delete;
    CaseKeys& operator=(const CaseKeys&) = delete;

    Result<void> open(const std::string& path);

    // New keys between begin() and commit(), which makes them durable.
    void begin();
    SealingKey make(std::uint64_t now_ns);
    Result<void> commit();
    void roll_back();

    // Which box this is: who has the keys. Drawn when the file was made.
    Result<std::string> box();

    // Nothing when it was destroyed.
    Result<std::optional<CaseKey>> find(Bytes id);
    Result<std::optional<KeyStanding>> standing(Bytes id);
    // False: there is no such key. `until_ns` 0: it is held no longer.
    Result<bool> hold(Bytes id, std::uint64_t until_ns, const std::string& reason);
    // Those made before, unless they are held at `now_ns`. How many went.
    Result<std::uint64_t> destroy_before(std::uint64_t before_ns, std::uint64_t now_ns);

  private:
    Result<void> checked();

    Database database_;
    std::unique_ptr<Statement> insert_;  // dies before the database
};

std::string case_keys_path(const std::string& store_path);

}  // namespace cordon
