// [verifier], and `verify` of a service: what is judged on the storage, with which rights.
//
// Owns:       nothing.
// Invariants: a service verifies only when all of its keys are right; without one nothing of this
//             is switched on.
#pragma once

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "control/config/toml_section.h"
#include "dataplane/contract/verify_link.h"

namespace cordon {

struct VerifiedService {
    std::string name;
    StorageApi api = StorageApi::s3;
    std::string endpoint;
    std::string region = "us-east-1";
    std::string credentials;
    std::string ca_file;  // empty: what the system trusts
    bool path_style = true;
    std::string swift;  // of S3: the path of an account in the storage's Swift API
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

    bool enabled() const { return !services.empty(); }
    const VerifiedService* find(std::string_view service) const;
    // Names of services whose storage has to leave the jobs that are free to others, so that a slow
    // one never has them all. `busy` are the services of the jobs under way.
    std::vector<std::string> held_back(std::span<const std::string> busy) const;
    // One for each storage at least.
    std::uint32_t jobs_at_once() const;

  private:
    std::set<std::string_view> endpoints() const;
};

void read_verifier(TomlSection section, VerifierOptions* options);

// False: the service has no such key, or something is wrong with it.
bool read_verified_service(TomlSection* service, const std::string& name, VerifiedService* out);

}  // namespace cordon
