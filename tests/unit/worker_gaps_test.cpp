// Objects that are written in place with gaps, which a storage fills with zeros, through the whole
// line: what is left out is judged with what is not.
#include "tests/support/pieces_lab.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::size_t gap_begin = 20000;
constexpr std::size_t gap_end = 90000;
constexpr std::size_t size = 110000;

std::string sparse(char last = 'z') {
    std::string content = known_content(size);
    content.replace(gap_begin, gap_end - gap_begin, gap_end - gap_begin, '\0');
    content.back() = last;
    return content;
}

std::string with_zero(std::string content) {
    content[gap_begin - 1] = '\0';
    return content;
}

void use(Pair* pair) {
    for (Lab* lab : {&pair->one, &pair->two})
        lab->use(index_of_contents({sparse()}));
}

std::string part_from(std::string_view content, std::size_t begin, std::size_t end) {
    return dav_range(begin, content.substr(begin, end - begin));
}

bool goes(Pair* pair, const std::string& request) {
    const std::size_t before = pair->one.stored.size();
    pair->one.send(request);
    pair->turn(100);
    if (pair->one.stored.size() != before + request.size()) return false;
    pair->one.acknowledge();
    pair->one.respond(ok_answer);
    return true;
}

void a_known_file_without_its_zeros_is_refused(void**) {
    for (const bool is_known : {true, false}) {
        const std::string content = sparse(is_known ? 'z' : 'y');
        Pair pair;
        use(&pair);
        assert_true(goes(&pair, part_from(content, 0, gap_begin)));
        assert_int_equal(goes(&pair, part_from(content, gap_end, size)), !is_known);
        assert_int_equal(is_refused(pair.one, "403"), is_known);
        // Behind a plain object as well.
        Pair whole;
        use(&whole);
        assert_true(goes(&whole, dav_put(std::string_view(content).substr(0, gap_begin))));
        assert_int_equal(goes(&whole, part_from(content, gap_end, size)), !is_known);
    }
}

// Its end is not claimed, and the client waits.
void a_piece_behind_a_gap_that_stalls_is_looked_at(void**) {
    const std::string content = sparse();
    Pair pair;
    use(&pair);
    assert_true(goes(&pair, part_from(content, 0, gap_begin)));
    const std::string more = dav_range(gap_end, content.substr(gap_end) + "!");
    const std::size_t before = pair.one.stored.size();
    pair.one.send(std::string_view(more).substr(0, more.size() - 1));
    for (int n = 0; n < 20; ++n)
        pair.one.step(1000);
    assert_true(is_refused(pair.one, "403"));
    assert_true(pair.one.stored.size() < before + more.size() - 1);
}

// The end comes first: nothing of what completes it reaches the storage.
void a_piece_before_a_gap_is_held_until_all_is_judged(void**) {
    for (const bool is_known : {true, false}) {
        std::string content = sparse(is_known ? 'z' : 'y');
        content[gap_begin - 1] = '\0';  // complete without it
        Pair pair;
        for (Lab* lab : {&pair.one, &pair.two})
            lab->use(index_of_contents({with_zero(sparse())}));
        assert_true(goes(&pair, part_from(content, gap_end, size)));
        const std::size_t before = pair.one.stored.size();
        const std::string first = part_from(content, 0, gap_begin);
        assert_int_equal(goes(&pair, first), !is_known);
        assert_int_equal(is_refused(pair.one, "403"), is_known);
        if (is_known) assert_int_equal(pair.one.stored.size(), before);
        // And not when the client stalls or hangs up.
        if (!is_known) continue;
        Pair stalls;
        for (Lab* lab : {&stalls.one, &stalls.two})
            lab->use(index_of_contents({content}));
        assert_true(goes(&stalls, part_from(content, gap_end, size)));
        const std::size_t there = stalls.one.stored.size();
        stalls.one.send(std::string_view(first).substr(0, first.size() - 1));
        for (int n = 0; n < 20; ++n)
            stalls.one.step(1000);
        assert_true(is_refused(stalls.one, "403"));
        assert_int_equal(stalls.one.stored.size(), there);
        // Before it was looked at.
        Pair ends;
        for (Lab* lab : {&ends.one, &ends.two})
            lab->use(index_of_contents({content}));
        assert_true(goes(&ends, part_from(content, gap_end, size)));
        ends.one.send(std::string_view(first).substr(0, first.size() - 1));
        ends.one.segment(ends.one.client_next - ends.one.isn - 1, {},
                         tcp_flag::fin | tcp_flag::ack);
        for (int n = 0; n < 20; ++n)
            ends.one.step(1000);
        assert_true(ends.one.storage_reset);
        assert_int_equal(ends.one.stored.size(), there);
    }
}

// The chain went over the gap, and goes back.
void a_gap_is_filled(void**) {
    std::string content = known_content(size);
    for (const bool is_known : {true, false}) {
        Pair pair;
        for (Lab* lab : {&pair.one, &pair.two})
            lab->use(index_of_contents({content}));
        std::string sent = content;
        if (!is_known) sent[50000] = '!';
        assert_true(goes(&pair, part_from(sent, 0, gap_begin)));
        assert_true(goes(&pair, part_from(sent, gap_end, 100000)));
        assert_true(goes(&pair, part_from(sent, 100000, size)));
        assert_true(goes(&pair, part_from(sent, 60000, gap_end)));
        assert_true(goes(&pair, part_from(sent, gap_begin, 40000)));
        assert_int_equal(goes(&pair, part_from(sent, 40000, 60000)), !is_known);
        assert_int_equal(is_refused(pair.one, "403"), is_known);
        assert_int_equal(pair.one.count(Outcome::assembly_conflict), 0);
    }
}

std::string far_range(std::size_t begin) {
    return put("/dav/file", "last",
               "Content-Range: bytes " + std::to_string(begin) + "-" + std::to_string(begin + 3) +
                   "/100000000\r\n");
}

// More zeros than are hashed at once, and more than are hashed at all.
void a_gap_may_be_long_but_not_without_end(void**) {
    Pair pair;
    assert_true(goes(&pair, dav_put(sparse().substr(0, 1000))));
    pair.one.send(far_range(3000000));
    pair.turn(100);
    assert_true(pair.one.stored.ends_with("last"));
    pair.one.respond(ok_answer);
    pair.one.send(far_range(90000000));
    pair.turn(100);
    assert_true(is_refused(pair.one, "503"));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_known_file_without_its_zeros_is_refused),
        cmocka_unit_test(a_piece_behind_a_gap_that_stalls_is_looked_at),
        cmocka_unit_test(a_piece_before_a_gap_is_held_until_all_is_judged),
        cmocka_unit_test(a_gap_is_filled),
        cmocka_unit_test(a_gap_may_be_long_but_not_without_end),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
