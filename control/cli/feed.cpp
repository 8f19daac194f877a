// `cordonctl feed …`: which indicators there are, where they come from, and why not more.

#include <filesystem>

#include "control/cli/cli.h"
#include "control/daemon/clocks.h"

namespace cordon {

namespace {

using nlohmann::json;

// An index of ten million indicators is fetched, built and tried before there is an answer.
constexpr const char* feed_timeout_ms = "600000";

std::string number_of(const json& value) {
    return value.is_number() ? grouped(value.get<std::uint64_t>()) : std::string("-");
}

void add(std::string* page, const char* title, const std::string& text) {
    std::string line = title;
    line.resize(14, ' ');
    *page += "  " + line + text + "\n";
}

std::string generation_text(const json& g) {
    if (!g.is_object()) return "none";
    return number_of(g.at("generation")) + ", " + number_of(g.at("records")) + " records, since " +
           time_of(g.at("accepted"));
}

// Nothing of a list is left out without being said.
std::string sections_text(const json& f) {
    const json& g = f.at("in_force");
    if (!g.is_object()) return "";
    const auto patterns = g.at("patterns").get<std::uint64_t>();
    const auto perceptual = g.at("perceptual").get<std::uint64_t>();
    const bool in_clear = f.at("unmatched").get<std::uint64_t>() == perceptual;
    std::string text;
    if (patterns != 0)
        text = grouped(patterns) + (patterns == 1 ? " pattern" : " patterns") +
               (in_clear ? "" : ", not matched: an index for production holds none in clear");
    if (perceptual != 0)
        text += (text.empty() ? "" : "; ") + grouped(perceptual) +
                " perceptual, not matched by this version";
    return text;
}

std::string grant_text(const json& g) {
    if (!g.is_object()) return "none; `cordonctl feed enrol` says what the Centre needs";
    return number_of(g.at("serial")) + (g.at("holds").get<bool>() ? ", until " : ", ENDED at ") +
           time_of(g.at("not_after")) + ", " + text_of(g.at("legal_basis"));
}

std::string rights_text(const json& rights) {
    const std::string by = text_of(rights.at("by"));
    if (by != "operators") return by == "nobody" ? "only reports" : "blocks by the word of " + by;
    return "blocks by the word of " + text_of(rights.at("requester")) + " and " +
           text_of(rights.at("approver")) + "; curator " + text_of(rights.at("curator")) +
           ", legal basis " + text_of(rights.at("legal_basis"));
}

std::string mirror_text(const json& m) {
    std::string text = text_of(m.at("address"));
    if (m.at("behind").get<bool>()) text += ", behind the others";
    if (m.at("problem").is_string()) text += ": " + text_of(m.at("problem"));
    return text;
}

std::string page_of(const json& f) {
    std::string page = "feed " + text_of(f.at("name")) + " (" + text_of(f.at("feed")) + ")" +
                       (f.at("lab").get<bool>() ? " LAB" : "") + ", may " +
                       text_of(f.at("ceiling")) + "\n";
    for (const json& alarm : f.at("alarms"))
        add(&page, "ALARM", text_of(alarm));
    add(&page, "rights", rights_text(f.at("rights")));
    add(&page, "in force", "generation " + generation_text(f.at("in_force")));
    if (const std::string sections = sections_text(f); !sections.empty())
        add(&page, "of these", sections);
    add(&page, "before it", "generation " + generation_text(f.at("previous")));
    add(&page, "news of",
        time_of(f.at("issued")) + (f.at("imported").get<bool>()
                                       ? ", brought by hand: suspensions do not come within minutes"
                                       : ""));
    add(&page, "grant", grant_text(f.at("grant")));
    if (const json& hold = f.at("hold"); hold.is_object())
        add(&page, text_of(hold.at("kind")) == "pin" ? "PINNED" : "PAUSED",
            "until " + time_of(hold.at("until")) + ": " + text_of(hold.at("reason")));
    const std::size_t here = f.at("own_suspensions").size();
    add(&page, "suspended",
        grouped(f.at("suspensions").size()) +
            (here == 0 ? std::string()
                       : ", and " + grouped(here) + " here by `cordonctl suspend`"));
    add(&page, "doubted", grouped(f.at("doubted").size()));
    add(&page, "next poll", time_of(f.at("next_poll")));
    for (const json& mirror : f.at("mirrors"))
        add(&page, "mirror", mirror_text(mirror));
    return page;
}

// Prints feeds; an alarm makes the exit code.
int print_feeds(Context& context, const json& reply, const json& feeds) {
    bool alarm = false;
    std::string text;
    for (const json& feed : feeds) {
        alarm |= !feed.at("alarms").empty();
        text += page_of(feed);
    }
    if (reply.contains("dataplane")) {
        const json& dataplane = reply.at("dataplane");
        const bool in_force = dataplane.at("in_force").get<bool>();
        alarm |= !in_force;
        add(&text, "dataplane", in_force ? "has it in force" : text_of(dataplane.at("why")));
    }
    if (context.json()) {
        context.print_json(reply);
    } else {
        context.print(text.empty() ? "No feed is followed.\n" : text);
    }
    return alarm ? static_cast<int>(ErrorCode::degraded) : 0;
}

json request_of(const Context& context, const char* name) {
    json request = {{"request", name}};
    if (!context.words.empty()) request["feed"] = context.words[0];
    return request;
}

int hold(Context& context, const std::string& kind) {
    std::uint64_t until_s = 0;
    if (kind != "none" && !parse_until(context.get(Flag::until), unix_seconds(), &until_s)) {
        return context.fail({ErrorCode::usage,
                             "--until is a time like 2030-01-31T18:00:00Z, or from now like 30m, "
                             "2h, 1d; at most 7d"});
    }
    json request = request_of(context, "feed.hold");
    request["kind"] = kind;
    request["until"] = until_s;
    request["reason"] = context.get(Flag::reason);
    const Result<json> reply = ask_slowly(context, request);
    if (!reply) return context.fail(reply.error());
    print_feeds(context, *reply, json::array({*reply}));
    return 0;
}

}  // namespace

Result<json> ask_slowly(const Context& context, const json& request) {
    Context patient = context;
    auto& timeout = patient.flags[static_cast<std::size_t>(Flag::timeout)];
    if (!timeout) timeout = feed_timeout_ms;
    return ask(patient, request);
}

int tell_feed(Context& context, const json& feed) {
    return print_feeds(context, feed, json::array({feed}));
}

int run_feed_status(Context& context) {
    const Result<json> reply = ask(context, {{"request", "feed.status"}});
    if (!reply) return context.fail(reply.error());
    return print_feeds(context, *reply, reply->at("feeds"));
}

int run_feed_sync(Context& context) {
    const Result<json> reply = ask_slowly(context, request_of(context, "feed.sync"));
    if (!reply) return context.fail(reply.error());
    return print_feeds(context, *reply, reply->at("feeds"));
}

int run_feed_history(Context& context) {
    const Result<json> reply = ask_slowly(context, request_of(context, "feed.history"));
    if (!reply) return context.fail(reply.error());
    if (context.json()) {
        context.print_json(*reply);
        return 0;
    }
    Table table({{"TIME"}, {"WHAT", false, true}});
    for (const json& line : reply->at("history"))
        table.row({time_of(line.at("time")), text_of(line.at("text"))});
    context.print(table.empty() ? "Nothing has happened yet.\n" : table.text(context.screen));
    return 0;
}

int run_feed_verify(Context& context) {
    const Result<json> reply = ask_slowly(context, request_of(context, "feed.verify"));
    if (!reply) return context.fail(reply.error());
    bool problems = false;
    std::string text;
    for (const json& feed : reply->at("feeds")) {
        text += "feed " + text_of(feed.at("name")) + ": generation " +
                number_of(feed.at("generation")) + ", " + number_of(feed.at("records")) +
                " records, state " + text_of(feed.at("state")) + "\n";
        for (const json& problem : feed.at("problems")) {
            problems = true;
            text += "  PROBLEM: " + text_of(problem) + "\n";
        }
    }
    if (context.json()) {
        context.print_json(*reply);
    } else {
        context.print(text);
    }
    return problems ? static_cast<int>(ErrorCode::integrity) : 0;
}

int run_feed_pause(Context& context) {
    return hold(context, "pause");
}

int run_feed_pin(Context& context) {
    if (context.words[1] != "current" && context.words[1] != "previous")
        return context.fail({ErrorCode::usage, "a feed is pinned to \"current\" or \"previous\""});
    return hold(context, context.words[1]);
}

int run_feed_resume(Context& context) {
    return hold(context, "none");
}

int run_feed_import(Context& context) {
    json request = request_of(context, "feed.import");
    std::error_code error;
    const auto folder = std::filesystem::canonical(context.words[1], error);
    if (error) return context.fail({ErrorCode::io, printable(context.words[1]), error.value()});
    request["folder"] = folder.string();
    if (context.words.size() > 2) request["late"] = context.words[2];
    request["reason"] = context.get(Flag::reason);
    const Result<json> reply = ask_slowly(context, request);
    if (!reply) return context.fail(reply.error());
    return reply->contains("pending") ? tell_pending(context, *reply) : tell_feed(context, *reply);
}

int run_feed_trust(Context& context) {
    json request = request_of(context, "feed.trust");
    request["reason"] = context.get(Flag::reason);
    const Result<json> reply = ask_slowly(context, request);
    if (!reply) return context.fail(reply.error());
    return tell_pending(context, *reply);
}

int run_feed_confirm(Context& context) {
    json request = request_of(context, "feed.confirm");
    if (context.words.size() > 1) request["reference"] = context.words[1];
    request["reason"] = context.get(Flag::reason);
    const Result<json> reply = ask_slowly(context, request);
    if (!reply) return context.fail(reply.error());
    tell_feed(context, *reply);
    return 0;
}

int run_feed_enrol(Context& context) {
    const Result<json> reply = ask_slowly(context, request_of(context, "feed.enrol"));
    if (!reply) return context.fail(reply.error());
    if (context.json()) {
        context.print_json(*reply);
        return 0;
    }
    context.print(
        "feed " + text_of(reply->at("name")) + " (" + text_of(reply->at("feed")) + ")" +
        (reply->at("lab").get<bool>() ? " LAB" : "") + "\nroot, SHA-256  " +
        text_of(reply->at("root_sha256")) +
        "\nCompare it with what the Centre tells you by another way, and give it this:\n\n"
        "  cordon-feed enrol DIR " +
        text_of(reply->at("node")) + " --node-key " + text_of(reply->at("key")) +
        " --legal-basis TEXT\n");
    return 0;
}

}  // namespace cordon
