#include "control/daemon/mode_overrides.h"

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <memory>
#include <nlohmann/json.hpp>

#include "control/config/names.h"
#include "control/index/atomic_file.h"
#include "control/link/link_json.h"

namespace cordon {

namespace {

using nlohmann::json;

json to_json(const ModeOverride& o) {
    return {{"service", o.service},
            {"mode", name_of(o.mode)},
            {"until", o.until_s},
            {"reason", o.reason},
            {"uid", o.uid},
            {"since", o.since_s},
            {"requester", o.requester},
            {"approver", o.approver},
            {"break_glass", o.break_glass}};
}

// The edge of the JSON library: what has another type than it should throws there.
bool from_json(const json& value, ModeOverride* o) {
    try {
        o->service = value.at("service").get<std::string>();
        o->until_s = value.at("until").get<std::uint64_t>();
        o->reason = value.at("reason").get<std::string>();
        o->uid = value.at("uid").get<std::uint32_t>();
        o->since_s = value.at("since").get<std::uint64_t>();
        o->requester = value.value("requester", "");
        o->approver = value.value("approver", "");
        o->break_glass = value.value("break_glass", false);
        if (!from_name(value.at("mode").get<std::string>(), &o->mode)) return false;
        return o->mode != ServiceMode::bypass || o->until_s != 0;
    } catch (const json::exception&) {
        return false;
    }
}

}  // namespace

Result<void> ModeOverrides::load() {
    list_.clear();
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path_.c_str(), "re"),
                                                               std::fclose);
    if (file == nullptr && errno == ENOENT) return {};
    if (file == nullptr) return failure(ErrorCode::io, "cannot open " + path_, errno);
    constexpr std::size_t bytes_max = 1u << 20;
    std::string text(bytes_max, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));

    const json parsed = json::parse(text, nullptr, false);
    bool good = parsed.is_array() && parsed.size() <= services_max;
    for (std::size_t i = 0; good && i < parsed.size(); ++i) {
        ModeOverride override;
        good = from_json(parsed[i], &override);
        if (good) list_.push_back(override);
    }
    if (good) return {};
    list_.clear();
    return failure(ErrorCode::integrity, path_ +
                                             " is damaged; modes are those of the "
                                             "configuration");
}

Result<void> ModeOverrides::save() const {
    json list = json::array();
    for (const ModeOverride& override : list_)
        list.push_back(to_json(override));
    constexpr unsigned owner_only = 0600;
    return write_file_atomically(path_, as_bytes(one_line(list) + "\n"), owner_only);
}

const ModeOverride* ModeOverrides::find(std::string_view service) const {
    const auto found = std::find_if(list_.begin(), list_.end(), [service](const auto& override) {
        return override.service == service;
    });
    return found == list_.end() ? nullptr : &*found;
}

void ModeOverrides::set(const ModeOverride& override) {
    remove(override.service);
    list_.push_back(override);
}

void ModeOverrides::remove(std::string_view service) {
    std::erase_if(list_, [service](const auto& override) { return override.service == service; });
}

std::vector<ModeOverride> ModeOverrides::take_ended(std::uint64_t now_s) {
    std::vector<ModeOverride> ended;
    const auto is_over = [now_s](const ModeOverride& o) {
        return o.mode == ServiceMode::bypass && o.until_s <= now_s;
    };
    std::copy_if(list_.begin(), list_.end(), std::back_inserter(ended), is_over);
    std::erase_if(list_, is_over);
    return ended;
}

void ModeOverrides::apply(Options* options) const {
    for (std::uint32_t i = 0; i < options->service_count; ++i) {
        ServiceOptions& service = options->services[i];
        const ModeOverride* override = find(service.name);
        if (override == nullptr) continue;
        service.mode = override->mode;
        service.bypass_until_s = override->mode == ServiceMode::bypass ? override->until_s : 0;
    }
}

}  // namespace cordon
