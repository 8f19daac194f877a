// `cordonctl incidents list|show|hold|release|tail`.

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "control/cli/cli.h"

namespace cordon {

namespace {

using nlohmann::json;

constexpr std::uint64_t limit_max = 500;
constexpr std::uint64_t list_limit = 50;
constexpr std::uint64_t tail_limit = 10;
constexpr useconds_t follow_us = 500 * 1000;

std::string peer_of(const json& peer) {
    if (!peer.is_object()) return "-";
    const std::string address = text_of(peer.at("address"));
    const bool ipv6 = address.find(':') != std::string::npos;
    return (ipv6 ? "[" + address + "]" : address) + ":" +
           std::to_string(peer.at("port").get<unsigned>());
}

std::string joined(const std::vector<std::string>& words) {
    std::string line;
    for (const std::string& word : words) {
        if (line.find(word) == std::string::npos) line += (line.empty() ? "" : ",") + word;
    }
    return line.empty() ? "-" : line;
}

std::string kinds_of(const json& incident) {
    std::vector<std::string> kinds;
    for (const json& match : incident.at("matches")) {
        for (const json& kind : match.at("kinds"))
            kinds.push_back(text_of(kind));
    }
    return joined(kinds);
}

std::string references_of(const json& incident) {
    std::vector<std::string> references;
    for (const json& match : incident.at("matches")) {
        references.push_back(text_of(match.at("section")) + ":" + text_of(match.at("reference")));
    }
    return joined(references);
}

std::string action_of(const json& incident) {
    return (incident.value("review", false) ? "review" : text_of(incident.at("action"))) +
           (incident.at("lab").get<bool>() ? " (LAB)" : "") +
           (incident.at("test").get<bool>() ? " (TEST)" : "");
}

Table incident_table() {
    return Table({{"TIME"},
                  {"CASE"},
                  {"SERVICE"},
                  {"ACTION"},
                  {"STATUS"},
                  {"SIZE", true},
                  {"KINDS"},
                  {"INDICATOR", false, true}});
}

void add_row(Table* table, const json& i) {
    table->row({local_time(i.at("time").get<std::string>()), text_of(i.at("case")),
                text_of(i.at("service")), action_of(i), text_of(i.at("status")),
                byte_size(i.at("size").get<std::uint64_t>()), kinds_of(i), references_of(i)});
}

// The question with the filters of the command line.
Result<json> question(const Context& context, const char* name, std::uint64_t limit) {
    const Result<std::uint64_t> wanted = number_of(context, Flag::limit, limit, limit_max);
    if (!wanted) return Failure(wanted.error());
    json request = {{"request", name}, {"limit", *wanted}};
    constexpr std::pair<Flag, const char*> filters[] = {
        {Flag::service, "service"}, {Flag::action, "action"}, {Flag::status, "status"}};
    for (const auto& [flag, field] : filters) {
        if (context.has(flag)) request[field] = context.get(flag);
    }
    if (context.has(Flag::tests)) request["tests"] = 1;
    return request;
}

void add(std::string* page, const char* title, const std::string& text) {
    std::string line = title;
    line.resize(18, ' ');
    *page += line + text + "\n";
}

std::string confirmation(const json& i) {
    if (i.at("verified_after_write").get<bool>() && i.at("action") == "block") {
        const json& visible = i.at("visible_seconds");
        if (!visible.is_number()) return "found on the storage, not yet deleted";
        return fmt::format("found on the storage and deleted; it was visible for {:.1f} s",
                           visible.get<double>());
    }
    if (i.at("action") != "block") return "not blocked, so there is nothing to confirm";
    if (!i.at("enforced_time").is_string()) return "no record yet of what became of the block";
    return std::string(i.at("storage_reset").get<bool>() ? "storage was reset and is silent"
                                                         : "storage was not seen to stop") +
           "; " +
           (i.at("client_answered").get<bool>() ? "client has the whole answer"
                                                : "client did not confirm the answer");
}

void add_personal(std::string* page, const json& i) {
    const json& personal = i.at("personal");
    if (personal == "none" && i.at("test").get<bool>())
        return add(page, "Person", "none: the vector of a self-test");
    if (!personal.is_object()) {
        const bool sealed = personal == "sealed";
        const json& reason = i.value("held_for", json(nullptr));
        add(page, "Person",
            (sealed ? "sealed until " + local_time(i.at("destroyed_after").get<std::string>())
             : personal == "none" ? std::string("none: only your own list matched")
                                  : std::string("destroyed")) +
                (reason.is_string() ? ", held for: " + text_of(reason) : ""));
        return;
    }
    add(page, "Client", peer_of(personal.at("client")));
    add(page, "Forwarded for", peer_of(personal.at("forwarded")));
    constexpr std::pair<const char*, const char*> texts[] = {
        {"host", "Host"},        {"target", "Target"},  {"account", "Account"},
        {"field", "Form field"}, {"name", "File name"}, {"member", "Archive member"},
        {"container", "Inside"}};
    for (const auto& [key, title] : texts) {
        if (!personal.at(key).is_null()) add(page, title, text_of(personal.at(key)));
    }
}

std::string incident_page(const json& i) {
    std::string page;
    add(&page, "Case", text_of(i.at("case")) + (i.at("lab").get<bool>() ? "   LAB" : ""));
    add(&page, "Decided", local_time(i.at("time").get<std::string>()));
    add(&page, "Action", text_of(i.at("action")) + ", " + text_of(i.at("status")));
    add(&page, "Confirmation", confirmation(i));
    add(&page, "Service", text_of(i.at("service")));
    add(&page, "Storage", peer_of(i.at("server")));
    add(&page, "Method", text_of(i.at("method")));
    add_personal(&page, i);
    add(&page, "Object",
        text_of(i.at("form")) + ", " + grouped(i.at("size").get<std::uint64_t>()) + " bytes" +
            (i.at("complete").get<bool>() ? "" : " seen before its declared end"));
    for (const json& match : i.at("matches")) {
        add(&page, "Matched",
            "section " + text_of(match.at("section")) + " generation " +
                std::to_string(match.at("generation").get<std::uint64_t>()) + ", indicator " +
                text_of(match.at("reference")) + ", source " +
                std::to_string(match.at("source").get<unsigned>()) + ", category " +
                std::to_string(match.at("category").get<unsigned>()) + ", kinds " +
                kinds_of({{"matches", json::array({match})}}) +
                (match.at("weak").get<bool>() ? " (weak)" : ""));
    }
    add(&page, "Legal basis", text_of(i.at("legal_basis")));
    add(&page, "Policy generation", std::to_string(i.at("policy_generation").get<std::uint64_t>()));
    add(&page, "Record",
        text_of(i.at("node")) + " / " + text_of(i.at("journal")) + " / " +
            std::to_string(i.at("sequence").get<std::uint64_t>()));
    return page;
}

// Prints incidents oldest first and gives back the id of the last one.
std::uint64_t print_tail(const Context& context, const json& incidents, std::uint64_t last) {
    for (const json& incident : incidents) {
        last = std::max(last, incident.at("id").get<std::uint64_t>());
        if (context.json()) context.print_json(incident);
    }
    if (context.json() || incidents.empty()) return last;
    Table table = incident_table();
    for (const json& incident : incidents)
        add_row(&table, incident);
    context.print(table.text(context.screen));
    return last;
}

// One line for each incident that comes, without a head.
std::uint64_t print_new(const Context& context, const json& incidents, std::uint64_t last) {
    if (context.json()) return print_tail(context, incidents, last);
    for (const json& i : incidents) {
        last = std::max(last, i.at("id").get<std::uint64_t>());
        context.print(local_time(i.at("time").get<std::string>()) + "  " + text_of(i.at("case")) +
                      "  " + text_of(i.at("service")) + "  " + action_of(i) + "  " +
                      byte_size(i.at("size").get<std::uint64_t>()) + "  " + kinds_of(i) + "  " +
                      references_of(i) + "\n");
    }
    return last;
}

int follow(Context& context, json request, std::uint64_t last) {
    request["request"] = "incidents.after";
    request["limit"] = limit_max;
    bool away = false;
    for (;;) {
        request["after"] = last;
        const Result<json> reply = ask(context, request);
        if (reply) {
            away = false;
            last = print_new(context, reply->at("incidents"), last);
        } else if (reply.error().code != ErrorCode::unreachable &&
                   reply.error().code != ErrorCode::timeout) {
            return context.fail(reply.error());
        } else if (!std::exchange(away, true)) {
            // cordond may be restarted meanwhile: nothing is lost by waiting.
            context.complain("cordonctl: " + reply.error().message() + "; waiting");
        }
        if (std::ferror(context.out) != 0) return static_cast<int>(ErrorCode::io);
        ::usleep(follow_us);
    }
}

}  // namespace

int run_incidents_list(Context& context) {
    const Result<json> request = question(context, "incidents.list", list_limit);
    if (!request) return context.fail(request.error());
    const Result<json> reply = ask(context, *request);
    if (!reply) return context.fail(reply.error());
    if (context.json()) {
        context.print_json(*reply);
        return 0;
    }
    Table table = incident_table();
    for (const json& incident : reply->at("incidents"))
        add_row(&table, incident);
    context.print(table.empty() ? "No incidents.\n" : table.text(context.screen));
    return 0;
}

int run_incidents_show(Context& context) {
    json request = {{"request", "incidents.show"}, {"case", context.words[0]}};
    if (context.has(Flag::reveal)) {
        request["request"] = "incidents.reveal";
        request["reason"] = context.get(Flag::reason);
    } else if (context.has(Flag::reason)) {
        return context.fail({ErrorCode::usage, "--reason goes with --reveal"});
    }
    const Result<json> incident = ask(context, request);
    if (!incident) return context.fail(incident.error());
    if (context.json()) {
        context.print_json(*incident);
    } else {
        context.print(incident_page(*incident));
    }
    return 0;
}

namespace {

int hold_case(Context& context, std::uint64_t seconds) {
    const Result<json> done = ask(context, {{"request", "incidents.hold"},
                                            {"case", context.words[0]},
                                            {"seconds", seconds},
                                            {"reason", context.get(Flag::reason)}});
    if (!done) return context.fail(done.error());
    if (context.json()) {
        context.print_json(*done);
    } else {
        context.print("Whom case " + context.words[0] + " is about can be told until " +
                      local_time(done->at("destroyed_after").get<std::string>()) + ".\n");
    }
    return 0;
}

}  // namespace

int run_incidents_hold(Context& context) {
    const Result<std::uint64_t> seconds = seconds_of_flag(context, Flag::span, "for");
    if (!seconds) return context.fail(seconds.error());
    if (*seconds == 0) return context.fail({ErrorCode::usage, "how long? --for 90d"});
    return hold_case(context, *seconds);
}

int run_incidents_release(Context& context) {
    return hold_case(context, 0);
}

int run_incidents_tail(Context& context) {
    const Result<json> request = question(context, "incidents.list", tail_limit);
    if (!request) return context.fail(request.error());
    const Result<json> reply = ask(context, *request);
    if (!reply) return context.fail(reply.error());
    json incidents = reply->at("incidents");
    std::reverse(incidents.begin(), incidents.end());
    const std::uint64_t last = print_tail(context, incidents, 0);
    return context.has(Flag::follow) ? follow(context, *request, last) : 0;
}

}  // namespace cordon
