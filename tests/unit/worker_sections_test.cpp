// Several lists in one index, what their suspensions and their age leave of a match, and what a
// record says of them.
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"
#include "tests/support/worker_allocations.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr auto block = RightsCeiling::block;
constexpr auto report = RightsCeiling::report;

struct Listed {
    const char* name;
    RightsCeiling ceiling = block;
    std::uint64_t reference = 1;
    IndicatorKind kind = IndicatorKind::sha256;
    std::uint8_t flags = 0;
    std::uint32_t epoch = 1;
    SectionTerms terms = terms_until(index_no_end);
};

// Each list has the known file, under a key of its own.
AlignedBytes index_of(std::initializer_list<Listed> lists) {
    IndexBuilder builder({.lab = true, .generation = 9, .created_s = index_now_s});
    std::uint8_t key = 0;
    for (const Listed& list : lists) {
        const std::uint32_t section = *builder.add_section({.name = list.name,
                                                            .kind = SectionKind::feed,
                                                            .ceiling = list.ceiling,
                                                            .epoch = list.epoch,
                                                            .generation = 100u + key,
                                                            .terms = list.terms},
                                                           key_of(key));
        ++key;
        std::uint8_t digest[32];
        const std::string content = known_content();
        if (list.kind == IndicatorKind::sha256)
            SHA256(as_bytes(content).data(), content.size(), digest);
        else
            SHA1(as_bytes(content).data(), content.size(), digest);
        builder.add(section, {.kind = list.kind,
                              .digest = Bytes(digest).first(digest_length(list.kind)),
                              .reference = list.reference,
                              .source = 5,
                              .flags = list.flags});
    }
    return built(&builder);
}

Suspension suspension(const char* list, SuspensionOf what, std::uint64_t value, SuspensionMode mode,
                      std::uint64_t until_s = index_now_s + 1000) {
    Suspension made = {};
    std::strncpy(made.name, list, sizeof made.name - 1);
    made.what = what;
    made.value = value;
    made.mode = mode;
    made.until_s = until_s;
    return made;
}

struct Line {
    Lab lab;
    Suspensions suspensions;

    explicit Line(AlignedBytes image, Options options = lab_options()) : lab(options) {
        lab.use(std::move(image));
        lab.connect();
    }
    void suspend(std::vector<Suspension> entries, std::vector<ListAge> ages = {}) {
        suspensions = *Suspensions::read(
            as_bytes(write_suspensions(std::move(entries), std::move(ages), index_now_s)));
        lab.worker->use_suspensions(&suspensions);
    }
    void upload() {
        lab.send(put("/known", known_content()));
        lab.step(2000);
    }
    bool passed() const { return lab.stored == put("/known", known_content()); }
    bool blocked() const { return lab.storage_reset && lab.answer.starts_with("HTTP/1.1 403 "); }
    std::size_t records() const { return lab.recorder.decided_records.size(); }
    const IncidentRecord& record() const { return lab.recorder.decided_records.back().record; }
    bool names(const char* list) const {
        const IncidentRecord& of = record();
        return std::any_of(of.matches, of.matches + of.match_count, [&](const MatchRecord& match) {
            return std::string_view(match.section) == list;
        });
    }
};

// --- several lists -------------------------------------------------------------------------------

void the_strongest_action_that_a_list_permits_wins_wherever_it_stands(void**) {
    const std::initializer_list<Listed> orders[] = {
        {{"a", block}, {"b", report}},
        {{"a", report}, {"b", block}},
        {{"a", report}, {"b", report}, {"c", block}, {"d", report}},
    };
    for (const auto& lists : orders) {
        Line line(index_of(lists));
        line.upload();
        assert_true(line.blocked());
        assert_int_equal(line.record().match_count, lists.size());
        for (const Listed& list : lists)
            assert_true(line.names(list.name));
        // What led to the action comes first.
        const auto leads = std::find_if(lists.begin(), lists.end(),
                                        [](const Listed& list) { return list.ceiling == block; });
        assert_string_equal(line.record().matches[0].section, leads->name);
    }
}

void lists_that_may_only_report_do_not_block_together(void**) {
    Line line(index_of({{"a", report}, {"b", report}, {"c", report}}));
    line.upload();
    assert_true(line.passed());
    assert_int_equal(line.record().action, MatchAction::report);
    assert_int_equal(line.record().match_count, 3);
}

// A digest of one list does not make one of another strong.
void weak_digests_of_two_lists_do_not_agree_with_each_other(void**) {
    Line line(
        index_of({{"a", block, 1, IndicatorKind::sha1}, {"b", block, 1, IndicatorKind::sha1}}));
    line.upload();
    assert_true(line.passed());
    assert_int_equal(line.record().action, MatchAction::report);
    assert_int_equal(line.record().match_count, 2);
}

void a_record_names_all_of_eight_lists(void**) {
    Line line(index_of({{"a", report},
                        {"b", report},
                        {"c", report},
                        {"d", report},
                        {"e", report},
                        {"f", report},
                        {"g", report},
                        {"h", block}}));
    line.upload();
    assert_true(line.blocked());
    assert_int_equal(line.record().match_count, 8);
    for (const char* name : {"a", "b", "c", "d", "e", "f", "g", "h"})
        assert_true(line.names(name));
}

void two_epochs_of_a_list_are_told_apart_by_their_generations(void**) {
    Line line(index_of({{"centre", block, 7, IndicatorKind::sha256, 0, 1},
                        {"centre", block, 7, IndicatorKind::sha256, 0, 2}}));
    line.upload();
    assert_true(line.blocked());
    assert_int_equal(line.record().match_count, 2);
    assert_int_equal(line.record().matches[0].generation + line.record().matches[1].generation,
                     201);
}

// --- suspensions ---------------------------------------------------------------------------------

void a_suspended_indicator_does_nothing(void**) {
    Line line(index_of({{"a", block, 7}}));
    line.suspend({suspension("a", SuspensionOf::reference, 7, SuspensionMode::suspended)});
    line.upload();
    assert_true(line.passed());
    assert_int_equal(line.records(), 0);
    assert_int_equal(line.lab.count(Outcome::match_suspended), 1);
    assert_int_equal(line.lab.count(Outcome::object_clean), 1);
    assert_int_equal(line.lab.count(Outcome::object_matched), 0);
}

void a_suspended_source_or_generation_only_reports(void**) {
    for (const auto& [what, value] : {std::pair{SuspensionOf::source, std::uint64_t{5}},
                                      std::pair{SuspensionOf::generation, std::uint64_t{100}}}) {
        Line line(index_of({{"a", block, 7}}));
        line.suspend({suspension("a", what, value, SuspensionMode::report_only)});
        line.upload();
        assert_true(line.passed());
        assert_int_equal(line.record().action, MatchAction::report);
    }
}

// Both epochs of a list are that list; another list is none of its business.
void a_suspension_is_of_one_list_and_all_its_epochs(void**) {
    Line epochs(index_of({{"a", block, 7, IndicatorKind::sha256, 0, 1},
                          {"a", block, 7, IndicatorKind::sha256, 0, 2}}));
    epochs.suspend({suspension("a", SuspensionOf::reference, 7, SuspensionMode::suspended)});
    epochs.upload();
    assert_true(epochs.passed());

    Line lists(index_of({{"a", block, 7}, {"b", block, 7}}));
    lists.suspend({suspension("a", SuspensionOf::reference, 7, SuspensionMode::suspended)});
    lists.upload();
    assert_true(lists.blocked());
    assert_string_equal(lists.record().matches[0].section, "b");
    assert_true(lists.names("a"));
}

// All but the end of the object is at the storage, and its tail is held.
void a_tail_that_is_held_when_a_suspension_arrives_is_released(void**) {
    Line line(index_of({{"a", block, 7}}));
    const std::string request = put("/known", known_content());
    line.lab.send(std::string_view(request).substr(0, request.size() - 1));
    assert_true(line.lab.stored.size() < request.size() - 1);
    line.suspend({suspension("a", SuspensionOf::reference, 7, SuspensionMode::suspended)});
    line.lab.send(std::string_view(request).substr(request.size() - 1));
    assert_true(line.passed());
    assert_int_equal(line.records(), 0);
}

void a_suspension_that_ends_while_an_object_is_on_its_way_holds_no_more(void**) {
    Line line(index_of({{"a", block, 7}}));
    line.suspend(
        {suspension("a", SuspensionOf::reference, 7, SuspensionMode::suspended, index_now_s + 5)});
    const std::string request = put("/known", known_content());
    line.lab.send(std::string_view(request).substr(0, 1500));
    line.lab.step(7'000'000);
    line.lab.acknowledge();
    line.lab.send(std::string_view(request).substr(1500));
    line.lab.step(2000);
    assert_true(line.blocked());
}

void judging_by_suspensions_allocates_nothing(void**) {
    Line line(index_of({{"a", block, 7}, {"b", report, 8}, {"c", report, 9}}));
    line.suspend({suspension("a", SuspensionOf::reference, 7, SuspensionMode::report_only),
                  suspension("b", SuspensionOf::source, 5, SuspensionMode::suspended)},
                 {});
    assert_int_equal(allocations_of(&line.lab, put("/known", known_content()), 500), 0);
    assert_int_equal(line.records(), 1);
}

// --- growing old ---------------------------------------------------------------------------------

// Without control nobody tells the worker: it knows the times.
void a_list_that_grows_old_steps_down_by_itself(void**) {
    struct Row {
        std::uint64_t age_s;
        std::uint8_t flags;
        MatchAction action;
    };
    const Row rows[] = {
        {24 * 3600 + 1, 0, MatchAction::block},
        {72 * 3600, record_flag::weak, MatchAction::block},  // the service lets weak ones block
        {72 * 3600 + 1, record_flag::weak, MatchAction::report},
        {72 * 3600 + 1, 0, MatchAction::block},
        {14 * 86400, 0, MatchAction::block},
        {14 * 86400 + 1, 0, MatchAction::report},
    };
    Options options = lab_options();
    options.services[0].weak_blocks = 1;
    for (const bool told_later : {false, true}) {
        for (const Row& row : rows) {
            // The times are those of the index, or those that the file beside it tells since.
            const std::uint64_t issued_s = index_now_s + 1 - row.age_s;
            const SectionTerms terms = {index_no_end, issued_s + 24 * 3600, issued_s + 72 * 3600,
                                        issued_s + 14 * 86400};
            const SectionTerms old = {index_no_end, 1, 2, 3};
            Line line(index_of({{"a", block, 7, IndicatorKind::sha256, row.flags, 1,
                                 told_later ? old : terms}}),
                      options);
            ListAge age = {};
            std::strcpy(age.name, "a");
            age.fresh_until_s = terms.fresh_until_s;
            age.weak_until_s = terms.weak_until_s;
            age.block_until_s = terms.block_until_s;
            if (told_later) line.suspend({}, {age});
            line.upload();
            assert_int_equal(line.record().action, row.action);
            assert_int_equal(line.passed(), row.action != MatchAction::block);
        }
    }
}

void a_list_whose_grant_has_ended_matches_nothing_and_others_go_on(void**) {
    Line ended(index_of({{"a", block, 7, IndicatorKind::sha256, 0, 1, terms_until(index_now_s)}}));
    ended.upload();
    assert_true(ended.passed());
    assert_int_equal(ended.records(), 0);

    Line both(index_of(
        {{"a", block, 7, IndicatorKind::sha256, 0, 1, terms_until(index_now_s)}, {"b", block, 8}}));
    both.upload();
    assert_true(both.blocked());
    assert_false(both.names("a"));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_strongest_action_that_a_list_permits_wins_wherever_it_stands),
        cmocka_unit_test(lists_that_may_only_report_do_not_block_together),
        cmocka_unit_test(weak_digests_of_two_lists_do_not_agree_with_each_other),
        cmocka_unit_test(a_record_names_all_of_eight_lists),
        cmocka_unit_test(two_epochs_of_a_list_are_told_apart_by_their_generations),
        cmocka_unit_test(a_suspended_indicator_does_nothing),
        cmocka_unit_test(a_suspended_source_or_generation_only_reports),
        cmocka_unit_test(a_suspension_is_of_one_list_and_all_its_epochs),
        cmocka_unit_test(a_tail_that_is_held_when_a_suspension_arrives_is_released),
        cmocka_unit_test(a_suspension_that_ends_while_an_object_is_on_its_way_holds_no_more),
        cmocka_unit_test(judging_by_suspensions_allocates_nothing),
        cmocka_unit_test(a_list_that_grows_old_steps_down_by_itself),
        cmocka_unit_test(a_list_whose_grant_has_ended_matches_nothing_and_others_go_on),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
