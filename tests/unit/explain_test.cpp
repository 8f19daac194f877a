// `cordonctl explain`: one screen whatever the case is like, in words that fit it.
#include <sstream>

#include "control/cli/cli.h"
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using nlohmann::json;

namespace {

json match(const char* from = "feed") {
    return {{"section", from == std::string("local") ? "local" : "centre"},
            {"from", from},
            {"strength", "strong"},
            {"kinds", {"sha256"}},
            {"generation", 17},
            {"generation_now", 18},
            {"reference", "00000000000003e9"},
            {"source", 2},
            {"category", 1},
            {"ceiling", from == std::string("local") ? "report" : "block"},
            {"local", from == std::string("local")},
            {"weak", false},
            {"flags", 8},
            {"suspended", nullptr},
            {"origin", from == std::string("local") ? json("hotline") : json(nullptr)},
            {"entry", nullptr}};
}

json blocked() {
    return {{"case", "TEST-1234-5678-9ABC"},
            {"time", "2026-11-21T20:00:01.123Z"},
            {"lab", false},
            {"review", false},
            {"service", "photos"},
            {"method", "PUT"},
            {"action", "block"},
            {"status", "enforced"},
            {"kept", "nothing"},
            {"form", "archive-member"},
            {"content_type", "jpeg"},
            {"size", 1234567},
            {"complete", true},
            {"verified_after_write", false},
            {"visible_seconds", nullptr},
            {"policy_generation", 4},
            {"legal_basis", "detection order 12/2024"},
            {"personal", "sealed"},
            {"destroyed_after", "2027-02-19T20:00:01.123Z"},
            {"held", false},
            {"matches", {match()}},
            {"since", json::array()},
            {"next",
             {{{"command", "cordonctl incidents hold TEST-1234-5678-9ABC --for 90d --reason WHY"},
               {"why", "a complaint"}}}}};
}

void assert_fits(const std::string& page) {
    std::istringstream lines(page);
    std::string line;
    std::size_t count = 0;
    while (std::getline(lines, line)) {
        ++count;
        if (width_of(line) > 80) fail_msg("too wide: %s", line.c_str());
    }
    if (count == 0 || count > 24) fail_msg("%zu lines:\n%s", count, page.c_str());
}

void assert_says(const json& answer, std::initializer_list<const char*> parts) {
    const std::string page = explained(answer);
    assert_fits(page);
    std::string flat;  // as if it were not wrapped
    std::istringstream words(page);
    for (std::string word; words >> word;)
        flat += word + " ";
    for (const char* part : parts)
        if (flat.find(part) == std::string::npos) fail_msg("no \"%s\" in:\n%s", part, page.c_str());
}

void says_what_a_block_was(void**) {
    assert_says(blocked(),
                {"Case TEST-1234-5678-9ABC", "An upload to service photos was refused on",
                 "a file in an archive, 1,234,567 bytes, jpeg, by PUT", "kept nothing",
                 "sealed until", "list centre by sha256 (strong)", "might block",
                 "reference 00000000000003e9", "detection order 12/2024; policy 4",
                 "nothing has been done about it yet", "incidents hold TEST-1234-5678-9ABC"});
}

void says_what_became_of_it(void**) {
    json c = blocked();
    c["kept"] = "unconfirmed";
    assert_says(c, {"nobody has confirmed"});
    c["verified_after_write"] = true;
    c["kept"] = "deleted";
    c["visible_seconds"] = 65.5;
    assert_says(c, {"was found on the storage of service photos", "deleted; it was visible for"});
    c["kept"] = "to be deleted";
    assert_says(c, {"it is to be deleted"});
    c = blocked();
    c["action"] = "observe";
    c["kept"] = "stored";
    assert_says(c, {"was in mode observe", "has the file: nothing was done to it"});
    c["action"] = "report";
    c["complete"] = false;
    assert_says(c, {"are only reported", "known before its declared end"});
    c["personal"] = "destroyed";
    assert_says(c, {"has been destroyed"});
}

void says_what_happened_since(void**) {
    json c = blocked();
    c["matches"][0]["suspended"] = {
        {"what", "reference"}, {"value", 1001},           {"since", "2026-11-22T10:00:00Z"},
        {"until", nullptr},    {"reason", "a complaint"}, {"lapsed", false}};
    c["since"] = {{{"time", "2026-11-22T11:00:00Z"}, {"action", "incident.revealed"}},
                  {{"time", "2026-11-22T12:00:00Z"}, {"action", "incident.held"}}};
    c["held"] = true;
    assert_says(c, {"list centre has suspended this reference since",
                    "was shown with its person on", "was held on", "held for somebody"});
    c = blocked();
    c["matches"][0]["from"] = "unknown";
    assert_says(c, {"list centre is no longer here"});
    c["matches"][0]["ceiling"] = nullptr;  // of an older release
    assert_says(c, {"its rights are not on record"});
}

void says_what_a_review_is(void**) {
    json c = blocked();
    c["action"] = "report";
    c["kept"] = "stored";
    c["review"] = true;
    c["personal"] = "none";
    c["destroyed_after"] = nullptr;
    c["matches"] = {match("local")};
    assert_says(c, {"your own list only asks for a look", "nothing was recorded of whose file",
                    "your own list by sha256 (strong); hotline, off the list since, entry 1001",
                    "might only report"});
    c["matches"][0]["entry"] = {{"entry", 1001}, {"origin", "hotline"}, {"id", "INHOPE/17"}};
    assert_says(c, {"hotline INHOPE/17"});
    c["next"] = json::array();
    assert_says(c, {"nothing can be done about it any more"});
}

void fits_one_screen_whatever_it_holds(void**) {
    json c = blocked();
    c["lab"] = true;
    c["case"] = std::string(31, 'C');
    c["service"] = std::string(31, 's');
    c["method"] = std::string(23, 'M');
    c["form"] = "content-coding";
    c["size"] = UINT64_MAX;
    c["complete"] = false;
    c["held"] = true;
    c["verified_after_write"] = true;
    c["legal_basis"] = std::string(127, 'b');
    c["policy_generation"] = UINT64_MAX;
    json full = match();
    full["section"] = std::string(31, 'x');
    full["kinds"] = {"sha256", "sha256-tree", "sha1", "md5", "pattern"};
    full["generation"] = UINT64_MAX;
    full["source"] = 65535;
    full["suspended"] = {{"what", "generation"},
                         {"value", 1},
                         {"since", "2026-11-22T10:00:00Z"},
                         {"until", nullptr},
                         {"reason", std::string(500, 'r') + " ü ü"},
                         {"lapsed", false}};
    json own = match("local");
    own["entry"] = {{"entry", 1}, {"origin", "hotline"}, {"id", std::string(64, 'i')}};
    c["matches"] = {own, full, full, full, full, full, full, full};
    for (int n = 0; n < 20; ++n) {
        c["since"].push_back({{"time", "2026-11-22T10:00:00Z"}, {"action", std::string(80, 'a')}});
        c["next"].push_back({{"command", "cordonctl feed sync " + std::string(31, 'x')},
                             {"why", std::string(70, 'w')}});
    }
    assert_says(c, {"and 5 more"});
    // Nothing that a feed or an operator wrote steers the terminal.
    c["legal_basis"] = "\x1b[2Jgone";
    assert_true(explained(c).find('\x1b') == std::string::npos);
}

void wraps_at_spaces_and_cuts_what_is_too_much(void**) {
    const auto rows = wrapped("one two three four", 9, 9);
    assert_int_equal(rows.size(), 3);
    assert_string_equal(rows[0].c_str(), "one two");
    assert_string_equal(rows[1].c_str(), "three");
    assert_string_equal(rows[2].c_str(), "four");
    assert_string_equal(wrapped("one two three four", 9, 1)[0].c_str(), "one two…");
    assert_string_equal(wrapped("123456789 x", 9, 1)[0].c_str(), "12345678…");
    assert_string_equal(wrapped("üüüüüüüüüü", 4, 2)[0].c_str(), "üüüü");
    assert_string_equal(wrapped("üüüüüüüüüü", 4, 2)[1].c_str(), "üüü…");
    assert_true(wrapped("", 9, 3).empty());
    for (std::size_t width = 1; width < 20; ++width)
        for (const std::string& row : wrapped("a bb ccc dddd eeeee  üüüüüü", width, 99))
            assert_true(width_of(row) <= width);
}

}  // namespace

int main() {
    ::setenv("TZ", "UTC", 1);
    const CMUnitTest tests[] = {
        cmocka_unit_test(says_what_a_block_was),
        cmocka_unit_test(says_what_became_of_it),
        cmocka_unit_test(says_what_happened_since),
        cmocka_unit_test(says_what_a_review_is),
        cmocka_unit_test(fits_one_screen_whatever_it_holds),
        cmocka_unit_test(wraps_at_spaces_and_cuts_what_is_too_much),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
