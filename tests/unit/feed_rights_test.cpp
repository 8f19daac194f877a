// What a feed may do, by whose word: the package's, two persons', or a lab's.
#include "control/sync/rights.h"

#include "control/feed/trust_table.h"
#include "control/store/store.h"
#include "tests/support/follower_lab.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::sync;
using namespace cordon::test;

namespace {

#define assert_says(is, should) assert_string_equal((is).c_str(), should)

int setup(void** state) {
    auto* a = new Appliance;
    a->options.ceiling = RightsCeiling::block;
    *state = a;
    return 0;
}

int teardown(void** state) {
    delete static_cast<Appliance*>(*state);
    return 0;
}

Appliance& of(void** state) {
    return *static_cast<Appliance*>(*state);
}

bool may_block(const Appliance& a) {
    return a.keeper.there && a.keeper.there->ceiling == RightsCeiling::block;
}

Consent consent_to(const Appliance& a) {
    return {a.follower->state().begun_sha256,
            a.options.curator,
            a.options.legal_basis,
            "olga",
            "anna",
            a.centre.now_s};
}

// No root may come into the table that does not stand there as its holders signed it.
void every_root_of_the_package_is_one(void**) {
    for (const feed::TrustedRoot& one : feed::trust_table()) {
        const auto envelope = feed::read_envelope(as_bytes(one.document), "root");
        assert_true(envelope.has_value());
        const auto root = feed::read_root(*envelope);
        assert_true(root.has_value());
        assert_false(root->lab);
        assert_true(feed::signed_by(*envelope, root->keys, root->root) >= root->root.threshold);
    }
}

void a_root_of_the_package_blocks_by_itself(void** state) {
    Appliance& a = of(state);
    std::filesystem::remove_all(a.directory + "/feed");
    const std::string document = a.centre.bytes("root", 1);
    a.trusted = {{"eu-centre", document}};
    a.options.root = "package:eu-centre";
    a.options.voluntary = false;
    a.restart(false);
    assert_says(a.started_as, "");
    assert_says(a.poll(), "");
    assert_true(may_block(a));
    assert_true(a.follower->rights().by == RightsBy::package);
    // Of another package: what is in force steps down with its first start.
    a.trusted.clear();
    a.restart(false);
    assert_false(may_block(a));
    assert_true(a.alarm_has(a.follower->rights().missing, "none of the package's"));
}

void a_root_that_is_not_in_the_package_is_named(void** state) {
    Appliance& a = of(state);
    std::filesystem::remove_all(a.directory + "/feed");
    a.options.root = "package:eu-centre";
    a.restart(false);
    assert_true(a.alarm_has(a.started_as, "this package has no root eu-centre"));
}

// What the file says now is not where trust began.
void another_name_in_the_file_gives_no_rights(void** state) {
    Appliance& a = of(state);
    a.restart(false);
    FeedCentre centre_of_package;
    const std::string document = centre_of_package.bytes("root", 1);
    a.trusted = {{"eu-centre", document}};
    a.options.root = "package:eu-centre";
    a.restart(false);
    a.poll();
    assert_true(a.in_force(1));
    assert_false(may_block(a));
}

void an_enrolled_root_takes_profile_curator_basis_and_two_persons(void** state) {
    Appliance& a = of(state);
    a.restart(false);
    a.poll();
    assert_true(a.in_force(1));
    assert_false(may_block(a));
    for (const bool voluntary : {false, true}) {
        for (const char* curator : {"", "a hotline"}) {
            for (const char* basis : {"", "a contract"}) {
                a.options.voluntary = voluntary;
                a.options.curator = curator;
                a.options.legal_basis = basis;
                a.restart(false);
                assert_true(a.follower->take_consent(consent_to(a), a.centre.now_s).has_value());
                assert_int_equal(may_block(a), voluntary && *curator != '\0' && *basis != '\0');
            }
        }
    }
    assert_true(a.follower->rights().by == RightsBy::operators);
    a.restart(false);
    assert_true(may_block(a));
    a.release({1, 2, 3});
    assert_says(a.poll(), "");
    assert_true(may_block(a));
}

void a_consent_is_to_what_was_shown(void** state) {
    Appliance& a = of(state);
    a.options.curator = "a hotline";
    a.options.legal_basis = "a contract";
    a.restart(false);
    a.poll();
    for (std::string Consent::*field :
         {&Consent::root_sha256, &Consent::curator, &Consent::legal_basis}) {
        Consent other = consent_to(a);
        other.*field += "x";
        assert_false(a.follower->take_consent(other, a.centre.now_s).has_value());
    }
    assert_false(may_block(a));
    assert_true(a.follower->take_consent(consent_to(a), a.centre.now_s).has_value());
    assert_true(may_block(a));
    // It ends with the first of them that is another, with the next start and by itself.
    a.options.curator = "another one";
    a.restart(false);
    assert_false(may_block(a));
    assert_true(a.alarm_has(a.follower->rights().missing, "two persons"));
    a.options.curator = "a hotline";
    a.restart(false);
    assert_true(may_block(a));
    a.options.ceiling = RightsCeiling::report;
    a.restart(false);
    assert_false(may_block(a));
}

void a_full_disk_leaves_the_rights_as_they_were(void** state) {
    Appliance& a = of(state);
    a.options.curator = "a hotline";
    a.options.legal_basis = "a contract";
    a.restart(false);
    a.poll();
    std::filesystem::rename(a.directory + "/feed", a.directory + "/gone");
    assert_false(a.follower->take_consent(consent_to(a), a.centre.now_s).has_value());
    assert_false(may_block(a));
    assert_true(a.follower->rights().by == RightsBy::nobody);
    std::filesystem::rename(a.directory + "/gone", a.directory + "/feed");
}

void a_lab_blocks_with_any_root(void** state) {
    Appliance& a = of(state);
    a.restart(true);
    a.poll();
    assert_true(may_block(a));
    assert_true(a.follower->rights().by == RightsBy::lab);
}

// --- in the store --------------------------------------------------------------------------------

void the_store_keeps_for_whom_people_answered_and_when(void**) {
    char directory[] = "/tmp/cordon-rights-XXXXXX";
    assert_non_null(::mkdtemp(directory));
    {
        const auto store = open_store({std::string(directory) + "/store", "TEST"});
        assert_true(store.has_value());
        Store& s = **store;
        assert_true(s.set_list_rights({"centre", "", "", 0}, 1).has_value());
        assert_true(s.statistics()->lists.empty());
        assert_true(s.set_list_rights({"centre", "a hotline", "a contract", 0}, 2).has_value());
        assert_true(s.set_list_rights({"centre", "a hotline", "a contract", 0}, 9).has_value());
        auto lists = s.statistics()->lists;
        assert_int_equal(lists.size(), 1);
        assert_says(lists[0].curator, "a hotline");
        assert_int_equal(lists[0].matches, 0);
        assert_true(s.set_list_rights({"centre", "", "", 0}, 10).has_value());
        assert_says(s.statistics()->lists[0].curator, "");
    }
    std::filesystem::remove_all(directory);
}

}  // namespace

int main() {
    const auto with = [](const char* name, CMUnitTestFunction test) {
        return CMUnitTest{name, test, setup, teardown, nullptr};
    };
#define WITH_APPLIANCE(test) with(#test, test)
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_root_of_the_package_is_one),
        WITH_APPLIANCE(a_root_of_the_package_blocks_by_itself),
        WITH_APPLIANCE(a_root_that_is_not_in_the_package_is_named),
        WITH_APPLIANCE(another_name_in_the_file_gives_no_rights),
        WITH_APPLIANCE(an_enrolled_root_takes_profile_curator_basis_and_two_persons),
        WITH_APPLIANCE(a_consent_is_to_what_was_shown),
        WITH_APPLIANCE(a_full_disk_leaves_the_rights_as_they_were),
        WITH_APPLIANCE(a_lab_blocks_with_any_root),
        cmocka_unit_test(the_store_keeps_for_whom_people_answered_and_when),
    };
    return cmocka_run_group_tests_name("feed_rights", tests, nullptr, nullptr);
}
