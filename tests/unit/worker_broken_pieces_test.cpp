// Pieces that were cut or that the storage refused, and what goes on behind them, through the whole
// line: nothing that is not on the storage hides what is.
#include "tests/support/pieces_lab.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::string_view failed_answer = "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n";

std::string create_blob() {
    return put("/blob/a", "", "x-ms-blob-type: AppendBlob\r\n");
}
std::string append_block(std::string_view bytes) {
    return put("/blob/a?comp=appendblock", bytes);
}

bool goes(Pair* pair, const std::string& request, std::string_view answer = ok_answer) {
    const std::size_t before = pair->one.stored.size();
    pair->one.send(request);
    pair->turn(50);
    if (pair->one.stored.size() != before + request.size()) return false;
    pair->one.acknowledge();
    if (!answer.empty()) pair->one.respond(answer);
    return true;
}

void hang_up(Pair* pair) {
    pair->one.segment(pair->one.client_next - pair->one.isn - 1, {}, tcp_flag::rst | tcp_flag::ack);
    pair->turn(5);
    pair->one.connect();
}

void appended_blocks_are_judged_together(void**) {
    for (const bool is_known : {true, false}) {
        Pair pair;
        assert_true(goes(&pair, create_blob()));
        assert_true(goes(&pair, append_block(third(1))));
        assert_true(goes(&pair, append_block(third(2))));
        assert_int_equal(goes(&pair, append_block(third(is_known ? 3 : 1))), !is_known);
        assert_int_equal(is_refused(pair.one, "403"), is_known);
    }
}

void a_block_that_the_storage_refused_hides_nothing(void**) {
    for (const std::size_t at : {0U, 1U, 2U}) {
        Pair pair;
        assert_true(goes(&pair, create_blob()));
        for (std::size_t n = 0; n < 3; ++n) {
            if (n == at) assert_true(goes(&pair, append_block("decoy"), denied_answer));
            if (n == at) assert_true(goes(&pair, append_block("another"), denied_answer));
            assert_int_equal(goes(&pair, append_block(third(static_cast<int>(n) + 1))), n != 2);
        }
        assert_true(is_refused(pair.one, "403"));
    }
}

void a_block_that_was_cut_hides_nothing(void**) {
    Pair pair;
    assert_true(goes(&pair, create_blob()));
    assert_true(goes(&pair, append_block(third(1))));
    pair.one.send(std::string_view(append_block(third(3))).substr(0, 9000));
    hang_up(&pair);
    assert_true(goes(&pair, append_block(third(2))));
    assert_false(goes(&pair, append_block(third(3))));
    assert_true(is_refused(pair.one, "403"));
}

// Nobody knows whether it is there.
void nothing_is_appended_behind_what_may_not_be_there(void**) {
    for (const std::string_view answer : {failed_answer, std::string_view()}) {
        Pair pair;
        assert_true(goes(&pair, create_blob()));
        assert_true(goes(&pair, append_block(third(1))));
        assert_true(goes(&pair, append_block("decoy"), answer));
        if (answer.empty()) hang_up(&pair);
        assert_false(goes(&pair, append_block(third(2))));
        assert_true(is_refused(pair.one, "503"));
        pair.one.connect();
        assert_true(goes(&pair, create_blob()));  // begins anew
        assert_true(goes(&pair, append_block(third(2))));
    }
}

void a_creation_that_the_storage_refused_hides_nothing(void**) {
    Pair pair;
    assert_true(goes(&pair, create_blob()));
    assert_true(goes(&pair, append_block(third(1))));
    assert_true(goes(&pair, create_blob(), denied_answer));
    assert_true(goes(&pair, append_block(third(2))));
    assert_false(goes(&pair, append_block(third(3))));
    assert_true(is_refused(pair.one, "403"));
}

void appended_patches_that_the_storage_refused_hide_nothing(void**) {
    Pair pair;
    assert_true(goes(&pair, dav_put(third(1))));
    assert_true(goes(&pair, dav_patch("append", "decoy"), denied_answer));
    assert_true(goes(&pair, dav_patch("append", third(2))));
    assert_true(goes(&pair, dav_patch("append", "decoy"), denied_answer));
    assert_false(goes(&pair, dav_patch("append", third(3))));
    assert_true(is_refused(pair.one, "403"));
}

// How much of it is there only the storage knows.
void nothing_is_appended_behind_a_patch_that_was_cut(void**) {
    Pair pair;
    assert_true(goes(&pair, dav_put(third(1))));
    pair.one.send(std::string_view(dav_patch("append", third(3))).substr(0, 9000));
    hang_up(&pair);
    assert_false(goes(&pair, dav_patch("append", third(2))));
    assert_true(is_refused(pair.one, "503"));
}

void a_range_that_the_storage_refused_is_not_there(void**) {
    Pair pair;
    assert_true(goes(&pair, dav_range(0, third(2)), denied_answer));
    assert_true(goes(&pair, dav_range(0, third(1))));
    assert_true(goes(&pair, dav_range(100000, third(1)), denied_answer));
    assert_true(goes(&pair, dav_range(100000, third(2))));
    assert_false(goes(&pair, dav_range(200000, third(3))));
    assert_true(is_refused(pair.one, "403"));
}

// The answer came while it was on its way, and the client stopped: as to a first try without a
// password.
void a_range_that_was_refused_before_its_end_is_not_there(void**) {
    Pair pair;
    assert_true(goes(&pair, dav_range(0, third(1))));
    pair.one.send(std::string_view(dav_range(100000, third(3))).substr(0, 9000));
    pair.one.acknowledge();
    pair.one.respond(denied_answer);
    hang_up(&pair);
    assert_true(goes(&pair, dav_range(100000, third(2))));
    assert_false(goes(&pair, dav_range(200000, third(3))));
    assert_true(is_refused(pair.one, "403"));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(appended_blocks_are_judged_together),
        cmocka_unit_test(a_block_that_the_storage_refused_hides_nothing),
        cmocka_unit_test(a_block_that_was_cut_hides_nothing),
        cmocka_unit_test(nothing_is_appended_behind_what_may_not_be_there),
        cmocka_unit_test(a_creation_that_the_storage_refused_hides_nothing),
        cmocka_unit_test(appended_patches_that_the_storage_refused_hide_nothing),
        cmocka_unit_test(nothing_is_appended_behind_a_patch_that_was_cut),
        cmocka_unit_test(a_range_that_the_storage_refused_is_not_there),
        cmocka_unit_test(a_range_that_was_refused_before_its_end_is_not_there),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
