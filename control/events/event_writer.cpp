#include "control/events/event_writer.h"

#include <algorithm>
#include <fstream>
#include <iterator>

#include "control/config/names.h"
#include "control/daemon/log.h"
#include "control/index/atomic_file.h"
#include "control/link/link_json.h"

namespace cordon {

namespace {

using nlohmann::json;

std::string id_of(std::string_view kind, std::uint64_t number) {
    return std::string(kind) + "-" + std::to_string(number);
}

std::uint64_t size_of(const json& list) {
    return list.is_array() ? list.size() : 0;
}

}  // namespace

Result<StoreNews> read_news(Store& store, const std::optional<StorePosition>& position) {
    constexpr std::uint32_t most = EventWriter::batch_max;
    if (!position)
        return store.newest().map([](const StorePosition& newest) {
            return StoreNews{newest, {}, {}, {}};
        });
    auto incidents = store.incidents_after({}, most, position->incident);
    if (!incidents) return Failure(incidents.error());
    auto gaps = store.gaps_after(most, position->gap);
    if (!gaps) return Failure(gaps.error());
    auto changes = store.mode_changes_after(most, position->mode_change);
    if (!changes) return Failure(changes.error());
    return StoreNews{*position, std::move(*incidents), std::move(*gaps), std::move(*changes)};
}

EventWriter::EventWriter(std::string path, std::string host, std::string position_path)
    : file_(std::move(path)), host_(std::move(host)), position_path_(std::move(position_path)) {
    load();
}

std::optional<StorePosition> EventWriter::position() const {
    return begun_ ? std::optional(position_.store) : std::nullopt;
}

void EventWriter::turn(const Result<StoreNews>& news, const std::optional<LinkStatus>& dataplane,
                       const json& feeds, std::uint64_t now_s, std::span<const AuditMark> audit,
                       const json& selftests) {
    now_ = utc_time(now_s);
    if (!news) {
        fail(news.error());
        of_store_ = true;
    }
    if (news && !begun_) begin(news->behind);
    if (!begun_) return;
    Position next = position_;
    std::string text;
    if (news) collect_store(*news, &next, &text);
    collect_dataplane(dataplane, &next, &text);
    for (const json& feed : feeds)
        collect_feed(feed, &next, &text);
    collect_audit(audit, &next, &text);
    for (const json& selftest : selftests)
        collect_selftest(selftest, &next, &text);
    if (!text.empty()) {
        if (const Result<void> done = file_.append(text); !done) return fail(done.error());
        written_ += static_cast<std::uint64_t>(std::count(text.begin(), text.end(), '\n'));
    }
    if (news && (!text.empty() || of_store_)) {
        if (!error_.empty()) log_line(LogLevel::notice, "event log: is written again");
        error_.clear();
        of_store_ = false;
    }
    if (next == position_) return;
    position_ = std::move(next);
    if (const Result<void> saved = save(position_); !saved) fail(saved.error());
}

json EventWriter::status() const {
    return {{"written", written_},
            {"errors", errors_},
            {"error", error_.empty() ? json(nullptr) : json(error_)}};
}

void EventWriter::fail(const Error& error) {
    ++errors_;
    if (error_ != error.message()) log_line(LogLevel::error, "event log: " + error.message());
    error_ = error.message();
}

// --- what is new ---------------------------------------------------------------------------------

void EventWriter::collect_store(const StoreNews& news, Position* next, std::string* text) {
    for (const Incident& one : news.incidents) {
        *text += line_of(one);
        next->store.incident = one.id;
    }
    for (const Gap& one : news.gaps) {
        *text += line_of(one);
        next->store.gap = one.id;
    }
    for (const ModeChange& one : news.changes) {
        *text += line_of(one);
        next->store.mode_change = one.id;
    }
}

void EventWriter::collect_dataplane(const std::optional<LinkStatus>& dataplane, Position* next,
                                    std::string* text) {
    const bool answers = dataplane.has_value();
    if (next->dataplane && *next->dataplane != answers) {
        *text += line(now_, "health", "dataplane-" + now_)
                     .set(EventField::action_, "dataplane")
                     .set(EventField::from_, answers ? "down" : "up")
                     .set(EventField::to_, answers ? "up" : "down")
                     .text();
    }
    next->dataplane = answers;
    if (!answers || dataplane->generation == next->index) return;
    *text += line(now_, "health", id_of("index", dataplane->generation))
                 .set(EventField::action_, "index")
                 .set(EventField::generation_, dataplane->generation)
                 .set(EventField::records_, dataplane->indicators)
                 .text();
    next->index = dataplane->generation;
}

// A feed that was not polled yet has not told what it holds.
void EventWriter::collect_feed(const json& feed, Position* next, std::string* text) {
    if (!feed.at("polled").is_string()) return;
    const auto name = feed.at("name").get<std::string>();
    const json& in_force = feed.at("in_force");
    const json& hold = feed.at("hold");
    Feed now;
    if (in_force.is_object()) now.generation = in_force.at("generation").get<std::uint64_t>();
    now.suspensions = size_of(feed.at("suspensions"));
    now.alarms = size_of(feed.at("alarms"));
    now.hold = hold.is_object() ? hold.at("kind").get<std::string>() : "none";
    const auto found = next->feeds.find(name);
    const Feed before = found == next->feeds.end() ? Feed{0, 0, 0, "none"} : found->second;
    if (now.generation != before.generation && in_force.is_object())
        *text += line_of_feed(name, now.generation > before.generation ? "taken" : "fell_back",
                              now.generation)
                     .set(EventField::generation_, now.generation)
                     .set(EventField::records_, in_force.at("records").get<std::uint64_t>())
                     .text();
    if (now.suspensions != before.suspensions)
        *text += line_of_feed(name, "suspensions", now.suspensions)
                     .set(EventField::count_, now.suspensions)
                     .text();
    if (now.alarms != before.alarms)
        *text +=
            line_of_feed(name, "alarms", now.alarms).set(EventField::count_, now.alarms).text();
    if (now.hold != before.hold)
        *text += line_of_feed(name, "hold", 0)
                     .set(EventField::from_, before.hold)
                     .set(EventField::to_, now.hold)
                     .text();
    next->feeds[name] = std::move(now);
}

// What was on record before the log was switched on is not told.
void EventWriter::collect_audit(std::span<const AuditMark> audit, Position* next,
                                std::string* text) const {
    if (audit.empty()) return;
    if (!next->audit) next->audit = audit.back().sequence;
    for (const AuditMark& mark : audit) {
        if (mark.sequence <= *next->audit) continue;
        *text += line(mark.time, "audit", id_of("audit", mark.sequence))
                     .set(EventField::action_, mark.action)
                     .set(EventField::audit_record_, mark.sequence)
                     .set(EventField::audit_head_, mark.hash)
                     .text();
        next->audit = mark.sequence;
    }
}

// When another test shows what the one before did not. That all is well to begin with is no news.
void EventWriter::collect_selftest(const json& selftest, Position* next, std::string* text) const {
    if (!selftest.at("result").is_string()) return;
    const auto service = selftest.at("service").get<std::string>();
    const auto result = selftest.at("result").get<std::string>();
    std::string& told = next->selftests.try_emplace(service, "ok").first->second;
    if (told == result) return;
    *text += line(now_, "health", "selftest-" + service + "-" + now_)
                 .set(EventField::action_, "selftest")
                 .set(EventField::service_, service)
                 .set(EventField::from_, told)
                 .set(EventField::to_, result)
                 .text();
    told = result;
}

// --- lines ---------------------------------------------------------------------------------------

EventLine EventWriter::line(std::string_view time, std::string_view type,
                            std::string_view id) const {
    return {time, type, id, host_};
}

std::string EventWriter::line_of(const Incident& i) const {
    json lists = json::array();
    for (const IncidentMatch& match : i.matches)
        lists.push_back(match.section);
    return line(i.time, "incident", id_of("incident", i.id))
        .set(EventField::service_, i.service)
        .set(EventField::case_, i.case_number)
        .set(EventField::action_, action_name(i.action))
        .set(EventField::form_, form_name(i.form))
        .set(EventField::content_type_, content_type_name(i.content_type))
        .set(EventField::size_, i.size)
        .set(EventField::complete_, i.complete)
        .set(EventField::after_write_, i.verified_after_write)
        .set(EventField::lists_, lists)
        .set(EventField::legal_basis_, i.legal_basis)
        .set(EventField::policy_generation_, i.policy_generation)
        .set(EventField::lab_, i.lab)
        .set(EventField::test_, i.test)
        .text();
}

std::string EventWriter::line_of(const Gap& gap) const {
    return line(gap.from, "coverage", id_of("gap", gap.id))
        .set(EventField::service_, gap.service)
        .set(EventField::reason_, gap_reason_name(gap.reason))
        .set(EventField::until_, gap.to)
        .set(EventField::bytes_, gap.bytes)
        .set(EventField::packets_, gap.packets)
        .text();
}

std::string EventWriter::line_of(const ModeChange& change) const {
    return line(change.time, "mode", id_of("mode", change.id))
        .set(EventField::service_, change.service)
        .set(EventField::from_, name_of(static_cast<ServiceMode>(change.from)))
        .set(EventField::to_, name_of(static_cast<ServiceMode>(change.to)))
        .text();
}

EventLine EventWriter::line_of_feed(const std::string& feed, std::string_view action,
                                    std::uint64_t number) const {
    EventLine result = line(now_, "feed", id_of(feed + "-" + std::string(action), number));
    result.set(EventField::feed_, feed).set(EventField::action_, action);
    return result;
}

// --- the position --------------------------------------------------------------------------------

bool EventWriter::Position::operator==(const Position& other) const {
    return store.incident == other.store.incident && store.gap == other.store.gap &&
           store.mode_change == other.store.mode_change && dataplane == other.dataplane &&
           index == other.index && feeds == other.feeds && audit == other.audit &&
           selftests == other.selftests;
}

Result<void> EventWriter::save(const Position& p) const {
    json feeds = json::object();
    for (const auto& [name, feed] : p.feeds) {
        feeds[name] = {{"generation", feed.generation},
                       {"suspensions", feed.suspensions},
                       {"alarms", feed.alarms},
                       {"hold", feed.hold}};
    }
    const std::string text =
        one_line({{"incident", p.store.incident},
                  {"gap", p.store.gap},
                  {"mode_change", p.store.mode_change},
                  {"dataplane", p.dataplane ? json(*p.dataplane) : json(nullptr)},
                  {"index", p.index},
                  {"feeds", feeds},
                  {"selftests", p.selftests},
                  {"audit", p.audit ? json(*p.audit) : json(nullptr)}}) +
        "\n";
    return write_file_atomically(position_path_, as_bytes(text), 0640);
}

void EventWriter::load() {
    std::ifstream file(position_path_);
    if (!file) return;
    const std::string text((std::istreambuf_iterator<char>(file)),
                           std::istreambuf_iterator<char>());
    // The edge of the JSON library: what has another type than it should throws there.
    try {
        const json read = json::parse(text);
        Position p;
        p.store.incident = read.at("incident").get<std::uint64_t>();
        p.store.gap = read.at("gap").get<std::uint64_t>();
        p.store.mode_change = read.at("mode_change").get<std::uint64_t>();
        if (read.at("dataplane").is_boolean()) p.dataplane = read.at("dataplane").get<bool>();
        p.index = read.at("index").get<std::uint64_t>();
        for (const auto& [name, feed] : read.at("feeds").items()) {
            p.feeds[name] = {feed.at("generation").get<std::uint64_t>(),
                             feed.at("suspensions").get<std::uint64_t>(),
                             feed.at("alarms").get<std::uint64_t>(),
                             feed.at("hold").get<std::string>()};
        }
        if (const json audit = read.value("audit", json(nullptr)); audit.is_number_unsigned())
            p.audit = audit.get<std::uint64_t>();
        if (read.contains("selftests"))
            p.selftests = read.at("selftests").get<std::map<std::string, std::string>>();
        position_ = std::move(p);
        begun_ = true;
    } catch (const json::exception&) {
        log_line(LogLevel::warning,
                 "event log: " + position_path_ + " is damaged; it goes on from now");
    }
}

// What is there already was never to be told.
void EventWriter::begin(const StorePosition& behind) {
    position_.store = behind;
    const Result<void> saved = save(position_);
    if (!saved) return fail(saved.error());
    begun_ = true;
}

}  // namespace cordon
