// A connection that Cordon ended stays ended: no part of it comes back as one met in mid-life.
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

// The storage's kernel drops the second of two segments (it does not want an option of it, say), so
// that it stands before what we sent.
struct Behind {
    Lab lab;
    std::string request = put("/known", known_content());
    std::size_t stands = 1000;

    Behind() {
        lab.use(index_of_contents({known_content()}));
        lab.connect();
        lab.send(std::string_view(request).substr(0, stands));
        lab.segment(stands, std::string_view(request).substr(stands, 1000));
        lab.segment(2000, std::string_view(request).substr(2000, 10));
        assert_int_equal(lab.stored.size(), 2000);
        lab.stored.resize(stands);  // it dropped that
        lab.acknowledge();
        assert_false(lab.storage_reset);
    }
};

void a_reset_of_the_client_reaches_a_storage_that_is_behind(void**) {
    Behind it;
    it.lab.segment(2010, {}, tcp_flag::rst);
    assert_true(it.lab.storage_reset);
}

void a_cut_reaches_a_storage_that_is_behind(void**) {
    Behind it;
    it.lab.segment(it.stands, "other bytes than before");
    assert_true(it.lab.client_reset);
    assert_true(it.lab.storage_reset);
}

void a_challenge_ack_after_a_cut_is_answered_by_a_reset(void**) {
    Behind it;
    it.lab.segment(it.stands, "other bytes than before");
    it.lab.storage_reset = false;  // it was lost
    it.lab.stored.resize(500);
    it.lab.acknowledge();
    assert_true(it.lab.storage_reset);
}

void a_client_that_goes_on_after_its_reset_resets_the_storage(void**) {
    Behind it;
    it.lab.segment(2010, {}, tcp_flag::rst);
    it.lab.storage_reset = false;
    it.lab.segment(it.stands, std::string_view(it.request).substr(it.stands));
    assert_true(it.lab.storage_reset);
    assert_int_equal(it.lab.stored.size(), it.stands);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_reset_of_the_client_reaches_a_storage_that_is_behind),
        cmocka_unit_test(a_cut_reaches_a_storage_that_is_behind),
        cmocka_unit_test(a_challenge_ack_after_a_cut_is_answered_by_a_reset),
        cmocka_unit_test(a_client_that_goes_on_after_its_reset_resets_the_storage),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
