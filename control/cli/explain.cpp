// `cordonctl explain CASE`: what happened, why, by what right, what has become of it and what can
// be done next, on one screen: 24 lines of 80 columns, whatever the case is like.

#include <algorithm>

#include "control/cli/cli.h"

namespace cordon {

namespace {

using nlohmann::json;

constexpr std::size_t screen_columns = 80;
constexpr std::size_t title_columns = 10;
constexpr std::size_t matches_max = 3;  // of two lines each
constexpr std::size_t events_max = 2;
constexpr std::size_t steps_max = 4;

// Wrapped behind its title; what takes more than `lines` is cut.
void add(std::string* page, const std::string& title, const std::string& text, std::size_t lines) {
    std::string head = title;
    for (const std::string& row : wrapped(text, screen_columns - title_columns, lines)) {
        head.resize(title_columns, ' ');
        *page += head + row + "\n";
        head.clear();
    }
}

bool blocked(const json& c) {
    return c.at("action") == "block";
}

std::string what_text(const json& c) {
    const std::string service = "service " + text_of(c.at("service"));
    const std::string when = " on " + time_of(c.at("time")) + ".";
    if (c.at("verified_after_write").get<bool>())
        return "A known file was found on the storage of " + service + when +
               (blocked(c) ? "" : " It was left there.");
    if (blocked(c)) return "An upload to " + service + " was refused" + when;
    return "An upload to " + service + " matched" + when + " It was not stopped" +
           (c.at("action") == "observe"  ? ": the service was in mode observe."
            : c.at("review").get<bool>() ? ": your own list only asks for a look at the file."
                                         : ": matches like this one are only reported.");
}

std::string form_text(const std::string& form) {
    constexpr std::pair<std::string_view, const char*> forms[] = {
        {"body", "a whole upload"},
        {"multipart", "a form that was not taken apart"},
        {"aws-chunked", "a whole upload, sent in chunks"},
        {"content-coding", "an upload in a coding that is not undone"},
        {"piece", "one piece of an upload in pieces"},
        {"form-part", "a file in a form"},
        {"decoded", "a file that an encoding hid"},
        {"archive-member", "a file in an archive"},
        {"assembled", "an upload in pieces, put together"}};
    for (const auto& [name, words] : forms)
        if (form == name) return words;
    return printable(form);
}

std::string object_text(const json& c) {
    return form_text(c.at("form").get<std::string>()) + ", " +
           grouped(c.at("size").get<std::uint64_t>()) + " bytes, " + text_of(c.at("content_type")) +
           ", by " + text_of(c.at("method")) +
           (c.at("complete").get<bool>() ? "" : "; known before its declared end");
}

std::string storage_text(const json& c) {
    const std::string kept = text_of(c.at("kept"));
    if (kept == "nothing") return "kept nothing: the write was cut, and the storage fell silent";
    if (kept == "deleted") {
        const std::uint64_t seconds =
            c.at("visible_seconds").is_number()
                ? static_cast<std::uint64_t>(c.at("visible_seconds").get<double>())
                : 0;
        return "deleted; it was visible for " + duration(seconds);
    }
    if (kept == "to be deleted") return "still has it: it is to be deleted";
    if (kept == "unconfirmed") return "cut off, but nobody has confirmed that it kept nothing";
    return "has the file: nothing was done to it";
}

std::string person_text(const json& c) {
    const std::string personal = text_of(c.at("personal"));
    if (personal == "none") return "nothing was recorded of whose file it is";
    if (personal == "destroyed") return "what was recorded of whose file it is has been destroyed";
    return "sealed until " + time_of(c.at("destroyed_after")) +
           (c.at("held").get<bool>() ? ", held for somebody" : "");
}

std::string kinds_text(const json& match) {
    std::string text;
    for (const json& kind : match.at("kinds"))
        text += (text.empty() ? "" : "+") + text_of(kind);
    return text;
}

std::string ceiling_text(const json& ceiling) {
    if (ceiling == "block") return "might block";
    return ceiling == "report" ? "might only report" : "its rights are not on record";
}

// Two lines of the page at most.
std::string match_text(const json& match) {
    const std::string proof =
        " by " + kinds_text(match) + " (" + text_of(match.at("strength")) + "); ";
    if (match.at("from") == "local") {
        const json& entry = match.at("entry");
        return "your own list" + proof +
               (entry.is_object() ? text_of(entry.at("origin")) + " " + text_of(entry.at("id"))
                                  : text_of(match.at("origin")) + ", off the list since") +
               ", entry " +
               std::to_string(std::stoull(text_of(match.at("reference")), nullptr, 16)) +
               ", generation " + match.at("generation").dump() + ", " +
               ceiling_text(match.at("ceiling"));
    }
    return "list " + text_of(match.at("section")) + proof + "reference " +
           text_of(match.at("reference")) + " of source " + match.at("source").dump() +
           ", generation " + match.at("generation").dump() + ", " +
           ceiling_text(match.at("ceiling"));
}

void add_matches(std::string* page, const json& matches) {
    const char* title = "Matched";
    std::size_t shown = 0;
    for (const json& match : matches) {
        if (shown++ == matches_max) break;
        add(page, std::exchange(title, ""), match_text(match), 2);
    }
    if (matches.size() > matches_max)
        add(page, "", "and " + grouped(matches.size() - matches_max) + " more", 1);
}

std::string suspension_text(const json& match) {
    const json& s = match.at("suspended");
    const std::string list = "list " + text_of(match.at("section"));
    if (!s.is_object()) return match.at("from") == "unknown" ? list + " is no longer here" : "";
    if (s.value("here", false))
        return "It is suspended here until " + time_of(s.at("until")) +
               ", for this complaint or another";
    return list + " has suspended this " + text_of(s.at("what")) + " since " +
           time_of(s.at("since")) + ": " + text_of(s.at("reason"));
}

std::string event_text(const json& event) {
    constexpr std::pair<std::string_view, const char*> actions[] = {
        {"incident.revealed", "was shown with its person"},
        {"incident.held", "was held"},
        {"incident.released", "was released"}};
    const std::string action = event.at("action").get<std::string>();
    for (const auto& [name, words] : actions)
        if (action == name) return std::string(words) + " on " + time_of(event.at("time"));
    return printable(action) + " on " + time_of(event.at("time"));
}

void add_since(std::string* page, const json& c) {
    std::vector<std::string> lines;
    for (const json& match : c.at("matches"))
        if (const std::string text = suspension_text(match); !text.empty()) lines.push_back(text);
    const json& events = c.at("since");
    for (std::size_t n = events.size() - std::min(events.size(), events_max); n < events.size();
         ++n)
        lines.push_back(event_text(events[n]));
    if (lines.empty()) lines.emplace_back("nothing has been done about it yet");
    const char* title = "Since";
    for (std::size_t n = 0; n < std::min(lines.size(), events_max + 1); ++n)
        add(page, std::exchange(title, ""), lines[n], 1);
}

void add_next(std::string* page, const json& steps) {
    if (steps.empty()) return add(page, "Next", "nothing can be done about it any more", 1);
    *page += "Next\n";
    for (std::size_t n = 0; n < std::min(steps.size(), steps_max); ++n) {
        const std::string command = "  " + text_of(steps[n].at("command"));
        const std::string all = command + "   (" + text_of(steps[n].at("why")) + ")";
        *page += (width_of(all) <= screen_columns ? all : command) + "\n";
    }
}

}  // namespace

std::string explained(const json& c) {
    std::string page;
    add(&page, "Case", text_of(c.at("case")) + (c.at("lab").get<bool>() ? "   LAB" : ""), 1);
    add(&page, "What", what_text(c), 2);
    add(&page, "Object", object_text(c), 2);
    add(&page, "Storage", storage_text(c), 1);
    add(&page, "Person", person_text(c), 1);
    add_matches(&page, c.at("matches"));
    add(&page, "Basis",
        text_of(c.at("legal_basis")) + "; policy " + c.at("policy_generation").dump(), 2);
    add_since(&page, c);
    add_next(&page, c.at("next"));
    return page;
}

int run_explain(Context& context) {
    const Result<json> answer = ask(context, {{"request", "explain"}, {"case", context.words[0]}});
    if (!answer) return context.fail(answer.error());
    if (context.json()) {
        context.print_json(*answer);
    } else {
        context.print(explained(*answer));
    }
    return 0;
}

}  // namespace cordon
