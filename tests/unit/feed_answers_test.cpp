// Who asked for a sync hears of it when the dataplane has what it brought, or will not have it.
#include "control/daemon/feed_answers.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using nlohmann::json;

namespace {

constexpr std::uint64_t now_ms = 1000;

FeedAnswers with_one(std::uint64_t generation) {
    FeedAnswers answers;
    answers.add({1, json{{"feeds", json::array()}}, generation}, now_ms);
    return answers;
}

void waits_until_it_is_in_force(void**) {
    FeedAnswers answers = with_one(7);
    assert_true(answers.take({true, false, 6, ""}, now_ms).empty());
    answers.heard();
    assert_true(answers.take({true, true, 6, "of the one before"}, now_ms).empty());
    assert_true(answers.waits());
    answers.heard();
    const auto ready = answers.take({true, false, 7, ""}, now_ms);
    assert_int_equal(ready.size(), 1);
    const json& said = ready[0].result->at("dataplane");
    assert_true(said == json({{"generation", 7}, {"in_force", true}, {"why", ""}}));
    assert_false(answers.waits());
}

void says_why_it_is_not(void**) {
    const struct {
        IndexSeen seen;
        std::uint64_t at_ms;
        const char* why;
    } cases[] = {
        {{false, false, 0, ""}, now_ms, "the dataplane does not answer"},
        {{true, false, 6, "no memory"}, now_ms, "no memory"},
        {{true, true, 6, ""}, now_ms + FeedAnswers::wait_ms_max, "it has not taken it yet"}};
    for (const auto& one : cases) {
        FeedAnswers answers = with_one(7);
        // What was known before it came says nothing about it.
        if (one.at_ms == now_ms) assert_true(answers.take(one.seen, one.at_ms).empty());
        answers.heard();
        const auto ready = answers.take(one.seen, one.at_ms);
        assert_int_equal(ready.size(), 1);
        assert_false(ready[0].result->at("dataplane").at("in_force").get<bool>());
        assert_true(ready[0].result->at("dataplane").at("why") == one.why);
    }
}

// What is not about an index, or failed, waits for nobody but for those before it.
void keeps_the_order(void**) {
    FeedAnswers answers;
    answers.add({1, failure(ErrorCode::refused, "no"), 7}, now_ms);
    answers.add({2, json::object(), 0}, now_ms);
    assert_int_equal(answers.take({}, now_ms).size(), 2);
    answers.add({3, json::object(), 7}, now_ms);
    answers.add({4, json::object(), 0}, now_ms);
    assert_true(answers.take({true, false, 6, ""}, now_ms).empty());
    const auto ready = answers.take({true, false, 8, ""}, now_ms);
    assert_int_equal(ready.size(), 2);
    assert_int_equal(ready[0].client, 3);
    assert_false(ready[1].result->contains("dataplane"));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(waits_until_it_is_in_force),
        cmocka_unit_test(says_why_it_is_not),
        cmocka_unit_test(keeps_the_order),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
