#include "control/cli/problems.h"

#include "control/cli/text.h"
#include "control/daemon/clocks.h"

namespace cordon {

namespace {

using nlohmann::json;

void add(json* problems, const std::string& text) {
    problems->at("all").push_back(text);
}

// Uploads are not inspected, or what is known may stay: somebody is to be woken.
void add_critical(json* problems, const std::string& text) {
    add(problems, text);
    problems->at("critical").push_back(text);
}

void add_text(json* problems, const std::string& what, const json& text) {
    if (text.is_string()) add(problems, what + text.get<std::string>());
}

void add_critical_text(json* problems, const std::string& what, const json& text) {
    if (text.is_string()) add_critical(problems, what + text.get<std::string>());
}

bool reachable(const json& part) {
    return part.at("reachable").get<bool>();
}

// An hour after the last one it is over: a route that flapped, or somebody who played.
void judge_directions(const json& service, json* problems) {
    constexpr std::uint64_t alarm_s = 3600;
    const json& last = service.at("asymmetric_last");
    if (!last.is_string()) return;
    const std::string time = last.get<std::string>();
    if (seconds_of(time) + alarm_s < unix_seconds()) return;
    const json& counts = service.at("policies").at("asymmetric");
    std::uint64_t all = 0;
    for (const char* result : {"passed", "reset", "refused", "retired"})
        all += counts.at(result).get<std::uint64_t>();
    add(problems, "service " + service.at("name").get<std::string>() + ": only one direction of " +
                      grouped(all) + " connections passed here, the last at " + local_time(time) +
                      "; check the routing (policy: " + counts.at("action").get<std::string>() +
                      ")");
}

void judge_services(const json& dataplane, json* problems) {
    for (const json& service : dataplane.at("services")) {
        judge_directions(service, problems);
        if (service.at("mode") != "bypass") continue;
        const json& until = service.at("bypass_until");
        add_critical(problems,
                     "service " + service.at("name").get<std::string>() +
                         " is not inspected (mode bypass)" +
                         (until.is_string() ? " until " + local_time(until.get<std::string>())
                                            : std::string()));
    }
}

void judge_lists(const json& index, json* problems) {
    for (const json& section : index.at("sections")) {
        const std::string state = section.at("state").get<std::string>();
        if (state == "in force") continue;
        const std::string name = printable(section.at("name").get<std::string>());
        add_critical(problems, "the list " + name + " is not fully in force: " + state);
    }
    add_critical_text(problems, "a key of the lists is missing: ", index.at("key_fault"));
    add_critical_text(
        problems, "the newest suspensions are not in force: ", index.at("suspensions").at("error"));
    if (index.at("clock_step_seconds").get<std::int64_t>() != 0)
        add(problems, "the clock stepped by " +
                          std::to_string(index.at("clock_step_seconds").get<std::int64_t>()) +
                          " s: grants, suspensions and the age of lists go by it");
}

void judge_dataplane(const json& d, json* problems) {
    if (!reachable(d)) {
        return add_critical(
            problems,
            "the dataplane does not answer: uploads pass or stop by the fail mode of each "
            "service, and are not inspected");
    }
    const json& index = d.at("index");
    if (index.at("generation").get<std::uint64_t>() == 0) {
        add_critical(problems, "no index is in force: no upload can match");
    }
    add_text(problems, "the last index was refused: ", index.at("error"));
    judge_lists(index, problems);
    if (d.at("distrusted").get<bool>())
        add_critical(problems,
                     "a canary found that known files pass: the dataplane feeds its watchdog no "
                     "more, and waits to be restarted");
    if (d.at("journal").at("errors").get<std::uint64_t>() != 0) {
        add_critical(problems,
                     "the journal could not be written at times; look at the disk of state_dir");
    }
    // With the other kinds of port there is nothing in the kernel to take over.
    if (d.at("port_kind") == "af_xdp" && !d.at("xdp_attached").get<bool>()) {
        add(problems,
            "the XDP program is not attached: nothing takes over when the dataplane dies");
    }
    for (const char* side : {"client", "storage"}) {
        const std::string state = d.at("ports").at(side).get<std::string>();
        if (state == "up") continue;
        add_critical(problems,
                     std::string("the ") + side + " port " +
                         (state == "held"   ? "is taken down until the other one has its link again"
                          : state == "down" ? "is down"
                                            : "has no link"));
    }
    judge_services(d, problems);
}

void judge_verifier(const json& v, json* problems) {
    if (v.contains("error")) return add_text(problems, "the verifier: ", v.at("error"));
    const auto count = [](const json& value) { return value.get<std::uint64_t>(); };
    const std::uint64_t waiting = count(v.at("waiting"));
    if (v.at("configured").get<bool>() && !v.at("connected").get<bool>()) {
        add(problems, "cordon-verifier is not there; " + grouped(waiting) +
                          " objects wait to be judged on the storage");
    }
    const json& last = v.at("last_failure");
    const std::string why = last.is_string() ? ": " + last.get<std::string>() : std::string();
    if (const std::uint64_t n = count(v.at("undeleted")); n != 0) {
        add_critical(problems,
                     grouped(n) + " known objects are on the storage and not yet deleted" + why);
    } else if (count(v.at("postponed")) != 0) {
        add(problems, grouped(count(v.at("postponed"))) +
                          " objects could not be judged on the storage yet" + why);
    }
    const json& outcomes = v.at("outcomes");
    if (const std::uint64_t n = count(outcomes.at("error")) + count(outcomes.at("overflow"));
        n != 0) {
        add(problems, grouped(n) +
                          " objects were never judged; `cordonctl verify list --outcome error` "
                          "names them, `cordonctl verify retry` tries again");
    }
}

// Known files pass, or may: whoever is on call is woken. A storage that cannot be reached, or that
// keeps what was cut, can wait for the day.
void judge_selftests(const json& selftests, json* problems) {
    for (const json& s : selftests) {
        if (!s.at("result").is_string() || s.at("result") == "ok") continue;
        const std::string result = s.at("result").get<std::string>();
        const std::string text = "self-test of service " + s.at("service").get<std::string>() +
                                 " (" + local_time(s.at("time").get<std::string>()) +
                                 "): " + s.at("text").get<std::string>();
        const bool passes = result == "passed" || result == "around" || result == "kept_whole" ||
                            result == "not_inspected";
        passes ? add_critical(problems, text) : add(problems, text);
    }
}

void judge_feeds(const json& feeds, json* problems) {
    for (const json& feed : feeds) {
        const std::string name = "feed " + feed.at("name").get<std::string>() + ": ";
        for (const json& alarm : feed.at("alarms"))
            add_text(problems, name, alarm);
        const json& hold = feed.at("hold");
        if (hold.is_object())
            add(problems, name + "no release is taken until " +
                              local_time(hold.at("until").get<std::string>()) + ": " +
                              hold.at("reason").get<std::string>());
        if (feed.at("imported").get<bool>())
            add(problems, name +
                              "news is brought by hand: a suspension is not in force within "
                              "minutes");
    }
}

void judge_approval(const json& c, json* problems) {
    if (!c.contains("approval")) return;  // of a release before
    const json& approval = c.at("approval");
    for (const json& one : approval.at("break_glass"))
        add_critical(problems, one.at("requester").get<std::string>() +
                                   " broke the glass: service " +
                                   one.at("service").get<std::string>() +
                                   " is bypassed by one person until " +
                                   local_time(one.at("until").get<std::string>()));
    for (const json& one : approval.at("pending"))
        add(problems, "waits for a second person until " +
                          local_time(one.at("until").get<std::string>()) + ": " +
                          one.at("what").get<std::string>() + " (`cordonctl pending`)");
    if (approval.at("file_differs").get<bool>())
        add(problems,
            "the file differs from the approved configuration, which is in force; `cordonctl "
            "config diff` shows how");
    const json& trial = approval.at("confirm_until");
    if (trial.is_string())
        add(problems, "the configuration is on trial until " +
                          local_time(trial.get<std::string>()) +
                          "; `cordonctl config commit` confirms it");
    add_critical_text(problems, "nothing can be recorded, so nothing can be changed: ",
                      c.at("audit").at("error"));
}

void judge_control(const json& c, json* problems) {
    if (!reachable(c)) {
        return add(problems,
                   "cordond does not answer: incidents wait in the journal, the index gets no "
                   "younger");
    }
    add_text(problems, "the configuration is wrong and was not taken: ", c.at("config_error"));
    judge_approval(c, problems);
    add_text(problems, "the audit trail goes on in a file that is too large: ",
             c.value("audit", json::object()).value("segment_problem", json()));
    add_text(problems, "the index is not in force: ", c.at("index").at("error"));
    if (c.contains("events") && c.at("events").is_object())
        add_text(problems, "the event log cannot be written: ", c.at("events").at("error"));
    const json& journal = c.at("journal");
    add_text(problems, "the journal cannot be read: ", journal.at("error"));
    judge_verifier(c.at("verify"), problems);
    judge_selftests(c.value("selftest", json::array()), problems);
    judge_feeds(c.at("feeds").at("feeds"), problems);
    if (c.contains("local_list"))
        add_text(problems, "the local list: ", c.at("local_list").at("problem"));
    const json& store = c.at("store");
    if (store.contains("error")) return add_text(problems, "the store: ", store.at("error"));
    if (store.at("missing").get<std::uint64_t>() != 0) {
        add(problems, grouped(store.at("missing").get<std::uint64_t>()) +
                          " records of the journal never came");
    }
    if (store.at("damaged").get<std::uint64_t>() != 0) {
        add(problems, grouped(store.at("damaged").get<std::uint64_t>()) +
                          " segments of the journal are damaged and were put aside");
    }
    if (store.at("odd_records").get<std::uint64_t>() != 0) {
        add(problems, grouped(store.at("odd_records").get<std::uint64_t>()) +
                          " records of the journal were not understood and kept aside");
    }
}

bool is_lab(const json& part) {
    return reachable(part) && part.at("lab").get<bool>();
}

}  // namespace

ErrorCode judge_status(json* status) {
    const json& dataplane = status->at("dataplane");
    const json& control = status->at("control");
    json problems = {{"all", json::array()}, {"critical", json::array()}};
    judge_dataplane(dataplane, &problems);
    judge_control(control, &problems);
    if (status->at("restart_needed").get<bool>()) {
        add(&problems, "the dataplane runs with an older configuration; restart cordon-dataplane");
    }
    const bool none = problems.at("all").empty();
    const bool nobody = !reachable(dataplane) && !reachable(control);
    (*status)["lab"] = is_lab(dataplane) || is_lab(control);
    (*status)["state"] = nobody ? "nothing answers" : none ? "works" : "needs attention";
    (*status)["problems"] = problems.at("all");
    (*status)["critical"] = problems.at("critical");
    return nobody ? ErrorCode::unreachable : none ? all_well : ErrorCode::degraded;
}

}  // namespace cordon
