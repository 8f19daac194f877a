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

std::string session_range(std::size_t begin, std::string_view bytes) {
    return put("/upload/session?upload_id=abc", bytes,
               "Content-Range: bytes " + std::to_string(begin) + "-" +
                   std::to_string(begin + bytes.size() - 1) + "/300000\r\n");
}
std::string tus_patch(std::size_t begin, std::string_view bytes) {
    return "PATCH /files/one HTTP/1.1\r\nHost: files.example\r\nTus-Resumable: 1.0.0\r\n"
           "Upload-Offset: " +
           std::to_string(begin) + "\r\nContent-Length: " + std::to_string(bytes.size()) +
           "\r\n\r\n" + std::string(bytes);
}

using Piece = std::string (*)(std::size_t begin, std::string_view bytes);

// All of the content from `at` on as one request, of which so many bytes come.
void send_cut(Pair* pair, Piece piece, std::string_view content, std::size_t at,
              std::size_t bytes) {
    const std::string request = piece(at, content.substr(at));
    const std::size_t head = request.find("\r\n\r\n") + 4;
    pair->one.send(std::string_view(request).substr(0, head + bytes));
    hang_up(pair);
}

// The storage has less than was sent: what was in buffers is lost.
void an_upload_goes_on_in_the_middle_of_a_piece_that_was_cut(void**) {
    std::string clean = known();
    clean.back() = '!';
    for (const Piece piece : {dav_range, session_range, tus_patch}) {
        for (const std::size_t lost : {0U, 1U, 5000U, 65536U, 100000U, 150000U}) {
            for (const bool is_known : {true, false}) {
                const std::string_view content = is_known ? known() : clean;
                Pair pair;
                send_cut(&pair, piece, content, 0, 150000);
                const std::size_t at = 150000 - lost;
                assert_int_equal(goes(&pair, piece(at, content.substr(at))), !is_known);
                assert_int_equal(is_refused(pair.one, "403"), is_known);
                if (!is_known) assert_int_equal(pair.one.count(Outcome::assembly_conflict), 0);
            }
        }
    }
}

void an_upload_that_is_cut_again_and_again_goes_on(void**) {
    std::string clean = known();
    clean.back() = '!';
    for (const Piece piece : {dav_range, session_range, tus_patch}) {
        for (const bool is_known : {true, false}) {
            const std::string_view content = is_known ? known() : clean;
            Pair pair;
            send_cut(&pair, piece, content, 0, 100000);
            send_cut(&pair, piece, content, 90000, 5000);   // less than was there
            send_cut(&pair, piece, content, 95000, 60000);  // to 155000
            send_cut(&pair, piece, content, 155000, 100000);
            assert_int_equal(goes(&pair, piece(200000, content.substr(200000))), !is_known);
            assert_int_equal(is_refused(pair.one, "403"), is_known);
        }
    }
}

// What came before it has been forwarded, and is the same as what was there.
void other_bytes_in_the_place_of_a_cut_piece_are_refused(void**) {
    std::string other = known();
    other[140000] = '!';
    for (const Piece piece : {dav_range, session_range, tus_patch}) {
        Pair pair;
        send_cut(&pair, piece, known(), 0, 150000);
        const std::string rest = piece(130000, std::string_view(other).substr(130000));
        const std::size_t before = pair.one.stored.size();
        assert_false(goes(&pair, rest));
        assert_true(is_refused(pair.one, "503"));
        assert_true(pair.one.stored.size() - before < rest.size() - 300000 + 140000);
    }
}

// Without room nothing of it stays, and only where it stopped it goes on.
void a_cut_piece_of_which_nothing_is_left_goes_on_where_it_stopped(void**) {
    Options options = lab_options();
    options.spool_bytes_max = 2 * Spool::block_bytes;
    for (const bool at_end : {true, false}) {
        Pair pair(options);
        send_cut(&pair, tus_patch, known(), 0, 150000);
        const std::size_t at = at_end ? 150000 : 20000;
        assert_false(goes(&pair, tus_patch(at, std::string_view(known()).substr(at))));
        assert_true(is_refused(pair.one, at_end ? "403" : "503"));
    }
}

void what_stays_of_a_session_is_bounded(void**) {
    const std::string content = known_content(9'000'000);
    Options options = lab_options();
    options.spool_bytes_max = 64 << 20;
    Pair pair(options);
    const std::string request = tus_patch(0, content);
    for (std::size_t at = 0; at < 8'000'000; at += 500'000) {
        pair.one.send(std::string_view(request).substr(at, 500'000));
        pair.one.acknowledge();
    }
    assert_true(pair.assembly.spool().bytes_used() >=
                limits::assembly_trail_bytes - Spool::block_bytes);
    assert_true(pair.assembly.spool().bytes_used() <=
                limits::assembly_trail_bytes + 2 * Spool::block_bytes);
    pair.one.send(std::string_view(request).substr(8'000'000));
    pair.turn(20);
    pair.one.acknowledge();
    pair.one.respond(ok_answer);
    assert_int_equal(pair.assembly.spool().bytes_used(), 0);
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
        cmocka_unit_test(an_upload_goes_on_in_the_middle_of_a_piece_that_was_cut),
        cmocka_unit_test(an_upload_that_is_cut_again_and_again_goes_on),
        cmocka_unit_test(other_bytes_in_the_place_of_a_cut_piece_are_refused),
        cmocka_unit_test(a_cut_piece_of_which_nothing_is_left_goes_on_where_it_stopped),
        cmocka_unit_test(what_stays_of_a_session_is_bounded),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
