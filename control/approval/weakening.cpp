#include "control/approval/weakening.h"

#include <algorithm>
#include <cstring>

#include "control/config/address.h"
#include "control/config/names.h"

namespace cordon {

namespace {

using nlohmann::json;

// The direction in which a key weakens.
enum class Weight : std::uint8_t {
    none,    // never
    any,     // any change does
    higher,  // a higher rank does
    lower,   // a lower one
    set,     // to name it first strengthens, any other change weakens
};

// What a key says: its text, and where it stands among what it could say.
struct Value {
    std::int64_t rank;
    std::string text;
};

template <typename T>
struct Row {
    const char* key;
    Weight weight;
    Value (*of)(const T& settings);
};

template <typename Number>
Value number(Number n) {
    return {static_cast<std::int64_t>(n), std::to_string(n)};
}
Value flag(bool on) {
    return {on ? 1 : 0, on ? "true" : "false"};
}
Value text(std::string_view words) {
    return {words.empty() ? 0 : 1, words.empty() ? "none" : std::string(words)};
}
template <typename Enum>
Value choice(Enum value, std::int64_t rank) {
    return {rank, std::string(name_of(value))};
}
template <typename Enum>
Value choice(Enum value) {
    return choice(value, static_cast<std::int64_t>(value));
}
Value list(const std::vector<std::string>& words) {
    std::string all;
    for (const std::string& word : words)
        all += (all.empty() ? "" : ", ") + word;
    return text(all);
}

// Both `reset` and `refuse` let nothing pass.
Value uninspected(UninspectedAction action) {
    return choice(action, action == UninspectedAction::pass ? 0 : 1);
}
std::int64_t rank_of(ServiceMode mode) {
    return mode == ServiceMode::enforce ? 2 : mode == ServiceMode::observe ? 1 : 0;
}
Value midstream(MidstreamAction action) {
    return choice(action, action == MidstreamAction::pass     ? 0
                          : action == MidstreamAction::retire ? 1
                                                              : 2);
}
// Rarer is weaker, and never the weakest.
Value canary(const TestedService& t) {
    if (t.canary_seconds == 0) return {INT64_MAX, "never"};
    return number(t.canary_seconds);
}
Value hops(const ServiceOptions& s) {
    std::vector<std::string> all;
    for (std::size_t i = 0; i < s.trusted_hop_count; ++i)
        all.push_back(format_prefix(s.trusted_hops[i]));
    return list(all);
}

using O = Options;
using S = ServiceOptions;

// clang-format off
constexpr Row<Config> rows[] = {
    {"lab", Weight::higher, [](const Config& c) { return flag(c.options.lab != 0); }},
    {"node.prefix", Weight::none, [](const Config& c) { return text(c.options.node_prefix); }},
    {"node.operator", Weight::none, [](const Config& c) { return text(c.options.operator_name); }},
    {"node.profile", Weight::any, [](const Config& c) { return choice(c.options.profile); }},
    {"answer.text", Weight::none, [](const Config& c) { return choice(c.options.answer_text); }},
    {"answer.complaint_url", Weight::none, [](const Config& c) { return text(c.options.complaint_url); }},
    {"answer.contact", Weight::none, [](const Config& c) { return text(c.options.contact); }},
    {"answer.legal_basis", Weight::none, [](const Config& c) { return text(c.options.legal_basis); }},
    // Another port may be one that no upload passes.
    {"ports.kind", Weight::any, [](const Config& c) { return choice(c.options.port_kind); }},
    {"ports.client", Weight::any, [](const Config& c) { return text(c.options.client_port); }},
    {"ports.storage", Weight::any, [](const Config& c) { return text(c.options.storage_port); }},
    {"ports.polling", Weight::none, [](const Config& c) { return choice(c.options.polling); }},
    {"ports.link_propagation", Weight::none, [](const Config& c) { return flag(c.options.link_propagation != 0); }},
    // What is in force, and what is on record, would be another one.
    {"paths.state_dir", Weight::any, [](const Config& c) { return text(c.options.state_dir); }},
    {"paths.run_dir", Weight::any, [](const Config& c) { return text(c.options.run_dir); }},
    {"paths.bpf_dir", Weight::any, [](const Config& c) { return text(c.options.bpf_dir); }},
    {"paths.steer_object", Weight::any, [](const Config& c) { return text(c.options.steer_object); }},
    {"paths.index", Weight::any, [](const Config& c) { return text(c.options.index_path); }},
    {"paths.store", Weight::any, [](const Config& c) { return text(c.control.store_path); }},
    // Less room is less that can be inspected at once.
    {"limits.workers", Weight::lower, [](const Config& c) { return number(c.options.workers); }},
    {"limits.flows_max", Weight::lower, [](const Config& c) { return number(c.options.flows_max); }},
    {"limits.messages_max", Weight::lower, [](const Config& c) { return number(c.options.messages_max); }},
    {"limits.kept_bytes_flow_max", Weight::lower, [](const Config& c) { return number(c.options.kept_bytes_flow_max); }},
    {"limits.kept_bytes_worker_max", Weight::lower, [](const Config& c) { return number(c.options.kept_bytes_worker_max); }},
    {"limits.tail_release_us", Weight::none, [](const Config& c) { return number(c.options.tail_release_us); }},
    {"limits.journal_ms_max", Weight::lower, [](const Config& c) { return number(c.options.journal_ms_max); }},
    {"limits.drain_bytes_max", Weight::none, [](const Config& c) { return number(c.options.drain_bytes_max); }},
    // A dataplane that hangs is bridged past only then.
    {"limits.heartbeat_ms_max", Weight::any, [](const Config& c) { return number(c.options.heartbeat_ms_max); }},
    {"limits.absorb_seconds", Weight::lower, [](const Config& c) { return number(c.options.absorb_seconds); }},
    {"limits.mbufs_per_port", Weight::lower, [](const Config& c) { return number(c.options.mbufs_per_port); }},
    {"limits.spool_bytes_max", Weight::lower, [](const Config& c) { return number(c.options.spool_bytes_max); }},
    {"limits.index_pages", Weight::none, [](const Config& c) { return choice(c.options.index_pages); }},
    {"limits.assemblies_max", Weight::lower, [](const Config& c) { return number(c.options.assemblies_max); }},
    {"limits.assembly_seconds", Weight::lower, [](const Config& c) { return number(c.options.assembly_seconds); }},
    {"control.link_timeout_ms", Weight::none, [](const Config& c) { return number(c.control.link_timeout_ms); }},
    {"control.journal_poll_ms", Weight::none, [](const Config& c) { return number(c.control.journal_poll_ms); }},
    {"control.clients_max", Weight::none, [](const Config& c) { return number(c.control.clients_max); }},
    {"control.store", Weight::any, [](const Config& c) { return text(c.control.store_server); }},
    // To keep what is known of persons for longer weakens their protection.
    {"control.retention_days", Weight::higher, [](const Config& c) { return number(c.control.retention_days); }},
    {"operators.approvers", Weight::lower, [](const Config& c) { return number(c.operators.approvers); }},
    {"operators.viewer_group", Weight::any, [](const Config& c) { return text(c.operators.viewer_group); }},
    {"operators.operator_group", Weight::any, [](const Config& c) { return text(c.operators.operator_group); }},
    {"operators.admin_group", Weight::any, [](const Config& c) { return text(c.operators.admin_group); }},
    // Alarms: who watches reads on at the old place.
    {"log.events", Weight::set, [](const Config& c) { return text(c.log.events); }},
    {"metrics.listen", Weight::set, [](const Config& c) { return text(c.metrics.listen); }},
    {"verifier.socket", Weight::any, [](const Config& c) { return text(c.verifier.socket_path); }},
    {"verifier.user", Weight::any, [](const Config& c) { return text(c.verifier.user); }},
    {"verifier.retry_seconds", Weight::higher, [](const Config& c) { return number(c.verifier.retry_seconds); }},
    {"verifier.appear_seconds", Weight::lower, [](const Config& c) { return number(c.verifier.appear_seconds); }},
    {"verifier.confirm_seconds", Weight::higher, [](const Config& c) { return number(c.verifier.confirm_seconds); }},
    {"verifier.give_up_hours", Weight::lower, [](const Config& c) { return number(c.verifier.give_up_hours); }},
    {"verifier.request_seconds_max", Weight::lower, [](const Config& c) { return number(c.verifier.request_seconds_max); }},
    {"verifier.jobs", Weight::lower, [](const Config& c) { return number(c.verifier.jobs); }},
    {"verifier.object_bytes_max", Weight::lower, [](const Config& c) { return number(c.verifier.object_bytes_max); }},
    {"feeds.node", Weight::any, [](const Config& c) { return text(c.feeds.node); }},
    // One weakens what blocks, the other what notices a bad list.
    {"feeds.newcomers", Weight::any, [](const Config& c) { return text(c.feeds.doubt_reports ? "report" : "alarm"); }},
    {"feeds.system_files", Weight::any, [](const Config& c) { return text(c.feeds.system_files); }},
};

// `name` tells one service or feed from another; what is added or removed is told as a whole.
constexpr Row<S> service_rows[] = {
    {"service.port", Weight::any, [](const S& s) { return number(s.port); }},
    {"service.vlan", Weight::any, [](const S& s) { return s.vlan < 0 ? text("any") : number(s.vlan); }},
    {"service.mode", Weight::lower, [](const S& s) { return choice(s.mode, rank_of(s.mode)); }},
    {"service.fail", Weight::lower, [](const S& s) { return choice(s.fail); }},
    {"service.on_tls", Weight::lower, [](const S& s) { return uninspected(s.on_tls); }},
    {"service.on_unparsable", Weight::lower, [](const S& s) { return uninspected(s.on_unparsable); }},
    {"service.on_midstream", Weight::lower, [](const S& s) { return midstream(s.on_midstream); }},
    {"service.on_limit", Weight::lower, [](const S& s) { return uninspected(s.on_limit); }},
    {"service.allow_upgrade", Weight::higher, [](const S& s) { return flag(s.allow_upgrade != 0); }},
    {"service.weak_blocks", Weight::lower, [](const S& s) { return flag(s.weak_blocks != 0); }},
    // "size" believes the client; "head" changes no verdict.
    {"service.dismiss", Weight::higher, [](const S& s) { return choice(s.dismiss, s.dismiss == DismissBy::size ? 1 : 0); }},
    {"service.embedded_archives", Weight::higher, [](const S& s) { return choice(s.embedded_archives); }},
    // What is copied from a name that is known passes.
    {"service.copy_sources", Weight::higher, [](const S& s) { return text(s.copy_sources); }},
    // Who is named in an incident.
    {"service.proxy_protocol", Weight::any, [](const S& s) { return choice(s.proxy_protocol); }},
    {"service.client_from", Weight::any, [](const S& s) { return choice(s.client_from); }},
    {"service.account_from", Weight::any, [](const S& s) { return choice(s.account_from); }},
    {"service.trusted_hops", Weight::any, hops},
    {"service.client_header", Weight::any, [](const S& s) { return text(s.client_header); }},
    {"service.account_header", Weight::any, [](const S& s) { return text(s.account_header); }},
};

constexpr Row<VerifiedService> verify_rows[] = {
    {"service.verify.api", Weight::any, [](const VerifiedService& v) { return choice(v.api); }},
    {"service.verify.endpoint", Weight::any, [](const VerifiedService& v) { return text(v.endpoint); }},
    {"service.verify.region", Weight::any, [](const VerifiedService& v) { return text(v.region); }},
    {"service.verify.credentials", Weight::any, [](const VerifiedService& v) { return text(v.credentials); }},
    {"service.verify.path_style", Weight::any, [](const VerifiedService& v) { return flag(v.path_style); }},
    {"service.verify.ca_file", Weight::any, [](const VerifiedService& v) { return text(v.ca_file); }},
    {"service.verify.swift", Weight::any, [](const VerifiedService& v) { return text(v.swift); }},
};

// Another place is no longer the one that was tried; 0 is never.
constexpr Row<TestedService> selftest_rows[] = {
    {"service.selftest.api", Weight::any, [](const TestedService& t) { return choice(t.api); }},
    {"service.selftest.endpoint", Weight::any, [](const TestedService& t) { return text(t.endpoint); }},
    {"service.selftest.region", Weight::any, [](const TestedService& t) { return text(t.region); }},
    {"service.selftest.credentials", Weight::any, [](const TestedService& t) { return text(t.credentials); }},
    {"service.selftest.path_style", Weight::any, [](const TestedService& t) { return flag(t.path_style); }},
    {"service.selftest.ca_file", Weight::any, [](const TestedService& t) { return text(t.ca_file); }},
    {"service.selftest.folder", Weight::any, [](const TestedService& t) { return text(t.folder); }},
    {"service.selftest.canary_seconds", Weight::higher, canary},
    {"service.selftest.trips_watchdog", Weight::lower, [](const TestedService& t) { return flag(t.trips_watchdog); }},
};

constexpr Row<FeedOptions> feed_rows[] = {
    {"feed.mirrors", Weight::any, [](const FeedOptions& f) { return list(f.mirrors); }},
    {"feed.root", Weight::any, [](const FeedOptions& f) { return text(f.root); }},
    // More right is a matter for two as well as less.
    {"feed.ceiling", Weight::any, [](const FeedOptions& f) { return number(static_cast<int>(f.ceiling)); }},
    {"feed.curator", Weight::any, [](const FeedOptions& f) { return text(f.curator); }},
    {"feed.legal_basis", Weight::any, [](const FeedOptions& f) { return text(f.legal_basis); }},
    {"feed.purpose", Weight::any, [](const FeedOptions& f) { return number(static_cast<int>(f.purpose)); }},
    {"feed.poll_seconds", Weight::higher, [](const FeedOptions& f) { return number(f.poll_seconds); }},
    {"feed.ca", Weight::any, [](const FeedOptions& f) { return text(f.ca); }},
    {"feed.proxy", Weight::any, [](const FeedOptions& f) { return text(f.proxy); }},
};
// clang-format on

Effect weigh(Weight weight, const Value& before, const Value& after) {
    switch (weight) {
        case Weight::none:
            return Effect::neutral;
        case Weight::any:
            return Effect::weakens;
        case Weight::set:
            return before.rank == 0 ? Effect::strengthens : Effect::weakens;
        case Weight::higher:
        case Weight::lower:
            if (before.rank == after.rank) return Effect::neutral;
            return (after.rank > before.rank) == (weight == Weight::higher) ? Effect::weakens
                                                                            : Effect::strengthens;
    }
    return Effect::weakens;
}

template <typename T, std::size_t N>
void compare(const Row<T> (&table)[N], const std::string& name, const T& before, const T& after,
             std::vector<Change>* changes) {
    for (const Row<T>& row : table) {
        const Value a = row.of(before), b = row.of(after);
        if (a.text == b.text) continue;
        const std::string key = row.key;
        const std::string shown =
            name.empty() ? key
                         : key.substr(0, key.find('.')) + " " + name + key.substr(key.find('.'));
        changes->push_back({shown, a.text, b.text, weigh(row.weight, a, b)});
    }
}

// --- services ------------------------------------------------------------------------------------

const S* find_service(const O& options, std::string_view name) {
    for (std::uint32_t i = 0; i < options.service_count; ++i)
        if (options.services[i].name == name) return &options.services[i];
    return nullptr;
}

bool same_bits(const AddressPrefix& a, const AddressPrefix& b, int bits) {
    for (int bit = 0; bit < bits; ++bit) {
        const int mask = 0x80 >> (bit % 8);
        if (((a.address[bit / 8] ^ b.address[bit / 8]) & mask) != 0) return false;
    }
    return true;
}
bool covers(const AddressPrefix& wide, const AddressPrefix& narrow) {
    return wide.bits <= narrow.bits && same_bits(wide, narrow, wide.bits);
}

// Both may be asked for the same connection.
bool overlap(const S& a, const S& b) {
    const bool vlan = a.vlan < 0 || b.vlan < 0 || a.vlan == b.vlan;
    return a.port == b.port && vlan && (covers(a.prefix, b.prefix) || covers(b.prefix, a.prefix));
}

void compare_address(const S& before, const S& after, std::vector<Change>* changes) {
    const std::string a = format_prefix(before.prefix), b = format_prefix(after.prefix);
    if (a == b) return;
    changes->push_back(
        {"service " + std::string(before.name) + ".address", a, b,
         covers(after.prefix, before.prefix) ? Effect::strengthens : Effect::weakens});
}

// One that takes traffic away from another decides what is done with it.
Effect effect_of_new(const S& service, const O& before) {
    for (std::uint32_t i = 0; i < before.service_count; ++i)
        if (overlap(service, before.services[i])) return Effect::weakens;
    return Effect::strengthens;
}

std::string place_of(const S& s) {
    return format_prefix(s.prefix) + " port " + std::to_string(s.port) + ", " +
           std::string(name_of(s.mode));
}

void compare_verify(const Config& before, const Config& after, std::string_view name,
                    std::vector<Change>* changes) {
    const VerifiedService* a = before.verifier.find(name);
    const VerifiedService* b = after.verifier.find(name);
    if (a != nullptr && b != nullptr)
        return compare(verify_rows, std::string(name), *a, *b, changes);
    if (a == b) return;
    changes->push_back({"service " + std::string(name) + ".verify", a == nullptr ? "none" : "set",
                        b == nullptr ? "none" : "set",
                        b == nullptr ? Effect::weakens : Effect::strengthens});
}

void compare_selftest(const Config& before, const Config& after, std::string_view name,
                      std::vector<Change>* changes) {
    const TestedService* a = before.verifier.find_tested(name);
    const TestedService* b = after.verifier.find_tested(name);
    if (a != nullptr && b != nullptr)
        return compare(selftest_rows, std::string(name), *a, *b, changes);
    if (a == b) return;
    changes->push_back({"service " + std::string(name) + ".selftest", a == nullptr ? "none" : "set",
                        b == nullptr ? "none" : "set",
                        b == nullptr ? Effect::weakens : Effect::strengthens});
}

void compare_services(const Config& before, const Config& after, std::vector<Change>* changes) {
    for (std::uint32_t i = 0; i < before.options.service_count; ++i) {
        const S& a = before.options.services[i];
        const S* b = find_service(after.options, a.name);
        if (b == nullptr) {
            changes->push_back(
                {"service " + std::string(a.name), place_of(a), "removed", Effect::weakens});
            continue;
        }
        compare_address(a, *b, changes);
        compare(service_rows, a.name, a, *b, changes);
        compare_verify(before, after, a.name, changes);
        compare_selftest(before, after, a.name, changes);
    }
    for (std::uint32_t i = 0; i < after.options.service_count; ++i) {
        const S& b = after.options.services[i];
        if (find_service(before.options, b.name) != nullptr) continue;
        changes->push_back({"service " + std::string(b.name), "none", place_of(b),
                            effect_of_new(b, before.options)});
    }
}

void compare_feeds(const Config& before, const Config& after, std::vector<Change>* changes) {
    for (const FeedOptions& a : before.feeds.feeds) {
        const FeedOptions* b = after.feeds.find(a.name);
        if (b != nullptr) {
            compare(feed_rows, a.name, a, *b, changes);
        } else {
            changes->push_back({"feed " + a.name, a.root, "removed", Effect::weakens});
        }
    }
    for (const FeedOptions& b : after.feeds.feeds) {
        if (before.feeds.find(b.name) != nullptr) continue;
        const bool blocks = b.ceiling == RightsCeiling::block;
        changes->push_back({"feed " + b.name, "none", b.root + (blocks ? ", may block" : ""),
                            blocks ? Effect::weakens : Effect::strengthens});
    }
}

}  // namespace

std::vector<Change> changes_between(const Config& before, const Config& after) {
    std::vector<Change> changes;
    compare(rows, "", before, after, &changes);
    compare_services(before, after, &changes);
    compare_feeds(before, after, &changes);
    return changes;
}

Effect effect_of_mode(ServiceMode before, ServiceMode after) {
    return weigh(Weight::lower, choice(before, rank_of(before)), choice(after, rank_of(after)));
}

bool any_weakens(const std::vector<Change>& changes) {
    return std::any_of(changes.begin(), changes.end(),
                       [](const Change& change) { return change.effect == Effect::weakens; });
}

json changes_json(const std::vector<Change>& changes) {
    json rows_of = json::array();
    for (const Change& change : changes)
        rows_of.push_back({{"key", change.key},
                           {"before", change.before},
                           {"after", change.after},
                           {"effect", name_of(change.effect)}});
    return rows_of;
}

std::string changes_text(const std::vector<Change>& changes) {
    std::string all;
    for (const Change& change : changes)
        all += (all.empty() ? "" : "; ") + change.key + ": " + change.before + " to " +
               change.after + " (" + std::string(name_of(change.effect)) + ")";
    return all.empty() ? "nothing changes" : all;
}

std::vector<std::string> classified_keys() {
    std::vector<std::string> keys = {"service.name", "service.address", "service.verify",
                                     "service.selftest", "feed.name"};
    for (const auto& row : rows)
        keys.emplace_back(row.key);
    for (const auto& row : service_rows)
        keys.emplace_back(row.key);
    for (const auto& row : verify_rows)
        keys.emplace_back(row.key);
    for (const auto& row : selftest_rows)
        keys.emplace_back(row.key);
    for (const auto& row : feed_rows)
        keys.emplace_back(row.key);
    return keys;
}

}  // namespace cordon
