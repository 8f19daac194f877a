// `cordonctl audit show|verify`: through cordond, or of files.

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "control/audit/audit_json.h"
#include "control/cli/cli.h"
#include "control/daemon/clocks.h"

namespace cordon {

using nlohmann::json;

namespace {

constexpr std::uint64_t show_default = 50;
constexpr std::uint64_t show_max = 1000;

// "30m": so long ago; or a time. 0: neither.
Result<std::uint64_t> since_of(const Context& context) {
    if (!context.has(Flag::since)) return 0;
    const std::string text = context.get(Flag::since);
    const std::uint64_t now = unix_seconds();
    std::uint64_t from = 0, later = 0;
    if (!parse_until(text, now, &from))
        return failure(ErrorCode::usage,
                       "--since is a time like 2030-01-31T18:00:00Z, or so long "
                       "ago like 30m, 2h, 1d");
    parse_until(text, now + 1, &later);
    return later == from ? from : now - std::min(now, from - now);
}

// Older pages are asked for until there are enough: one answer looks at so much of the trail only.
Result<json> records_of(const Context& context, json request) {
    auto left = request.at("limit").get<std::uint64_t>();
    json all = nullptr;
    for (;;) {
        Result<json> page = ask(context, request);
        if (!page) return page;
        json& records = page->at("records");
        left -= std::min<std::uint64_t>(left, records.size());
        if (all.is_object())
            records.insert(records.end(), all.at("records").begin(), all.at("records").end());
        if (all.is_object() && all.at("broken").is_string()) page->at("broken") = all.at("broken");
        all = std::move(*page);
        if (left == 0 || all.at("before").is_null()) return all;
        request["limit"] = left;
        request["before"] = all.at("before");
    }
}

// Whoever waits sees how far it is.
void show_progress(const Context& context, const json& told) {
    if (context.json() || !context.screen.terminal) return;
    const auto bytes = told.at("bytes").get<std::uint64_t>();
    const auto done = told.at("bytes_done").get<std::uint64_t>();
    std::fprintf(context.err, "\r%3llu %% of %s",
                 static_cast<unsigned long long>(bytes == 0 ? 100 : done * 100 / bytes),
                 byte_size(bytes).c_str());
    if (told.at("done").get<bool>()) std::fputs("\r\033[K", context.err);
    std::fflush(context.err);
}

// A long trail takes minutes; --timeout is for each answer.
Result<json> verify_there(const Context& context, const std::string& head) {
    constexpr useconds_t shortest_us = 5 * 1000, longest_us = 250 * 1000;
    const Result<json> begun = ask(context, {{"request", "audit.verify"}, {"head", head}});
    if (!begun) return begun;
    for (useconds_t wait_us = shortest_us;; wait_us = std::min(wait_us * 2, longest_us)) {
        const Result<json> told =
            ask(context, {{"request", "audit.check"}, {"check", begun->at("check")}});
        if (!told) return told;
        show_progress(context, *told);
        if (told->at("done").get<bool>()) return told->at("result");
        ::usleep(wait_us);
    }
}

Result<json> verify_file(const std::string& path, const std::string& head) {
    return check_audit(path, head).map([&head](const AuditCheck& check) {
        return audit_check_json(check, head);
    });
}

}  // namespace

int run_audit_show(Context& context) {
    const Result<std::uint64_t> limit = number_of(context, Flag::limit, show_default, show_max);
    if (!limit) return context.fail(limit.error());
    const Result<std::uint64_t> since = since_of(context);
    if (!since) return context.fail(since.error());
    const Result<std::uint64_t> before = number_of(context, Flag::before, 0, INT64_MAX);
    if (!before) return context.fail(before.error());
    const Result<json> answer = records_of(context, {{"request", "audit.show"},
                                                     {"limit", *limit},
                                                     {"before", *before},
                                                     {"since", *since},
                                                     {"name", context.get(Flag::who)},
                                                     {"action", context.get(Flag::did)}});
    if (!answer) return context.fail(answer.error());
    if (context.json()) {
        context.print_json(*answer);
        return 0;
    }
    Table table({{"NUMBER", true},
                 {"WHEN"},
                 {"WHO"},
                 {"ROLE"},
                 {"ACTION"},
                 {"WHAT", false, true},
                 {"REASON", false, true}});
    for (const json& one : answer->at("records"))
        table.row({one.at("sequence").dump(), local_time(one.at("time").get<std::string>()),
                   text_of(one.at("name")), text_of(one.at("role")), text_of(one.at("action")),
                   text_of(one.at("what")), text_of(one.at("reason"))});
    context.print(table.empty() ? "No record.\n" : table.text(context.screen));
    if (answer->at("before").is_number())
        context.print("Older ones: --before " + answer->at("before").dump() + "\n");
    if (answer->at("broken").is_string())
        context.complain("the chain is broken: " + text_of(answer->at("broken")));
    return 0;
}

int run_audit_verify(Context& context) {
    const std::string head = context.get(Flag::head);
    if (!head.empty() && head.size() != audit_hash_digits)
        return context.fail({ErrorCode::usage, "--head is the hash of a record, 64 digits"});
    const Result<json> found =
        context.words.empty() ? verify_there(context, head) : verify_file(context.words[0], head);
    if (!found) return context.fail(found.error());
    const json& problem = found->at("problem");
    const int code = problem.is_null() ? 0 : static_cast<int>(ErrorCode::integrity);
    if (context.json()) {
        context.print_json(*found);
        return code;
    }
    if (!problem.is_null()) context.complain("cordonctl: " + text_of(problem));
    const auto torn = found->at("torn").get<std::uint64_t>();
    context.print(grouped(found->at("records").get<std::uint64_t>()) + " records" +
                  (problem.is_null() ? ", each behind the one before" : " before that") +
                  (torn == 0 ? std::string()
                             : "; " + grouped(torn) + " pieces that a crash left, on record") +
                  "\nhead " + found->at("sequence").dump() + " " + text_of(found->at("head")) +
                  "\n");
    return code;
}

}  // namespace cordon
