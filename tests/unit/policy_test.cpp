#include "dataplane/verdict/policy.h"

#include "dataplane/object/object.h"
#include "dataplane/verdict/hold.h"
#include "dataplane/worker/case_number.h"
#include "tests/support/cmocka_cpp.h"

using namespace cordon;

namespace {

void one_collision_prone_digest_alone_is_weak(void**) {
    assert_true(strength_of({IndicatorKind::md5}, 0) == Strength::weak);
    assert_true(strength_of({IndicatorKind::sha1}, 0) == Strength::weak);
    assert_true(strength_of({IndicatorKind::md5, IndicatorKind::sha1}, 0) == Strength::strong);
    assert_true(strength_of({IndicatorKind::sha256}, 0) == Strength::strong);
    assert_true(strength_of({IndicatorKind::sha256}, record_flag::weak) == Strength::weak);
}

void only_a_strong_match_of_a_list_with_the_right_blocks(void**) {
    struct Row {
        Strength strength;
        RightsCeiling ceiling;
        std::uint8_t flags;
        ServiceMode mode;
        bool weak_blocks;
        MatchAction action;
    };
    const Row rows[] = {
        {Strength::strong, RightsCeiling::block, 0, ServiceMode::enforce, false,
         MatchAction::block},
        {Strength::strong, RightsCeiling::report, 0, ServiceMode::enforce, true,
         MatchAction::report},
        {Strength::weak, RightsCeiling::block, 0, ServiceMode::enforce, false, MatchAction::report},
        {Strength::weak, RightsCeiling::block, 0, ServiceMode::enforce, true, MatchAction::block},
        {Strength::strong, RightsCeiling::block, record_flag::report_only, ServiceMode::enforce,
         true, MatchAction::report},
        {Strength::strong, RightsCeiling::block, 0, ServiceMode::observe, true,
         MatchAction::observe},
        {Strength::strong, RightsCeiling::block, 0, ServiceMode::bypass, true,
         MatchAction::observe},
    };
    for (const Row& row : rows)
        assert_true(action_for(row.strength, row.ceiling, row.flags, row.mode, row.weak_blocks) ==
                    row.action);
}

void age_and_suspensions_only_ever_weaken(void**) {
    struct Row {
        MatchAction action;
        Strength strength;
        std::uint64_t now_s;  // weak ones report after 20, all after 30
        SuspensionMode suspension;
        MatchAction left;
    };
    constexpr auto none = SuspensionMode::none;
    constexpr auto block = MatchAction::block;
    constexpr auto report = MatchAction::report;
    constexpr auto observe = MatchAction::observe;
    const Row rows[] = {
        {block, Strength::weak, 20, none, block},
        {block, Strength::weak, 21, none, report},
        {block, Strength::strong, 30, none, block},
        {block, Strength::strong, 31, none, report},
        {observe, Strength::strong, 31, none, observe},
        {report, Strength::weak, 31, none, report},
        {block, Strength::strong, 5, SuspensionMode::report_only, report},
        {observe, Strength::strong, 5, SuspensionMode::report_only, observe},
        {block, Strength::strong, 5, SuspensionMode::suspended, MatchAction::suspended},
        {observe, Strength::weak, 99, SuspensionMode::suspended, MatchAction::suspended},
    };
    const SectionTerms terms = {index_no_end, 10, 20, 30};
    for (const Row& row : rows)
        assert_true(restrained(row.action, row.strength, terms, row.suspension, row.now_s) ==
                    row.left);
}

void the_stronger_action_wins(void**) {
    assert_true(stronger(MatchAction::report, MatchAction::block) == MatchAction::block);
    assert_true(stronger(MatchAction::observe, MatchAction::suspended) == MatchAction::observe);
}

void a_hold_keeps_the_last_chunk_of_an_open_object(void**) {
    Hold hold;
    assert_int_equal(hold.cleared(100), 100);  // no object
    hold.object_bytes(100);
    assert_int_equal(hold.cleared(200), 100);
    hold.object_bytes(200);
    assert_int_equal(hold.cleared(300), 200);
    hold.release_at(300);
    assert_int_equal(hold.cleared(300), 300);
    hold.object_bytes(250);  // the next object began in a chunk that is judged up to 300
    assert_int_equal(hold.cleared(400), 300);
}

void case_numbers_carry_a_check_sign(void**) {
    CaseNumbers numbers("NL7", 42);
    char first[case_number_bytes];
    char second[case_number_bytes];
    numbers.next(&first);
    numbers.next(&second);
    assert_string_not_equal(first, second);
    assert_true(is_case_number(first));
    assert_true(is_case_number(second));
    assert_true(std::string_view(first).starts_with("NL7-"));
    for (std::size_t at = 4; first[at] != '\0'; ++at) {
        if (first[at] == '-') continue;
        const char was = first[at];
        first[at] = was == '7' ? '8' : '7';
        assert_false(is_case_number(first));
        first[at] = was;
    }
    assert_false(is_case_number(""));
    assert_false(is_case_number("NL7-0000"));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(one_collision_prone_digest_alone_is_weak),
        cmocka_unit_test(only_a_strong_match_of_a_list_with_the_right_blocks),
        cmocka_unit_test(age_and_suspensions_only_ever_weaken),
        cmocka_unit_test(the_stronger_action_wins),
        cmocka_unit_test(a_hold_keeps_the_last_chunk_of_an_open_object),
        cmocka_unit_test(case_numbers_carry_a_check_sign),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
