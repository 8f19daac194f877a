// [verifier], and of a service `verify`: what is judged on the storage, with which rights; and
// `selftest`: by which way the vector of a self-test goes there.
//
// Owns:       nothing.
// Invariants: a service verifies, or is tested, only when all of those keys are right; without one
//             nothing of this is switched on.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "control/config/toml_section.h"
#include "dataplane/contract/verify_link.h"

namespace cordon {

struct StorageAccess {
    std::string name;  // of the service
    StorageApi api = StorageApi::s3;
    std::string endpoint;
    std::string region = "us-east-1";
    std::string credentials;
    std::string ca_file;  // empty: what the system trusts
    bool path_style = true;
};

struct VerifiedService : StorageAccess {
    std::string swift;  // of S3: the path of an account in the storage's Swift API
};

// Its endpoint is the one that clients use: what is sent there passes the appliance.
struct TestedService : StorageAccess {
    std::string folder;                // where objects may be put: "/bucket/folder"
    std::uint32_t canary_seconds = 0;  // 0: only when somebody asks
    bool trips_watchdog = false;
};

struct VerifierOptions {
    std::string socket_path = "/run/cordon-verifier/control.sock";
    std::string user = "cordon-verifier";
    std::uint32_t retry_seconds = 5;     // after the first try that failed; doubled each time
    std::uint32_t appear_seconds = 60;   // an object that is not there yet may still come
    std::uint32_t confirm_seconds = 30;  // a block is looked after that was not confirmed in it
    std::uint32_t give_up_hours = 72;
    std::uint32_t request_seconds_max = 3600;
    std::uint32_t jobs = 4;  // at once
    std::uint64_t object_bytes_max = 64ull << 30;
    std::vector<VerifiedService> services;
    std::vector<TestedService> tested;

    bool verifies() const { return !services.empty(); }
    bool enabled() const { return verifies() || !tested.empty(); }
    const VerifiedService* find(std::string_view service) const;
    const TestedService* find_tested(std::string_view service) const;
    // Names of services whose storage has to leave the jobs that are free to others, so that a slow
    // one never has them all. `busy` are the services of the jobs under way.
    std::vector<std::string> held_back(std::span<const std::string> busy) const;
    // One for each storage at least.
    std::uint32_t jobs_at_once() const;
    // And one for self-tests, which do not wait for those.
    std::uint32_t hands() const;

  private:
    std::set<std::string_view> endpoints() const;
};

void read_verifier(TomlSection section, VerifierOptions* options);

// False: the service has no such key, or something is wrong with it.
bool read_verified_service(TomlSection* service, const std::string& name, VerifiedService* out);

// The same of `selftest`. In a lab its canary may be impatient.
bool read_tested_service(TomlSection* service, const std::string& name, bool lab,
                         TestedService* out);

}  // namespace cordon
