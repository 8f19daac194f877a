// What weakens: every key has its direction, and a change in that direction needs a second person.

#include "control/approval/weakening.h"

#include <algorithm>
#include <set>

#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

const std::string ports = "[ports]\nclient = \"a0\"\nstorage = \"b0\"\n";
const std::string answer =
    "[answer]\ncomplaint_url = 'https://a'\ncontact = 'b'\nlegal_basis = 'c'\n";

Config config(const std::string& text) {
    const Result<Config> read = parse_config(text, "t.toml");
    if (!read) fail_msg("%s", read.error().message().c_str());
    return *read;
}

std::string service(const std::string& rest, const char* address = "192.0.2.0/24") {
    return "[[service]]\nname = 'photos'\naddress = '" + std::string(address) + "'\nport = 80\n" +
           rest;
}
std::string with(const std::string& rest) {
    return answer + ports + rest;
}

// "service photos.mode weakens", one for each change.
std::string effects(const std::string& before, const std::string& after) {
    std::string all;
    for (const Change& change : changes_between(config(before), config(after)))
        all += (all.empty() ? "" : ", ") + change.key + " " +
               std::string(effect_names[static_cast<std::size_t>(change.effect)]);
    return all;
}

void expect(const std::string& before, const std::string& after, const char* there,
            const char* back) {
    const std::string forth = effects(before, after), return_ = effects(after, before);
    if (forth != there) fail_msg("wanted: %s\ngot:    %s", there, forth.c_str());
    if (return_ != back) fail_msg("back: wanted: %s\ngot:    %s", back, return_.c_str());
}

void every_key_has_its_direction(void**) {
    const std::vector<std::string> keys = config_keys();
    const std::vector<std::string> known = classified_keys();
    for (const std::string& key : keys) {
        const bool section = std::any_of(keys.begin(), keys.end(), [&](const std::string& other) {
            return other.starts_with(key + ".");
        });
        if (section || std::find(known.begin(), known.end(), key) != known.end()) continue;
        fail_msg("%s has no row in control/approval/weakening.cpp", key.c_str());
    }
    for (const std::string& key : known)
        if (std::find(keys.begin(), keys.end(), key) == keys.end())
            fail_msg("%s is no key of the configuration", key.c_str());
    assert_int_equal(std::set<std::string>(known.begin(), known.end()).size(), known.size());
}

void what_looks_different_and_is_not_changes_nothing(void**) {
    expect(with(service("")), with("# a remark\n" + service("mode = 'enforce'\nfail = 'open'\n")),
           "", "");
}

void modes_and_policies_have_a_direction(void**) {
    const auto of = [](const char* key, const char* strong, const char* weak) {
        expect(with(service(std::string(key) + " = " + strong + "\n")),
               with(service(std::string(key) + " = " + weak + "\n")),
               ("service photos." + std::string(key) + " weakens").c_str(),
               ("service photos." + std::string(key) + " strengthens").c_str());
    };
    of("mode", "'enforce'", "'observe'");
    of("on_tls", "'reset'", "'pass'");
    of("on_unparsable", "'refuse'", "'pass'");
    of("on_limit", "'refuse'", "'pass'");
    of("on_midstream", "'retire'", "'pass'");
    of("on_midstream", "'refuse'", "'retire'");
    of("allow_upgrade", "false", "true");
    of("weak_blocks", "true", "false");
    of("dismiss", "'head'", "'size'");
    of("embedded_archives", "'search'", "'ignore'");
    expect(with(service("")), with(service("copy_sources = 'path'\n")),
           "service photos.copy_sources weakens", "service photos.copy_sources strengthens");
    expect(with(service("on_tls = 'reset'\n")), with(service("on_tls = 'refuse'\n")),
           "service photos.on_tls neutral", "service photos.on_tls neutral");
    // It brings another default along, which is in force as well.
    expect(with(service("fail = 'closed'\n")), with(service("fail = 'open'\n")),
           "service photos.fail weakens, service photos.on_midstream weakens",
           "service photos.fail strengthens, service photos.on_midstream strengthens");
}

void a_service_that_goes_or_shrinks_weakens(void**) {
    expect(with(service("")), with(""), "service photos weakens", "service photos strengthens");
    expect(with(service("")), with(service("", "192.0.2.0/25")), "service photos.address weakens",
           "service photos.address strengthens");
    expect(with(service("")), with(service("", "198.51.100.0/24")),
           "service photos.address weakens", "service photos.address weakens");
    expect(with(service("")), with(service("vlan = 7\n")), "service photos.vlan weakens",
           "service photos.vlan weakens");
    // One inside of another takes its uploads away.
    const std::string inside =
        service("") + "[[service]]\nname = 'b'\naddress = '192.0.2.9'\nport = 80\n";
    expect(with(service("")), with(inside), "service b weakens", "service b weakens");
    const std::string beside =
        service("") + "[[service]]\nname = 'b'\naddress = '192.0.2.9'\nport = 81\n";
    expect(with(service("")), with(beside), "service b strengthens", "service b weakens");
}

void limits_alarms_and_roots_of_trust_count(void**) {
    const std::string s = service("");
    expect(with("[limits]\nflows_max = 4096\n" + s), with("[limits]\nflows_max = 2048\n" + s),
           "limits.flows_max weakens", "limits.flows_max strengthens");
    expect(with(s), with("[log]\nevents = '/l'\n" + s), "log.events strengthens",
           "log.events weakens");
    expect(with("[log]\nevents = '/k'\n" + s), with("[log]\nevents = '/l'\n" + s),
           "log.events weakens", "log.events weakens");
    expect(with(s), with("[metrics]\nlisten = '/m'\n" + s), "metrics.listen strengthens",
           "metrics.listen weakens");
    expect(with(s), with("[operators]\napprovers = 1\n" + s), "operators.approvers weakens",
           "operators.approvers strengthens");
    expect(with(s), with("[control]\nclients_max = 9\n" + s), "control.clients_max neutral",
           "control.clients_max neutral");
    const std::string head = "[[feed]]\nname = 'f'\nmirrors = ['https://m']\n";
    expect(with(s), with(s + head + "root = '/r'\n"), "feed f strengthens", "feed f weakens");
    expect(with(s + head + "root = '/r'\n"), with(s + head + "root = '/q'\n"),
           "feed f.root weakens", "feed f.root weakens");
    expect(with(s + head + "root = '/r'\npoll_seconds = 60\n"),
           with(s + head + "root = '/r'\npoll_seconds = 600\n"), "feed f.poll_seconds weakens",
           "feed f.poll_seconds strengthens");
    // With the lab one person is enough as well.
    expect(with(s), "lab = true\n" + with(s), "lab weakens, operators.approvers weakens",
           "lab strengthens, operators.approvers strengthens");
}

void what_is_judged_on_the_storage_counts(void**) {
    const std::string verify =
        "verify = { api = 's3', endpoint = 'http://h:1', credentials = '/c' }\n";
    const std::string other =
        "verify = { api = 's3', endpoint = 'http://g:1', credentials = '/c' }\n";
    expect(with(service("")), with(service(verify)), "service photos.verify strengthens",
           "service photos.verify weakens");
    const auto selftest = [](const char* more) {
        return "selftest = { api = 's3', endpoint = 'http://h:1', credentials = '/c', folder = "
               "'/b/t'" +
               std::string(more) + " }\n";
    };
    expect(with(service("")), with(service(selftest(""))), "service photos.selftest strengthens",
           "service photos.selftest weakens");
    // Never is rarer than every day.
    expect(with(service(selftest(""))), with(service(selftest(", canary_seconds = 86400"))),
           "service photos.selftest.canary_seconds strengthens",
           "service photos.selftest.canary_seconds weakens");
    expect(with(service(selftest(", canary_seconds = 86400"))),
           with(service(selftest(", canary_seconds = 60"))),
           "service photos.selftest.canary_seconds strengthens",
           "service photos.selftest.canary_seconds weakens");
    expect(with(service(verify)), with(service(other)), "service photos.verify.endpoint weakens",
           "service photos.verify.endpoint weakens");
}

void says_it_in_words(void**) {
    const auto changes =
        changes_between(config(with(service(""))),
                        config("[node]\nprefix = 'C2'\n" + with(service("mode = 'observe'\n"))));
    assert_true(any_weakens(changes));
    const std::string text = changes_text(changes);
    assert_non_null(std::strstr(text.c_str(), "node.prefix: C1 to C2 (neutral)"));
    assert_non_null(std::strstr(text.c_str(), "service photos.mode: enforce to observe (weakens)"));
    assert_true(effect_of_mode(ServiceMode::enforce, ServiceMode::bypass) == Effect::weakens);
    assert_true(effect_of_mode(ServiceMode::bypass, ServiceMode::observe) == Effect::strengthens);
    assert_true(effect_of_mode(ServiceMode::observe, ServiceMode::observe) == Effect::neutral);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_key_has_its_direction),
        cmocka_unit_test(what_looks_different_and_is_not_changes_nothing),
        cmocka_unit_test(modes_and_policies_have_a_direction),
        cmocka_unit_test(a_service_that_goes_or_shrinks_weakens),
        cmocka_unit_test(limits_alarms_and_roots_of_trust_count),
        cmocka_unit_test(what_is_judged_on_the_storage_counts),
        cmocka_unit_test(says_it_in_words),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
