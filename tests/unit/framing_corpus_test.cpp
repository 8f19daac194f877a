// Every case of tests/framing/corpus.txt: through the parser, at every split and one byte at a
// time, and through a whole appliance, whose storage must not get the byte that was refused, nor
// the known file as the body of any request.
#include <fstream>
#include <memory>

#include "tests/framing/framed.h"
#include "tests/support/every_split.h"
#include "tests/support/guard_page.h"
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

namespace cordon {
namespace {

using namespace test;

constexpr const char* corpus_path = "tests/framing/corpus.txt";
constexpr std::string_view payload = "what must not pass unseen";

std::string told(const std::vector<FramedMessage>& messages, const std::string& end) {
    std::string text;
    for (const FramedMessage& message : messages) {
        text += message.method + " \"" + message.body.substr(0, 60) + "\" (" +
                std::to_string(message.body.size()) + " bytes); ";
    }
    return text + end;
}

bool as_wanted(const FramingCase& one, const Framed& got) {
    bool right = got.end == one.end && got.messages.size() == one.messages.size();
    for (std::size_t i = 0; right && i < got.messages.size(); ++i) {
        right = got.messages[i].method == one.messages[i].method &&
                got.messages[i].body == one.messages[i].body;
    }
    if (!right) {
        print_error("%s\n    wanted %s\n    got    %s\n", one.name.c_str(),
                    told(one.messages, one.end).c_str(), told(got.messages, got.end).c_str());
    }
    return right;
}

void every_case_ends_as_decided(void**) {
    int wrong = 0;
    for (const FramingCase& one : read_corpus(corpus_path, payload))
        wrong += !as_wanted(one, framed(as_bytes(one.bytes)));
    assert_int_equal(wrong, 0);
}

void no_case_depends_on_how_it_is_cut(void**) {
    for (const FramingCase& one : read_corpus(corpus_path, payload)) {
        const GuardedBytes guarded(as_bytes(one.bytes));
        const Framed wanted = framed(guarded.bytes());
        const auto check = [&](const std::vector<Bytes>& pieces) {
            if (!same(framed(pieces), wanted)) fail_msg("%s", one.name.c_str());
        };
        if (one.bytes.size() < 1500) {
            every_split(guarded.bytes(), check);
            continue;
        }
        for (std::size_t at = 1; at < one.bytes.size(); at += 997)
            check({guarded.bytes().first(at), guarded.bytes().subspan(at)});
    }
}

void every_family_is_documented(void**) {
    std::ifstream file("docs/http-framing.md");
    std::string first_cells;
    for (std::string line; std::getline(file, line);) {
        if (line.starts_with("| ")) first_cells += "," + line.substr(1, line.find(" |", 1) - 1);
    }
    first_cells += ",";
    for (const FramingCase& one : read_corpus(corpus_path, payload)) {
        if (first_cells.find(", " + one.family + ",") == std::string::npos)
            fail_msg("docs/http-framing.md does not name %s", one.family.c_str());
    }
}

// --- through the appliance ----------------------------------------------------------------------

std::string status_of(const std::string& answer) {
    return answer.size() < 12 ? "none" : answer.substr(9, 3);
}

bool has_known(const Framed& ours) {
    for (const FramedMessage& message : ours.messages) {
        if (message.body == known_content()) return true;
    }
    return false;
}

bool is_cut(const Framed& ours) {
    return has_known(ours) || ours.end.starts_with("http_") || ours.end == "not_http" ||
           ours.end == "tls";
}

// An answer behind requests that await theirs would be taken for one of those: then there is none.
std::string wanted_status(const Framed& ours) {
    if (!ours.messages.empty() && ours.messages[0].body == known_content()) return "403";
    if (!ours.messages.empty()) return "none";
    if (ours.end == "not_http") return "503";
    if (!ours.end.starts_with("http_")) return "none";
    return ours.end == "http_head_too_long" ? "431" : "400";
}

Outcome outcome_named(const std::string& name) {
    std::size_t at = 0;
    while (outcome_table[at].name != name)
        ++at;
    return static_cast<Outcome>(at);
}

void assert_handled(const FramingCase& one, const Lab& lab) {
    const Framed ours = framed(as_bytes(one.bytes));
    const std::string status = wanted_status(ours);
    const bool cut = is_cut(ours);
    if (status_of(lab.answer) != status)
        fail_msg("%s: answered %s, not %s", one.name.c_str(), status_of(lab.answer).c_str(),
                 status.c_str());
    if (cut != lab.storage_reset) fail_msg("%s: reset %d", one.name.c_str(), lab.storage_reset);
    if (ours.end.starts_with("http_") && !has_known(ours) &&
        lab.count(outcome_named(ours.end)) != 1)
        fail_msg("%s: not counted as %s", one.name.c_str(), ours.end.c_str());
    if (!cut && lab.stored != one.bytes) fail_msg("%s: not forwarded whole", one.name.c_str());
    if (lab.stored.size() > ours.forwardable || !one.bytes.starts_with(lab.stored))
        fail_msg("%s: forwarded what was refused", one.name.c_str());
    for (const FramedMessage& message : framed(as_bytes(lab.stored)).messages) {
        if (message.body == known_content()) fail_msg("%s: known file", one.name.c_str());
    }
}

void through_the_appliance(std::size_t segment) {
    const std::string known = known_content();
    for (const FramingCase& one : read_corpus(corpus_path, known)) {
        const auto lab = std::make_unique<Lab>();
        lab->use(index_of_contents({known}));
        lab->connect();
        lab->send(one.bytes, segment);
        lab->step(1000);
        assert_handled(one, *lab);
    }
}

void the_appliance_does_as_the_parser_says(void**) {
    through_the_appliance(1400);
}

void the_appliance_does_so_with_small_segments(void**) {
    through_the_appliance(61);
}

}  // namespace
}  // namespace cordon

int main() {
    using namespace cordon;
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_case_ends_as_decided),
        cmocka_unit_test(every_family_is_documented),
        cmocka_unit_test(no_case_depends_on_how_it_is_cut),
        cmocka_unit_test(the_appliance_does_as_the_parser_says),
        cmocka_unit_test(the_appliance_does_so_with_small_segments),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
