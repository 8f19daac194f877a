// `cordonctl audit show|verify`: through cordond, or of a file.

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

Result<json> verify_file(const std::string& path, const std::string& head) {
    return read_audit_file(path).map([&head](const std::string& file) {
        return audit_check_json(check_audit(file, head), head);
    });
}

}  // namespace

int run_audit_show(Context& context) {
    const Result<std::uint64_t> limit = number_of(context, Flag::limit, show_default, show_max);
    if (!limit) return context.fail(limit.error());
    const Result<std::uint64_t> since = since_of(context);
    if (!since) return context.fail(since.error());
    const Result<json> answer =
        ask(context, {{"request", "audit.show"}, {"limit", *limit}, {"since", *since}});
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
    if (answer->at("broken").is_string())
        context.complain("the chain is broken: " + text_of(answer->at("broken")));
    return 0;
}

int run_audit_verify(Context& context) {
    const std::string head = context.get(Flag::head);
    if (!head.empty() && head.size() != audit_hash_digits)
        return context.fail({ErrorCode::usage, "--head is the hash of a record, 64 digits"});
    const Result<json> found = context.words.empty()
                                   ? ask(context, {{"request", "audit.verify"}, {"head", head}})
                                   : verify_file(context.words[0], head);
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
