#include "control/config/verifier_config.h"

#include <algorithm>

#include "control/config/text_rules.h"

namespace cordon {

namespace {

// http://HOST[:PORT] or https://…: what stands behind it is the object's.
bool is_endpoint(std::string_view text) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (!text.starts_with(scheme)) continue;
        text.remove_prefix(scheme.size());
        return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
            const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
            return letter || (c >= '0' && c <= '9') ||
                   std::string_view(".-:[]").find(c) != std::string_view::npos;
        });
    }
    return false;
}

bool is_region(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
    });
}

constexpr TextRule endpoint_rule = {
    is_endpoint, "the address of the storage, like \"http://192.0.2.10:9000\", without a path"};
// A DELETE of ours names an object below it, so it must name a bucket or a folder.
bool is_folder(std::string_view text) {
    return text.size() > 1 && text.front() == '/' && text.back() != '/' &&
           text.find("//") == std::string_view::npos && text.find("/.") == std::string_view::npos &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                      std::string_view("/-._~").find(c) != std::string_view::npos;
           });
}

constexpr TextRule folder_rule = {
    is_folder, "a path like \"/bucket/selftest\", of letters, digits and - . _ ~"};
constexpr TextRule region_rule = {is_region, "a region in small letters, like \"us-east-1\""};

}  // namespace

const VerifiedService* VerifierOptions::find(std::string_view service) const {
    for (const VerifiedService& one : services)
        if (one.name == service) return &one;
    return nullptr;
}

const TestedService* VerifierOptions::find_tested(std::string_view service) const {
    for (const TestedService& one : tested)
        if (one.name == service) return &one;
    return nullptr;
}

std::set<std::string_view> VerifierOptions::endpoints() const {
    std::set<std::string_view> all;
    for (const VerifiedService& one : services)
        all.insert(one.endpoint);
    return all;
}

std::uint32_t VerifierOptions::jobs_at_once() const {
    return std::max(jobs, static_cast<std::uint32_t>(endpoints().size()));
}

std::uint32_t VerifierOptions::hands() const {
    return std::min(jobs_at_once() + (tested.empty() ? 0 : 1), verify_jobs_max);
}

std::vector<std::string> VerifierOptions::held_back(std::span<const std::string> busy) const {
    std::set<std::string_view> idle = endpoints();
    for (const std::string& name : busy)
        if (const VerifiedService* service = find(name)) idle.erase(service->endpoint);
    std::vector<std::string> held;
    if (busy.size() + idle.size() < jobs_at_once()) return held;
    for (const VerifiedService& one : services)
        if (!idle.contains(one.endpoint)) held.push_back(one.name);
    return held;
}

void read_verifier(TomlSection section, VerifierOptions* o) {
    constexpr std::size_t socket_path_max = 107;  // of the kernel, without its NUL
    section.text("socket", &o->socket_path, socket_path_max, path_rule);
    section.text("user", &o->user, 31, service_name_rule);
    section.number("retry_seconds", &o->retry_seconds, 1, 3600);
    section.number("appear_seconds", &o->appear_seconds, 1, 86400);
    section.number("confirm_seconds", &o->confirm_seconds, 1, 86400);
    section.number("give_up_hours", &o->give_up_hours, 1, 24 * 365);
    section.number("request_seconds_max", &o->request_seconds_max, 1, 86400);
    section.number("jobs", &o->jobs, 1, verify_jobs_max);
    section.number("object_bytes_max", &o->object_bytes_max, 1, 1ull << 50);
    section.finish();
}

namespace {

// What both say of a storage; `key` is the name of the section.
bool read_access(TomlSection* service, const std::string& key, TomlSection* section,
                 StorageAccess* out) {
    section->choice("api", &out->api);
    const bool has_endpoint =
        section->text("endpoint", &out->endpoint, sizeof(VerifyJob::endpoint) - 1, endpoint_rule);
    section->text("region", &out->region, sizeof(VerifyJob::region) - 1, region_rule);
    const bool has_credentials = section->text("credentials", &out->credentials,
                                               sizeof(VerifyJob::credentials) - 1, path_rule);
    section->boolean("path_style", &out->path_style);
    const bool has_ca =
        section->text("ca_file", &out->ca_file, sizeof(VerifyJob::ca_file) - 1, path_rule);
    if (!service->has(key)) return false;
    // Asked of the file, not of the value: a wrong value has been reported already.
    if (!section->has("api")) service->refuse(key, "lacks api = \"s3\" or \"webdav\"");
    if (!section->has("endpoint")) service->refuse(key, "lacks the endpoint of the storage");
    if (!section->has("credentials"))
        service->refuse(key, "lacks credentials, the path of a file with mode 0600");
    if (has_ca && has_endpoint && !out->endpoint.starts_with("https://"))
        service->refuse(key, "has a ca_file, but its endpoint is not https://");
    return has_endpoint && has_credentials;
}

}  // namespace

bool read_verified_service(TomlSection* service, const std::string& name, VerifiedService* out) {
    TomlSection section = service->section("verify");
    out->name = name;
    const bool usable = read_access(service, "verify", &section, out);
    const bool has_swift =
        section.text("swift", &out->swift, sizeof(VerifyJob::swift) - 1, path_rule);
    section.finish();
    if (has_swift && (out->api != StorageApi::s3 || !out->path_style))
        service->refuse("verify", "has swift, which needs api = \"s3\" and path_style = true");
    return usable;
}

bool read_tested_service(TomlSection* service, const std::string& name, bool lab,
                         TestedService* out) {
    // Each is an upload that is recorded; more often tells no more.
    const std::uint64_t canary_seconds_min = lab ? 1 : 60;
    TomlSection section = service->section("selftest");
    out->name = name;
    const bool usable = read_access(service, "selftest", &section, out);
    const bool has_folder =
        section.text("folder", &out->folder, sizeof(VerifyProbe::folder) - 1, folder_rule);
    section.number("canary_seconds", &out->canary_seconds, canary_seconds_min, 86400);
    section.boolean("trips_watchdog", &out->trips_watchdog);
    section.finish();
    if (!service->has("selftest")) return false;
    if (!section.has("folder"))
        service->refuse("selftest", "lacks folder, where the objects of a test may be put");
    if (out->trips_watchdog && out->canary_seconds == 0)
        service->refuse("selftest", "has trips_watchdog, which needs canary_seconds");
    return usable && has_folder;
}

}  // namespace cordon
