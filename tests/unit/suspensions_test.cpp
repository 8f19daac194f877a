// The file of suspensions, what it says at which time, and how it comes into force.
#include "dataplane/contract/suspensions.h"

#include <stdlib.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>  // before cmocka.h, which defines fail()
#include <thread>

#include "dataplane/base/clock_watch.h"
#include "dataplane/shell/suspension_holder.h"
#include "tests/support/cmocka_cpp.h"
#include "tests/support/guard_page.h"

namespace {

using namespace cordon;
using namespace cordon::test;

constexpr std::uint64_t now_s = 1'800'000'000;
constexpr auto suspended = SuspensionMode::suspended;
constexpr auto report_only = SuspensionMode::report_only;

Suspension entry(const char* list, SuspensionOf what, std::uint64_t value, SuspensionMode mode,
                 std::uint64_t since_s = now_s - 100, std::uint64_t until_s = now_s + 100) {
    Suspension made = {};
    std::strncpy(made.name, list, sizeof made.name - 1);
    made.what = what;
    made.mode = mode;
    made.value = value;
    made.since_s = since_s;
    made.until_s = until_s;
    return made;
}

ListAge age(const char* list, std::uint64_t fresh, std::uint64_t weak, std::uint64_t block) {
    ListAge made = {};
    std::strncpy(made.name, list, sizeof made.name - 1);
    made.fresh_until_s = fresh;
    made.weak_until_s = weak;
    made.block_until_s = block;
    return made;
}

std::string some() {
    return write_suspensions({entry("one", SuspensionOf::reference, 7, suspended),
                              entry("other", SuspensionOf::source, 3, report_only)},
                             {age("one", 10, 20, 30)}, now_s);
}

Suspensions read(const std::string& file) {
    Result<Suspensions> made = Suspensions::read(as_bytes(file));
    if (!made) fail_msg("%s", made.error().text.c_str());
    return *made;
}

// --- the file ------------------------------------------------------------------------------------

void reads_what_was_written(void**) {
    const Suspensions made = read(some());
    assert_int_equal(made.written_s(), now_s);
    assert_int_equal(made.entries().size(), 2);
    assert_int_equal(made.ages().size(), 1);
    assert_int_equal(made.in_force(now_s), 2);
    assert_int_equal(made.in_force(now_s + 101), 0);
    assert_true(read(write_suspensions({}, {}, 5)).entries().empty());
}

void refuses_every_truncation_and_every_byte_behind_the_end(void**) {
    const std::string file = some();
    for (std::size_t length = 0; length < file.size(); ++length) {
        const GuardedBytes cut(as_bytes(file).first(length));
        assert_false(Suspensions::read(cut.bytes()).has_value());
    }
    assert_false(Suspensions::read(as_bytes(file + '\0')).has_value());
}

void refuses_every_damaged_byte(void**) {
    std::string file = some();
    for (char& byte : file) {
        byte = static_cast<char>(byte ^ 0x10);
        assert_false(Suspensions::read(as_bytes(file)).has_value());
        byte = static_cast<char>(byte ^ 0x10);
    }
}

void assert_refused(const std::string& file, const char* why) {
    const Result<Suspensions> made = Suspensions::read(as_bytes(file));
    assert_false(made.has_value());
    if (made.error().text.find(why) == std::string::npos) fail_msg("%s", made.error().text.c_str());
}

// The bytes of a file with one of its heads or entries changed, and the right checksum again.
template <typename T, typename Change>
std::string changed(std::size_t at, Change&& change) {
    std::string file = some();
    T value;
    std::memcpy(&value, file.data() + at, sizeof value);
    change(&value);
    std::memcpy(file.data() + at, &value, sizeof value);
    SuspensionsHead head;
    std::memcpy(&head, file.data(), sizeof head);
    head.checksum =
        file_sum(&head, offsetof(SuspensionsHead, checksum), as_bytes(file).subspan(sizeof head));
    std::memcpy(file.data(), &head, sizeof head);
    return file;
}

void refuses_what_has_no_meaning_behind_a_right_checksum(void**) {
    constexpr std::size_t first_age = sizeof(SuspensionsHead);
    constexpr std::size_t first = first_age + sizeof(ListAge);
    const auto head = [](auto change) { return changed<SuspensionsHead>(0, change); };
    const auto one = [](auto change) { return changed<Suspension>(first, change); };
    const auto aged = [](auto change) { return changed<ListAge>(first_age, change); };
    assert_refused(head([](SuspensionsHead* h) { h->magic ^= 1; }), "magic");
    assert_refused(head([](SuspensionsHead* h) { ++h->version; }), "release");
    assert_refused(head([](SuspensionsHead* h) { h->count = suspensions_max + 1; }), "too many");
    assert_refused(head([](SuspensionsHead* h) { h->list_count = 9; }), "too many");
    assert_refused(head([](SuspensionsHead* h) { h->count = 3; }), "length");
    assert_refused(head([](SuspensionsHead* h) { h->reserved = 1; }), "reserved");
    assert_refused(one([](Suspension* s) { s->what = static_cast<SuspensionOf>(4); }), "unknown");
    assert_refused(one([](Suspension* s) { s->what = static_cast<SuspensionOf>(0); }), "unknown");
    assert_refused(one([](Suspension* s) { s->mode = SuspensionMode::none; }), "mode");
    assert_refused(one([](Suspension* s) { s->mode = static_cast<SuspensionMode>(3); }), "mode");
    assert_refused(one([](Suspension* s) { s->reserved[5] = 1; }), "reserved");
    assert_refused(one([](Suspension* s) { s->name[0] = '\0'; }), "without a list");
    assert_refused(one([](Suspension* s) { std::memset(s->name, 'a', sizeof s->name); }),
                   "without a list");
    assert_refused(one([](Suspension* s) { s->name[0] = 'z'; }), "sorted");
    assert_refused(one([](Suspension* s) {
                       s->what = SuspensionOf::generation;
                       s->value = added_mask + 1;
                   }),
                   "generation");
    assert_refused(aged([](ListAge* a) { a->fresh_until_s = 31; }), "contradict");
    assert_refused(aged([](ListAge* a) { a->name[0] = '\0'; }), "without a list");
}

// --- what it says --------------------------------------------------------------------------------

SuspensionMode mode(const std::vector<Suspension>& entries, const Suspected& indicator,
                    std::uint64_t at_s = now_s) {
    return read(write_suspensions(entries, {}, now_s)).mode_of(indicator, at_s);
}

void names_a_reference_a_source_or_a_generation_of_one_list(void**) {
    const std::vector<Suspension> entries = {
        entry("one", SuspensionOf::reference, 7, suspended),
        entry("one", SuspensionOf::source, 3, report_only),
        entry("one", SuspensionOf::generation, 0x5000009, report_only)};
    assert_true(mode(entries, {"one", 7, 1, 1}) == suspended);
    assert_true(mode(entries, {"one", 8, 3, 1}) == report_only);
    assert_true(mode(entries, {"one", 8, 1, 9}) == report_only);  // the low 24 bits of it
    assert_true(mode(entries, {"one", 8, 1, 1}) == SuspensionMode::none);
    assert_true(mode(entries, {"other", 7, 3, 9}) == SuspensionMode::none);
    assert_true(mode(entries, {"on", 7, 3, 9}) == SuspensionMode::none);
    assert_true(mode(entries, {"one1", 7, 3, 9}) == SuspensionMode::none);
    assert_true(mode({}, {"one", 7, 3, 9}) == SuspensionMode::none);
}

void an_indicator_of_unknown_generation_is_of_none(void**) {
    assert_true(mode({entry("one", SuspensionOf::generation, 0, suspended)}, {"one", 7, 1, 0}) ==
                SuspensionMode::none);
}

void begins_and_ends_by_itself(void**) {
    const std::vector<Suspension> entries = {
        entry("one", SuspensionOf::reference, 7, suspended, now_s, now_s + 10)};
    const Suspected indicator = {"one", 7, 1, 1};
    assert_true(mode(entries, indicator, now_s - 1) == SuspensionMode::none);
    assert_true(mode(entries, indicator, now_s) == suspended);
    assert_true(mode(entries, indicator, now_s + 10) == suspended);
    assert_true(mode(entries, indicator, now_s + 11) == SuspensionMode::none);
}

void of_several_entries_the_strongest_that_holds_counts(void**) {
    const std::vector<Suspension> entries = {
        entry("one", SuspensionOf::reference, 7, report_only),
        entry("one", SuspensionOf::reference, 7, suspended, now_s - 10, now_s + 10),
        entry("one", SuspensionOf::reference, 7, report_only, now_s, index_no_end),
        entry("one", SuspensionOf::source, 1, report_only)};
    const Suspected indicator = {"one", 7, 1, 1};
    assert_true(mode(entries, indicator) == suspended);
    assert_true(mode(entries, indicator, now_s + 11) == report_only);
    assert_true(mode(entries, {"one", 8, 1, 1}) == report_only);
}

void finds_each_of_as_many_as_there_may_be(void**) {
    std::vector<Suspension> entries;
    for (std::uint64_t n = 0; n < suspensions_max; ++n)
        entries.push_back(entry(n % 2 == 0 ? "one" : "other", SuspensionOf::reference,
                                n * 0x9e3779b97f4a7c15, suspended));
    const Suspensions made = read(write_suspensions(entries, {}, now_s));
    for (const Suspension& known : entries) {
        assert_true(made.mode_of({known.name, known.value, 0, 0}, now_s) == suspended);
        assert_true(made.mode_of({known.name, known.value + 1, 0, 0}, now_s) ==
                    SuspensionMode::none);
    }
}

void tells_the_age_of_a_list_since_the_index_was_made(void**) {
    const Suspensions made = read(some());
    const SectionTerms built = {99, 1, 2, 3};
    assert_true(made.aged("one", built) == (SectionTerms{99, 10, 20, 30}));
    assert_true(made.aged("other", built) == built);
}

// --- coming into force ---------------------------------------------------------------------------

class Folder {
  public:
    Folder() {
        if (mkdtemp(path_) == nullptr) std::abort();
    }
    ~Folder() { std::filesystem::remove_all(path_); }
    std::string file() const { return path_ + std::string("/suspensions"); }
    // As control does it: another file under the same name.
    void put(const std::string& bytes) const {
        std::ofstream(file() + ".new", std::ios::binary) << bytes;
        std::filesystem::rename(file() + ".new", file());
    }

  private:
    char path_[40] = "/tmp/cordon-suspensions.XXXXXX";
};

std::string of_reference(std::uint64_t reference) {
    return write_suspensions({entry("one", SuspensionOf::reference, reference, suspended)}, {},
                             now_s);
}

bool holds(const SuspensionHolder& holder, std::uint64_t reference) {
    const Suspensions* in_force = holder.current();
    return in_force != nullptr && in_force->mode_of({"one", reference, 0, 0}, now_s) == suspended;
}

void take_over(SuspensionHolder* holder) {
    holder->acknowledge(0, holder->current());
}

void a_file_that_comes_or_changes_is_taken_up(void**) {
    Folder folder;
    SuspensionHolder holder(1, folder.file());
    assert_true(holder.look(now_s).empty());
    assert_null(holder.current());
    folder.put(of_reference(1));
    assert_true(holder.look(now_s).empty());
    assert_true(holds(holder, 1));
    assert_int_equal(holder.status().in_force, 1);
    assert_int_equal(holder.status().written_s, now_s);
    take_over(&holder);
    const Suspensions* same = holder.current();
    assert_true(holder.look(now_s).empty());
    assert_ptr_equal(holder.current(), same);
    folder.put(of_reference(2));
    assert_true(holder.look(now_s).empty());
    assert_true(holds(holder, 2) && !holds(holder, 1));
}

void waits_for_a_worker_that_still_reads_the_one_before(void**) {
    Folder folder;
    SuspensionHolder holder(1, folder.file());
    folder.put(of_reference(1));
    holder.look(now_s);
    folder.put(of_reference(2));
    holder.look(now_s);
    assert_true(holds(holder, 1));
    take_over(&holder);
    holder.look(now_s);
    assert_true(holds(holder, 2));
}

void a_bad_file_leaves_the_last_good_one_in_force(void**) {
    Folder folder;
    SuspensionHolder holder(1, folder.file());
    folder.put(of_reference(1));
    holder.look(now_s);
    take_over(&holder);
    std::uint64_t refused = 0;
    for (const std::string& bad : {std::string(), of_reference(2).substr(1), of_reference(2) + "x",
                                   std::string(suspensions_bytes_max + 5, 'x')}) {
        folder.put(bad);
        assert_false(holder.look(now_s).empty());
        assert_true(holder.look(now_s).empty());  // said once
        assert_int_equal(holder.status().refused, ++refused);
        assert_false(holder.status().error.empty());
        assert_true(holds(holder, 1));
    }
    folder.put(of_reference(3));
    assert_true(holder.look(now_s).empty());
    assert_true(holds(holder, 3));
    assert_true(holder.status().error.empty());
}

void a_file_that_goes_leaves_the_last_one_in_force(void**) {
    Folder folder;
    SuspensionHolder holder(1, folder.file());
    folder.put(of_reference(1));
    holder.look(now_s);
    take_over(&holder);
    std::filesystem::remove(folder.file());
    assert_false(holder.look(now_s).empty());
    assert_true(holder.look(now_s).empty());
    assert_true(holds(holder, 1));
    assert_int_equal(holder.status().refused, 1);
}

void the_count_of_those_in_force_follows_the_time(void**) {
    Folder folder;
    SuspensionHolder holder(1, folder.file());
    folder.put(of_reference(1));
    holder.look(now_s);
    holder.look(now_s + 101);
    assert_int_equal(holder.status().in_force, 0);
}

// The sanitizers see entries that are still read when they are freed.
void swaps_under_a_worker_that_never_stops_reading(void**) {
    Folder folder;
    SuspensionHolder holder(1, folder.file());
    std::atomic<bool> stop{false};
    std::thread worker([&] {
        std::uint64_t found = 0;
        while (!stop.load()) {
            const Suspensions* current = holder.current();
            holder.acknowledge(0, current);
            if (current != nullptr) found += current->in_force(now_s);
        }
    });
    for (std::uint64_t n = 1; n <= 50; ++n) {
        folder.put(of_reference(n));
        while (!holds(holder, n))
            holder.look(now_s);
    }
    stop = true;
    worker.join();
    assert_int_equal(holder.status().refused, 0);
}

// --- the clock -----------------------------------------------------------------------------------

void a_step_of_the_clock_is_told_once_and_a_correction_is_not(void**) {
    ClockWatch watch;
    assert_int_equal(watch.look(now_s, 1000), 0);
    assert_int_equal(watch.look(now_s + 500, 1500), 0);
    assert_int_equal(watch.look(now_s + 600 + 599, 1600), 0);
    assert_int_equal(watch.look(now_s + 700 + 601, 1700), 601);
    assert_int_equal(watch.look(now_s + 800 + 601, 1800), 0);
    assert_int_equal(watch.look(now_s + 900 - 86'400, 1900), -86'400 - 601);
    assert_int_equal(watch.look(now_s + 901 - 86'400, 1901), 0);
}

// Many small corrections in one direction are a step as well.
void a_clock_that_is_moved_in_small_steps_is_told_too(void**) {
    ClockWatch watch;
    std::int64_t told = 0;
    for (std::uint64_t n = 0; n <= 20; ++n)
        told += watch.look(now_s + n * 61, 1000 + n);
    assert_true(told > ClockWatch::step_s_max);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_was_written),
        cmocka_unit_test(refuses_every_truncation_and_every_byte_behind_the_end),
        cmocka_unit_test(refuses_every_damaged_byte),
        cmocka_unit_test(refuses_what_has_no_meaning_behind_a_right_checksum),
        cmocka_unit_test(names_a_reference_a_source_or_a_generation_of_one_list),
        cmocka_unit_test(an_indicator_of_unknown_generation_is_of_none),
        cmocka_unit_test(begins_and_ends_by_itself),
        cmocka_unit_test(of_several_entries_the_strongest_that_holds_counts),
        cmocka_unit_test(finds_each_of_as_many_as_there_may_be),
        cmocka_unit_test(tells_the_age_of_a_list_since_the_index_was_made),
        cmocka_unit_test(a_file_that_comes_or_changes_is_taken_up),
        cmocka_unit_test(waits_for_a_worker_that_still_reads_the_one_before),
        cmocka_unit_test(a_bad_file_leaves_the_last_good_one_in_force),
        cmocka_unit_test(a_file_that_goes_leaves_the_last_one_in_force),
        cmocka_unit_test(the_count_of_those_in_force_follows_the_time),
        cmocka_unit_test(swaps_under_a_worker_that_never_stops_reading),
        cmocka_unit_test(a_step_of_the_clock_is_told_once_and_a_correction_is_not),
        cmocka_unit_test(a_clock_that_is_moved_in_small_steps_is_told_too),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
