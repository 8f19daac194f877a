// `cordonctl status` and `coverage`: through cordond, and straight from the dataplane when cordond
// does not answer.

#include <algorithm>

#include "control/cli/cli.h"
#include "control/cli/problems.h"
#include "control/config/config.h"
#include "control/daemon/clocks.h"
#include "control/daemon/request.h"
#include "control/link/dataplane_link.h"
#include "control/link/link_json.h"
#include "dataplane/contract/keyed_tag.h"

namespace cordon {

namespace {

using nlohmann::json;

Result<DataplaneLink> dataplane_of(const Context& context) {
    const Result<std::string> run_dir = run_dir_of(context);
    if (!run_dir) return Failure(run_dir.error());
    const Result<std::uint32_t> timeout_ms = timeout_of(context);
    if (!timeout_ms) return Failure(timeout_ms.error());
    return DataplaneLink(dataplane_socket_path(*run_dir), *timeout_ms);
}

Result<json> status_without_cordond(const Context& context, const Error& why) {
    const Result<DataplaneLink> link = dataplane_of(context);
    if (!link) return Failure(link.error());
    json result = {{"control", {{"reachable", false}, {"error", error_json(why)}}},
                   {"restart_needed", false}};
    if (const Result<LinkStatus> status = link->status()) {
        result["dataplane"] = status_json(*status);
        result["dataplane"]["reachable"] = true;
    } else {
        result["dataplane"] = {{"reachable", false}, {"error", error_json(status.error())}};
    }
    return result;
}

bool reachable(const json& part) {
    return part.at("reachable").get<bool>();
}

std::uint64_t number(const json& value) {
    return value.get<std::uint64_t>();
}

std::string count_of(const json& value, const char* one, const char* many) {
    const std::uint64_t n = number(value);
    return grouped(n) + " " + (n == 1 ? one : many);
}

std::string since(const json& time) {
    if (!time.is_string()) return "";
    const std::string iso = time.get<std::string>();
    const std::uint64_t then = seconds_of(iso);
    const std::uint64_t now = unix_seconds();
    const std::string ago = then != 0 && now > then ? " (" + duration(now - then) + ")" : "";
    return local_time(iso) + ago;
}

void add(std::string* page, const char* title, const std::string& text) {
    std::string line = title;
    line.resize(13, ' ');
    *page += line + text + "\n";
}

std::string index_line(const json& index) {
    if (number(index.at("generation")) == 0) return "none in force: nothing can match";
    return "generation " + std::to_string(number(index.at("generation"))) + ", " +
           count_of(index.at("indicators"), "indicator", "indicators") +
           (index.at("lab").get<bool>() ? " (LAB)" : "") + ", in force since " +
           since(index.at("loaded")) + ", in " + text_of(index.at("memory"));
}

// By what objects are dismissed, for each kind. One indicator without a size (a head) turns it off.
std::string dismissal_of(const std::string& kind, const json& counts) {
    const std::uint64_t all = number(counts.at("indicators"));
    std::string by;
    std::string without;
    for (const auto& [name, key] : {std::pair{"head", "with_head"}, {"size", "with_size"}}) {
        const std::uint64_t having = number(counts.at(key));
        if (having == all) {
            by += (by.empty() ? " by " : " and ") + std::string(name);
            continue;
        }
        without += (without.empty() ? "" : ", ") + grouped(all - having) + " of " + grouped(all) +
                   " have no " + name;
    }
    if (by.empty()) return kind + " never: " + without;
    return kind + by + (without.empty() ? "" : " (" + without + ")");
}

void add_dismissal(std::string* page, const json& index) {
    std::string line;
    for (const auto& [kind, counts] : index.at("kinds").items()) {
        if (kind == indicator_kind_name(IndicatorKind::pattern)) continue;
        line += (line.empty() ? "" : "; ") + dismissal_of(printable(kind), counts);
    }
    if (!line.empty()) add(page, "Dismissal", line);
}

// One line for each list that is more than an index made by hand.
void add_lists(std::string* page, const json& index) {
    bool keyed = false;
    for (const json& section : index.at("sections")) {
        if (section.at("kind") == "lab") continue;
        keyed = keyed || section.at("kind") == "feed";
        std::string line =
            text_of(section.at("name")) + ", epoch " + std::to_string(number(section.at("epoch"))) +
            ", generation " + std::to_string(number(section.at("generation"))) + ", " +
            count_of(section.at("indicators"), "indicator", "indicators") + ", may " +
            text_of(section.at("ceiling")) + ", " + text_of(section.at("state"));
        if (section.at("not_after").is_string())
            line += ", ends " + local_time(text_of(section.at("not_after")));
        add(page, "List", line);
    }
    if (keyed) add(page, "Keys", "key protection: " + text_of(index.at("key_protection")));
    const json& suspensions = index.at("suspensions");
    if (!suspensions.at("written").is_string()) return;
    add(page, "Suspensions",
        grouped(number(suspensions.at("in_force"))) + " in force, written " +
            local_time(text_of(suspensions.at("written"))));
}

void add_dataplane(std::string* page, const json& d) {
    if (!reachable(d)) {
        return add(page, "Dataplane", "DOWN: " + text_of(d.at("error").at("text")));
    }
    add(page, "Dataplane",
        "running since " + since(d.at("started")) + ", pid " + std::to_string(number(d.at("pid"))) +
            ", version " + text_of(d.at("version")) + ", ports " + text_of(d.at("port_kind")) +
            (d.at("xdp_attached").get<bool>() ? " with XDP" : "") + ", " +
            count_of(d.at("workers"), "worker", "workers"));
    add(page, "Index", index_line(d.at("index")));
    add_lists(page, d.at("index"));
    add_dismissal(page, d.at("index"));
    add(page, "Flows",
        grouped(number(d.at("flows"))) + " of " + grouped(number(d.at("flows_max"))) + ", " +
            grouped(number(d.at("flows_midstream"))) +
            " of them older than the dataplane and not inspected; " +
            byte_size(number(d.at("kept_bytes"))) + " kept until acknowledged");
    add(page, "Journal",
        "written to record " + std::to_string(number(d.at("journal").at("sequence"))) + ", " +
            count_of(d.at("journal").at("errors"), "error", "errors"));
}

void add_verifier(std::string* page, const json& v) {
    if (!v.at("configured").get<bool>()) return;
    std::string line = v.at("connected").get<bool>() ? "working" : "AWAY";
    line += " since " + since(v.at("since"));
    if (v.contains("waiting")) {
        const json& outcomes = v.at("outcomes");
        line += "; " + grouped(number(v.at("waiting"))) + " wait, " +
                grouped(number(outcomes.at("clean"))) + " were clean, " +
                grouped(number(outcomes.at("deleted"))) + " deleted";
    }
    add(page, "Verifier", line);
}

void add_selftests(std::string* page, const json& selftests) {
    for (const json& s : selftests) {
        const json& storage = s.at("storage");
        const std::uint64_t every = number(s.at("canary_seconds"));
        add(page, "Self-test",
            text_of(s.at("service")) + ": " +
                (s.at("result").is_string() ? text_of(s.at("result")) + ", " + since(s.at("time"))
                                            : std::string("not tested since cordond was started")) +
                (every == 0 ? "" : "; every " + duration(every)) +
                (storage.is_string() ? "; the storage " + text_of(storage) : ""));
    }
}

void add_approval(std::string* page, const json& c) {
    const json& approval = c.at("approval");
    const json& config = approval.at("config");
    const bool alone = number(approval.at("approvers")) == 1;
    add(page, "Approval",
        (alone ? std::string("ONE PERSON is enough to weaken this appliance (approvers = 1)")
               : std::string("two persons to weaken this appliance")) +
            "; configuration " + config.at("number").dump() + " since " + since(config.at("time")));
    add(page, "Audit",
        "record " + grouped(number(c.at("audit").at("sequence"))) + ", head " +
            text_of(c.at("audit").at("head")).substr(0, 16) + "…");
}

// Said where somebody has one.
void add_local_list(std::string* page, const json& list) {
    std::uint64_t hits = 0;
    for (const json& count : list.at("hits"))
        hits += number(count);
    if (number(list.at("entries")) + number(list.at("pending")) + hits == 0) return;
    add(page, "Own list",
        count_of(list.at("entries"), "entry", "entries") + " of " +
            grouped(number(list.at("entries_max"))) + ", only to report; " +
            grouped(number(list.at("pending"))) + " wait for a second person; " +
            count_of(json(hits), "hit", "hits") + " so far");
}

void add_control(std::string* page, const json& c) {
    if (!reachable(c)) {
        return add(page, "Control",
                   "DOWN: " + text_of(c.at("error").at("text")) +
                       "; the dataplane goes on with its index");
    }
    add(page, "Control",
        "cordond running since " + since(c.at("started")) + ", pid " +
            std::to_string(number(c.at("pid"))) + ", version " + text_of(c.at("version")));
    if (c.contains("approval")) add_approval(page, c);
    add_verifier(page, c.at("verify"));
    if (c.contains("local_list")) add_local_list(page, c.at("local_list"));
    add_selftests(page, c.value("selftest", json::array()));
    const json& store = c.at("store");
    if (store.contains("error")) return add(page, "Incidents", text_of(store.at("error")));
    add(page, "Incidents",
        grouped(number(store.at("incidents"))) +
            " in the store: " + grouped(number(store.at("blocked"))) + " blocked, " +
            grouped(number(store.at("reported"))) + " reported, " +
            grouped(number(store.at("observed"))) + " observed; " +
            grouped(number(store.at("enforced"))) + " blocks confirmed, " +
            grouped(number(store.at("unconfirmed")) + number(store.at("decided"))) +
            " not confirmed");
}

std::string service_table(const json& dataplane, const Screen& screen) {
    Table table(
        {{"SERVICE"}, {"MODE"}, {"UNTIL"}, {"FAIL"}, {"PASSED WITHOUT THE DATAPLANE", true}});
    for (const json& s : dataplane.at("services")) {
        const json& until = s.at("bypass_until");
        table.row({text_of(s.at("name")), text_of(s.at("mode")),
                   until.is_string() ? local_time(until.get<std::string>()) : "-",
                   text_of(s.at("fail")), byte_size(number(s.at("bypassed_bytes")))});
    }
    return table.empty() ? "" : "\n" + table.text(screen);
}

constexpr const char* policy_cases[] = {"tls", "unparsable", "midstream", "asymmetric", "limit"};
constexpr const char* policy_results[] = {"passed", "reset", "refused", "retired"};

// What is set, and how many connections met it.
std::string policy_cell(const json& policy) {
    std::uint64_t met = 0;
    for (const char* result : policy_results)
        met += number(policy.at(result));
    return text_of(policy.at("action")) + (met == 0 ? "" : ": " + grouped(met));
}

std::string policy_table(const json& dataplane, const Screen& screen) {
    Table table({{"SERVICE"}, {"TLS"}, {"UNPARSABLE"}, {"MIDSTREAM"}, {"ASYMMETRIC"}, {"LIMIT"}});
    for (const json& s : dataplane.at("services")) {
        std::vector<std::string> row = {text_of(s.at("name"))};
        for (const char* about : policy_cases)
            row.push_back(policy_cell(s.at("policies").at(about)));
        table.row(std::move(row));
    }
    return table.empty() ? "" : "\n" + table.text(screen);
}

std::string status_page(const json& status, const Screen& screen) {
    const bool lab = status.at("lab").get<bool>();
    const json& problems = status.at("problems");
    std::string page;
    if (lab) {
        page +=
            screen.red("LAB") + "          a test bench: indices built by hand are accepted here\n";
    }
    add(&page, "State", text_of(status.at("state")));
    add_dataplane(&page, status.at("dataplane"));
    add_control(&page, status.at("control"));
    if (reachable(status.at("dataplane"))) {
        page += service_table(status.at("dataplane"), screen);
        page += policy_table(status.at("dataplane"), screen);
    }
    if (!problems.empty()) page += "\n" + screen.bold("Needs attention") + "\n";
    for (const json& problem : problems)
        page += "  * " + text_of(problem) + "\n";
    return page;
}

// Asked again for a moment when the sum is not even: frames on their way are counted as received
// first, and in their class a moment later.
template <typename Ask>
Result<json> balanced_coverage(Ask&& ask_once) {
    constexpr int tries = 3;
    Result<json> coverage = ask_once();
    for (int i = 1; i < tries && coverage; ++i) {
        if (coverage->at("sum").at("balanced").template get<bool>() &&
            coverage->at("object_sum").at("balanced").template get<bool>())
            break;
        ::usleep(50 * 1000);
        coverage = ask_once();
    }
    return coverage;
}

Result<json> unlisted_of(const Context& context) {
    const Result<json> relayed = ask(context, {{"request", "unlisted"}});
    if (relayed || !cordond_is_away(relayed.error())) return relayed;
    const Result<DataplaneLink> link = dataplane_of(context);
    if (!link) return Failure(link.error());
    return link->unlisted().map([](const LinkUnlisted& u) { return unlisted_json(u); });
}

std::string frame_ledger(const json& coverage, const Screen& screen) {
    Table table({{"FRAMES"}, {"PACKETS", true}, {"BYTES", true}});
    std::uint64_t packets = 0;
    for (const json& line : coverage.at("frames")) {
        const std::string name = text_of(line.at("class"));
        packets += number(line.at("packets"));
        // A reason that never occurred says nothing; a plain class that is zero does.
        if (number(line.at("packets")) == 0 && name.starts_with("uninspected")) continue;
        table.row({name, grouped(number(line.at("packets"))), grouped(number(line.at("bytes")))});
    }
    const json& sum = coverage.at("sum");
    table.row({"sum", grouped(packets), grouped(number(sum.at("frame_bytes")))});
    std::uint64_t received = 0;
    for (const char* side : {"client", "storage"}) {
        const json& tally = coverage.at("ports").at(side).at("received");
        received += number(tally.at("packets"));
    }
    table.row(
        {"received by both ports", grouped(received), grouped(number(sum.at("received_bytes")))});
    const auto difference = sum.at("difference").get<std::int64_t>();
    const std::string check = difference == 0
                                  ? "sum = port counters: every byte is accounted for\n"
                                  : screen.red("sum ≠ port counters") + ": they differ by " +
                                        std::to_string(difference) +
                                        " bytes (frames on their way are counted a moment later)\n";
    return table.text(screen) + check;
}

// What the ports lost before any ledger could see it.
std::string port_losses(const json& coverage) {
    std::string text;
    for (const char* side : {"client", "storage"}) {
        const json& port = coverage.at("ports").at(side);
        if (number(port.at("missed")) + number(port.at("errors")) + number(port.at("oversized")) ==
            0) {
            continue;
        }
        text += "port " + std::string(side) +
                " lost by itself: " + grouped(number(port.at("missed"))) +
                " frames with a full queue, " + grouped(number(port.at("errors"))) +
                " with errors, " + grouped(number(port.at("oversized"))) + " larger than the MTU\n";
    }
    return text;
}

std::string object_ledger(const json& coverage, const Screen& screen) {
    Table table({{"OBJECTS"}, {"NUMBER", true}, {"BYTES", true}});
    std::uint64_t objects = 0;
    std::uint64_t bytes = 0;
    for (const json& line : coverage.at("objects")) {
        const std::string name = text_of(line.at("class"));
        objects += number(line.at("objects"));
        bytes += number(line.at("bytes"));
        if (number(line.at("objects")) == 0 && name.starts_with("uninspected")) continue;
        table.row({name, grouped(number(line.at("objects"))), grouped(number(line.at("bytes")))});
    }
    table.row({"sum", grouped(objects), grouped(bytes)});
    const json& sum = coverage.at("object_sum");
    table.row({"bodies by framing", "", grouped(number(sum.at("body_bytes")))});
    table.row({"without framing", "", grouped(number(sum.at("unframed_bytes")))});
    table.row({"of objects under way", "", grouped(number(sum.at("open_bytes")))});
    const auto difference = sum.at("difference").get<std::int64_t>();
    return table.text(screen) +
           (difference == 0
                ? "sum and under way = bodies and unframed: every byte is accounted for\n"
                : screen.red("sum and under way ≠ bodies and unframed") + ": they differ by " +
                      std::to_string(difference) + " bytes\n");
}

// What the objects were by their first bytes. One in another (a part, a decoded text, a member)
// counts beside it.
std::string type_table(const json& coverage, const Screen& screen) {
    Table table({{"TYPES"},
                 {"CLEAN", true},
                 {"BYTES", true},
                 {"DISMISSED", true},
                 {"BYTES", true},
                 {"MATCHED", true},
                 {"BYTES", true},
                 {"UNINSPECTED", true},
                 {"BYTES", true}});
    for (const json& line : coverage.at("types")) {
        std::vector<std::string> row = {text_of(line.at("type"))};
        std::uint64_t objects = 0;
        for (const char* verdict : {"clean", "dismissed", "matched", "uninspected"}) {
            const json& tally = line.at(verdict);
            objects += number(tally.at("objects"));
            row.push_back(grouped(number(tally.at("objects"))));
            row.push_back(grouped(number(tally.at("bytes"))));
        }
        if (objects != 0) table.row(std::move(row));
    }
    return table.empty() ? "" : "\n" + table.text(screen);
}

// What was done about connections that cannot be inspected.
std::string decisions_table(const json& services, const Screen& screen) {
    Table table({{"POLICY OF"},
                 {"ABOUT"},
                 {"ACTION"},
                 {"PASSED", true},
                 {"RESET", true},
                 {"REFUSED", true},
                 {"RETIRED", true}});
    for (const json& s : services) {
        for (const char* about : policy_cases) {
            const json& policy = s.at("policies").at(about);
            const bool met =
                std::any_of(std::begin(policy_results), std::end(policy_results),
                            [&](const char* result) { return number(policy.at(result)) != 0; });
            if (!met) continue;  // what is set stands in `status`
            std::vector<std::string> row = {text_of(s.at("name")), about,
                                            text_of(policy.at("action"))};
            for (const char* result : policy_results)
                row.push_back(grouped(number(policy.at(result))));
            table.row(std::move(row));
        }
    }
    return table.empty() ? "" : "\n" + table.text(screen);
}

// The services with their policies, as the dataplane has them; none when it does not answer.
json services_of(const Context& context) {
    const Result<json> status = fetch_status(context);
    if (!status || !reachable(status->at("dataplane"))) return json::array();
    return status->at("dataplane").at("services");
}

// Objects that are uninspected above, and were judged on the storage later.
std::string verified_text(const json& coverage) {
    if (!coverage.contains("verified_after_write")) return "";
    const json& v = coverage.at("verified_after_write");
    if (!v.contains("outcomes")) return "";
    const json& outcomes = v.at("outcomes");
    std::uint64_t judged = 0;
    std::uint64_t all = number(v.at("waiting"));
    for (const auto& [name, count] : outcomes.items()) {
        all += number(count);
        if (name == "clean" || name == "deleted" || name == "reported" || name == "replaced")
            judged += number(count);
    }
    if (all == 0) return "";
    return "verified after write: " + grouped(judged) + " of " + grouped(all) + " objects, " +
           grouped(number(outcomes.at("deleted"))) + " of them deleted; " +
           grouped(number(v.at("waiting"))) + " wait\n";
}

std::string outcome_table_text(const json& coverage, const Screen& screen) {
    Table table({{"OUTCOMES"}, {"NUMBER", true}, {"OF"}, {"MEANING", false, true}});
    for (const json& line : coverage.at("outcomes")) {
        if (number(line.at("value")) == 0) continue;
        table.row({text_of(line.at("name")), grouped(number(line.at("value"))),
                   text_of(line.at("unit")), text_of(line.at("help"))});
    }
    return table.empty() ? "" : "\n" + table.text(screen);
}

int print_unlisted(Context& context) {
    const Result<json> unlisted = unlisted_of(context);
    if (!unlisted) return context.fail(unlisted.error());
    if (context.json()) {
        context.print_json(*unlisted);
        return 0;
    }
    Table table({{"DESTINATION"}, {"PORT", true}, {"PACKETS", true}, {"BYTES", true}});
    for (const json& line : unlisted->at("destinations")) {
        table.row({text_of(line.at("address")), std::to_string(number(line.at("port"))),
                   grouped(number(line.at("packets"))), grouped(number(line.at("bytes")))});
    }
    context.print(table.empty()
                      ? "Nothing was bridged towards the storage that no service lists.\n"
                      : "Bridged towards the storage without inspection, because no service lists "
                        "it:\n\n" +
                            table.text(context.screen));
    return 0;
}

}  // namespace

Result<json> fetch_status(const Context& context) {
    Result<json> status = ask(context, {{"request", "status"}});
    if (status || !cordond_is_away(status.error())) return status;
    return status_without_cordond(context, status.error());
}

Result<json> fetch_coverage(const Context& context) {
    const Result<json> relayed = balanced_coverage([&] {
        return ask(context, {{"request", "coverage"}});
    });
    if (relayed || !cordond_is_away(relayed.error())) return relayed;
    const Result<DataplaneLink> link = dataplane_of(context);
    if (!link) return Failure(link.error());
    return balanced_coverage([&]() -> Result<json> {
        return link->counters().map([](const LinkCounters& c) { return coverage_json(c); });
    });
}

int run_status(Context& context) {
    Result<json> status = fetch_status(context);
    if (!status) return context.fail(status.error());
    const ErrorCode code = judge_status(&*status);
    if (context.json()) {
        context.print_json(*status);
    } else {
        context.print(status_page(*status, context.screen));
    }
    return static_cast<int>(code);
}

int run_coverage(Context& context) {
    if (context.has(Flag::unlisted)) return print_unlisted(context);
    const Result<json> coverage = fetch_coverage(context);
    if (!coverage) return context.fail(coverage.error());
    const json services = services_of(context);
    if (context.json()) {
        json all = *coverage;
        all["services"] = services;
        context.print_json(all);
        return 0;
    }
    context.print(frame_ledger(*coverage, context.screen) + port_losses(*coverage) + "\n" +
                  object_ledger(*coverage, context.screen) + verified_text(*coverage) +
                  type_table(*coverage, context.screen) +
                  decisions_table(services, context.screen) +
                  outcome_table_text(*coverage, context.screen));
    return 0;
}

}  // namespace cordon
