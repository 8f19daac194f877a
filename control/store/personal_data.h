// Who may still know whom an incident was about: opens the sealed part of one case, keeps it for a
// reason, and destroys what is too old.
//
//   sealed ──reveal()──► shown once          sealed ──destroy_before()──► destroyed, for ever
//      └────hold()──► held until a day
//
// Owns:       its connections to the store and to its keys.
// Invariants: of what destroy_before() destroyed nothing can be read any more, wherever copies of
//             the store are: not of incidents, requests for verification, or records kept aside. In
//             a file not even what was sealed is left.
// Thread:     one thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/store/case_keys.h"
#include "control/store/store.h"

namespace cordon {

class PersonalData {
  public:
    PersonalData() = default;
    static Result<std::unique_ptr<PersonalData>> open(const StoreOptions& options);

    // Nothing when its key was destroyed. Errors: refused, there is no such case.
    Result<std::optional<Personal>> reveal(const std::string& case_number);
    // The same, of the key.
    Result<std::optional<KeyStanding>> standing(const std::string& case_number);
    // Errors: refused, there is no such case, or nothing is left of it.
    Result<void> hold(const std::string& case_number, std::uint64_t until_ns,
                      const std::string& reason);
    // What was stored before, unless it is held at `now_ns`. How many texts it was: one of each
    // incident, request for verification and record kept aside.
    Result<std::uint64_t> destroy_before(std::uint64_t before_ns, std::uint64_t now_ns);

  private:
    struct Sealing;
    static const Sealing sealings[];

    struct Sealed {
        std::vector<std::uint8_t> key_id;
        std::vector<std::uint8_t> text;
    };

    Result<std::optional<Sealed>> sealed_of(const std::string& case_number);
    Result<std::uint64_t> forget_sealed(const Sealing& sealing, std::uint64_t before_ns);
    Result<void> checked();

    std::string node_;
    std::string own_;  // the condition for rows of this box
    Database database_;
    CaseKeys keys_;
};

}  // namespace cordon
