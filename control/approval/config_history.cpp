#include "control/approval/config_history.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>

#include "control/approval/person_json.h"
#include "control/feed/crypto.h"
#include "control/index/atomic_file.h"
#include "control/link/link_json.h"

namespace cordon {

namespace {

using nlohmann::json;

constexpr unsigned owner_only = 0600;

json to_json(const ApprovedConfig& e) {
    return {{"number", e.number},
            {"hash", e.hash},
            {"time", e.time_s},
            {"how", e.how},
            {"requester", person_json(e.requester)},
            {"approver", e.approver ? person_json(*e.approver) : json(nullptr)},
            {"reason", e.reason}};
}

ApprovedConfig from_json(const json& value) {
    ApprovedConfig e;
    e.number = value.at("number").get<std::uint64_t>();
    e.hash = value.at("hash").get<std::string>();
    e.time_s = value.at("time").get<std::uint64_t>();
    e.how = value.at("how").get<std::string>();
    e.requester = person_from(value.at("requester"));
    if (!value.at("approver").is_null()) e.approver = person_from(value.at("approver"));
    e.reason = value.at("reason").get<std::string>();
    return e;
}

bool is_hash(const std::string& text) {
    feed::Hash bytes;
    return feed::from_hex(text, bytes);
}

}  // namespace

std::string config_hash(std::string_view text) {
    return feed::to_hex(feed::sha256(as_bytes(text)));
}

ConfigHistory::ConfigHistory(std::string_view state_dir)
    : folder_(std::string(state_dir) + "/config") {}

std::string ConfigHistory::path_of(const std::string& hash) const {
    return folder_ + "/" + hash + ".toml";
}

Result<bool> ConfigHistory::load() {
    const std::string path = folder_ + "/approved.json";
    std::ifstream file(path, std::ios::binary);
    if (!file && !std::filesystem::exists(path)) return false;
    if (!file) return failure(ErrorCode::io, "cannot open " + path, errno);
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    // The edge of the JSON library: what has another type than it should throws there.
    try {
        const json read = json::parse(text);
        std::vector<ApprovedConfig> entries;
        for (const json& one : read.at("entries"))
            entries.push_back(from_json(one));
        const json& until = read.at("confirm");
        std::optional<Confirmation> confirmation;
        if (!until.is_null())
            confirmation = {until.at("until").get<std::uint64_t>(),
                            until.at("return_to").get<std::string>()};
        const bool hashes = std::all_of(entries.begin(), entries.end(),
                                        [](const auto& entry) { return is_hash(entry.hash); });
        if (!entries.empty() && hashes && (!confirmation || is_hash(confirmation->return_to))) {
            entries_ = std::move(entries);
            confirmation_ = std::move(confirmation);
            return true;
        }
    } catch (const json::exception&) {
        // Said below.
    }
    return failure(ErrorCode::integrity, path + " is damaged: it names the approved configuration");
}

const ApprovedConfig* ConfigHistory::find(std::uint64_t number) const {
    const auto found = std::find_if(entries_.begin(), entries_.end(),
                                    [number](const auto& entry) { return entry.number == number; });
    return found == entries_.end() ? nullptr : &*found;
}

Result<std::string> ConfigHistory::keep(std::string_view text) {
    std::error_code error;
    std::filesystem::create_directories(folder_, error);
    if (error) return failure(ErrorCode::io, "cannot make the folder " + folder_, error.value());
    const std::string hash = config_hash(text);
    const Result<void> written = write_file_atomically(path_of(hash), as_bytes(text), owner_only);
    if (!written) return Failure(written.error());
    return hash;
}

Result<std::string> ConfigHistory::text_of(const std::string& hash) const {
    std::ifstream file(path_of(hash), std::ios::binary);
    if (!file) return failure(ErrorCode::io, "cannot open " + path_of(hash), errno);
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    if (config_hash(text) == hash) return text;
    return failure(ErrorCode::integrity, path_of(hash) + " is not what was approved");
}

Result<void> ConfigHistory::approve(ApprovedConfig entry,
                                    std::optional<Confirmation> confirmation) {
    std::vector<ApprovedConfig> entries = entries_;
    entry.number = entries.empty() ? 1 : entries.back().number + 1;
    entries.push_back(std::move(entry));
    if (entries.size() > entries_max) entries.erase(entries.begin());
    return save(entries, confirmation);
}

Result<void> ConfigHistory::confirm() {
    return save(entries_, std::nullopt);
}

Result<void> ConfigHistory::save(const std::vector<ApprovedConfig>& entries,
                                 const std::optional<Confirmation>& confirmation) {
    json list = json::array();
    for (const ApprovedConfig& entry : entries)
        list.push_back(to_json(entry));
    json confirm = nullptr;
    if (confirmation)
        confirm = {{"until", confirmation->until_s}, {"return_to", confirmation->return_to}};
    const std::string text = one_line({{"entries", list}, {"confirm", confirm}}) + "\n";
    const Result<void> written =
        write_file_atomically(folder_ + "/approved.json", as_bytes(text), owner_only);
    if (!written) return written;
    entries_ = entries;
    confirmation_ = confirmation;
    return {};
}

void ConfigHistory::forget_others(const std::vector<std::string>& wanted) const {
    std::error_code error;
    std::vector<std::filesystem::path> old;
    for (const auto& file : std::filesystem::directory_iterator(folder_, error)) {
        const std::string name = file.path().stem();
        const bool listed = std::any_of(entries_.begin(), entries_.end(),
                                        [&](const auto& entry) { return entry.hash == name; });
        const bool kept = listed || std::find(wanted.begin(), wanted.end(), name) != wanted.end();
        if (file.path().extension() == ".toml" && !kept) old.push_back(file.path());
    }
    for (const auto& path : old)
        std::filesystem::remove(path, error);
}

}  // namespace cordon
