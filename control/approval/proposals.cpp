#include "control/approval/proposals.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "control/approval/person_json.h"
#include "control/feed/crypto.h"
#include "control/index/atomic_file.h"
#include "control/link/link_json.h"

namespace cordon {

namespace {

using nlohmann::json;

// 128 bits: nobody makes two proposals with one hash.
constexpr std::size_t hash_digits = 32;

std::string hash_of(const Proposal& p) {
    const std::string all = one_line({{"kind", p.kind}, {"what", p.what}, {"payload", p.payload}});
    return feed::to_hex(feed::sha256(as_bytes(all))).substr(0, hash_digits);
}

json to_json(const Proposal& p) {
    return {{"hash", p.hash},       {"kind", p.kind},     {"what", p.what},
            {"payload", p.payload}, {"reason", p.reason}, {"requester", person_json(p.requester)},
            {"asked", p.asked_s},   {"until", p.until_s}, {"trying", p.trying}};
}

Proposal from_json(const json& value) {
    Proposal p;
    p.hash = value.at("hash").get<std::string>();
    p.kind = value.at("kind").get<std::string>();
    p.what = value.at("what").get<std::string>();
    p.payload = value.at("payload");
    p.reason = value.at("reason").get<std::string>();
    p.requester = person_from(value.at("requester"));
    p.asked_s = value.at("asked").get<std::uint64_t>();
    p.until_s = value.at("until").get<std::uint64_t>();
    p.trying = value.value("trying", false);  // of an older release: without
    return p;
}

}  // namespace

Result<void> may_request(const Person& requester) {
    if (!requester.is_root()) return {};
    return failure(ErrorCode::permission,
                   "this weakens the appliance and needs two persons, and root is none: ask as "
                   "yourself, as a member of the operators' group");
}

Result<void> may_approve(const Person& requester, const Person& approver) {
    if (approver.is_root())
        return failure(ErrorCode::permission,
                       "root is nobody's second person: approve as yourself, as a member of the "
                       "admins' group");
    if (approver.uid == requester.uid)
        return failure(ErrorCode::permission,
                       "who asked cannot approve: it needs another person than " + requester.name);
    return may_request(requester);
}

Result<void> Proposals::load() {
    list_.clear();
    std::ifstream file(path_, std::ios::binary);
    if (!file && !std::filesystem::exists(path_)) return {};
    if (!file) return failure(ErrorCode::io, "cannot open " + path_, errno);
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    // The edge of the JSON library: what has another type than it should throws there.
    try {
        std::vector<Proposal> list;
        for (const json& one : json::parse(text))
            list.push_back(from_json(one));
        const bool whole = std::all_of(list.begin(), list.end(),
                                       [](const Proposal& p) { return p.hash == hash_of(p); });
        if (whole && list.size() <= pending_max) {
            list_ = std::move(list);
            return {};
        }
    } catch (const json::exception&) {
        // Said below.
    }
    return failure(ErrorCode::integrity, path_ + " is damaged; what waited for approval is gone");
}

Result<void> Proposals::may_add(const Proposal& p) const {
    const std::string hash = hash_of(p);
    if (find(hash) != nullptr)
        return failure(ErrorCode::refused,
                       "exactly this waits for a second person already: " + hash);
    const auto own = std::count_if(list_.begin(), list_.end(), [&p](const Proposal& one) {
        return one.requester.uid == p.requester.uid;
    });
    if (static_cast<std::size_t>(own) >= of_one_max)
        return failure(ErrorCode::refused,
                       std::to_string(own) + " things that " + p.requester.name +
                           " asked for wait for a second person already; `cordonctl reject` takes "
                           "one back");
    if (list_.size() >= pending_max)
        return failure(ErrorCode::refused, "too much waits for a second person already");
    return {};
}

Result<void> Proposals::add(Proposal* p) {
    if (const Result<void> may = may_add(*p); !may) return may;
    p->hash = hash_of(*p);
    p->until_s = p->asked_s + Proposal::valid_s;
    std::vector<Proposal> list = list_;
    list.push_back(*p);
    return save(list);
}

const Proposal* Proposals::find(const std::string& hash) const {
    const auto found = std::find_if(list_.begin(), list_.end(),
                                    [&hash](const Proposal& p) { return p.hash == hash; });
    return found == list_.end() ? nullptr : &*found;
}

Result<void> Proposals::remove(const std::string& hash) {
    std::vector<Proposal> list = list_;
    std::erase_if(list, [&hash](const Proposal& p) { return p.hash == hash; });
    return save(list);
}

Result<void> Proposals::tried(const std::string& hash) {
    std::vector<Proposal> list = list_;
    for (Proposal& one : list)
        if (one.hash == hash) one.trying = false;
    return save(list);
}

std::vector<Proposal> Proposals::ended(std::uint64_t now_s) const {
    std::vector<Proposal> over;
    std::copy_if(list_.begin(), list_.end(), std::back_inserter(over),
                 [now_s](const Proposal& p) { return p.until_s <= now_s; });
    return over;
}

Result<void> Proposals::save(const std::vector<Proposal>& list) {
    json all = json::array();
    for (const Proposal& one : list)
        all.push_back(to_json(one));
    constexpr unsigned owner_only = 0600;
    const Result<void> written =
        write_file_atomically(path_, as_bytes(one_line(all) + "\n"), owner_only);
    if (written) list_ = list;
    return written;
}

json proposal_json(const Proposal& p) {
    return {{"hash", p.hash},
            {"kind", p.kind},
            {"what", p.what},
            {"requester", person_json(p.requester)},
            {"reason", p.reason},
            {"asked", utc_time(p.asked_s)},
            {"until", utc_time(p.until_s)},
            {"trying", p.trying}};
}

}  // namespace cordon
