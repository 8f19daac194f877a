// `cordonctl verify list|show|retry`: what was, or will be, judged on the storage.

#include <fmt/format.h>

#include <charconv>

#include "control/cli/cli.h"

namespace cordon {

namespace {

using nlohmann::json;

std::string visible(const json& v) {
    const json& seconds = v.at("visible_seconds");
    return seconds.is_number() ? fmt::format("{:.1f} s", seconds.get<double>()) : std::string("-");
}

std::string outcome(const json& v) {
    return v.at("deleting").get<bool>() ? "to be deleted" : text_of(v.at("outcome"));
}

Result<std::uint64_t> id_of(const std::string& word) {
    std::uint64_t id = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), id);
    if (error == std::errc{} && end == word.data() + word.size() && id != 0) return id;
    return failure(ErrorCode::usage, "\"" + printable(word) + "\" is no number of a verification");
}

void add(std::string* page, const char* title, const std::string& text) {
    std::string line = title;
    line.resize(18, ' ');
    *page += line + text + "\n";
}

std::string page_of(const json& v) {
    std::string page;
    add(&page, "Verification", std::to_string(v.at("id").get<std::uint64_t>()));
    add(&page, "Outcome", outcome(v));
    add(&page, "Asked for", time_of(v.at("requested")) + ", because: " + text_of(v.at("reason")));
    add(&page, "Unconfirmed block", text_of(v.at("unconfirmed_case")));
    add(&page, "Service", text_of(v.at("service")));
    add(&page, "Request", text_of(v.at("method")) + " " + text_of(v.at("target")));
    add(&page, "Host", text_of(v.at("host")));
    add(&page, "Account", text_of(v.at("account")));
    add(&page, "Tries", std::to_string(v.at("tries").get<unsigned>()));
    add(&page, "Next try", time_of(v.at("next_try")));
    const json& status = v.at("http_status");
    add(&page, "Storage answered",
        status.is_number() ? std::to_string(status.get<unsigned>()) : std::string("-"));
    add(&page, "Remark", text_of(v.at("detail")));
    add(&page, "Size", grouped(v.at("size").get<std::uint64_t>()) + " bytes");
    add(&page, "Case", text_of(v.at("case")));
    add(&page, "Visible for", visible(v));
    add(&page, "Finished", time_of(v.at("finished")));
    return page;
}

}  // namespace

int run_verify_list(Context& context) {
    constexpr std::uint64_t limit_default = 50, limit_max = 500;
    const Result<std::uint64_t> limit = number_of(context, Flag::limit, limit_default, limit_max);
    if (!limit) return context.fail(limit.error());
    json request = {{"request", "verify.list"}, {"limit", *limit}};
    if (context.has(Flag::service)) request["service"] = context.get(Flag::service);
    if (context.has(Flag::outcome)) request["outcome"] = context.get(Flag::outcome);
    const Result<json> reply = ask(context, request);
    if (!reply) return context.fail(reply.error());
    if (context.json()) {
        context.print_json(*reply);
        return 0;
    }
    Table table({{"NUMBER", true},
                 {"ASKED"},
                 {"SERVICE"},
                 {"REASON"},
                 {"OUTCOME"},
                 {"VISIBLE", true},
                 {"CASE"},
                 {"TARGET", false, true}});
    for (const json& v : reply->at("verifications")) {
        table.row({std::to_string(v.at("id").get<std::uint64_t>()), time_of(v.at("requested")),
                   text_of(v.at("service")), text_of(v.at("reason")), outcome(v), visible(v),
                   text_of(v.at("case")), text_of(v.at("target"))});
    }
    context.print(table.empty() ? "Nothing was to be verified.\n" : table.text(context.screen));
    return 0;
}

int run_verify_show(Context& context) {
    const Result<std::uint64_t> id = id_of(context.words[0]);
    if (!id) return context.fail(id.error());
    const Result<json> reply = ask(context, {{"request", "verify.show"}, {"id", *id}});
    if (!reply) return context.fail(reply.error());
    if (context.json()) {
        context.print_json(*reply);
    } else {
        context.print(page_of(*reply));
    }
    return 0;
}

int run_verify_retry(Context& context) {
    json request = {{"request", "verify.retry"}};
    if (!context.words.empty()) {
        const Result<std::uint64_t> id = id_of(context.words[0]);
        if (!id) return context.fail(id.error());
        request["id"] = *id;
    }
    const Result<json> reply = ask(context, request);
    if (!reply) return context.fail(reply.error());
    if (context.json()) {
        context.print_json(*reply);
    } else {
        context.print(grouped(reply->at("again").get<std::uint64_t>()) + " will be tried again.\n");
    }
    return 0;
}

}  // namespace cordon
