// What is packed well makes much work of few bytes: a worker does it over many turns, and nobody
// else waits for it.
#include "tests/support/compressed.h"
#include "tests/support/pieces_lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::size_t content_bytes = 60u << 20;

// 60 MiB that deflate makes 60 KiB of: less than the window of the lab's storage.
const std::string& content() {
    static const std::string zeros(content_bytes, '\0');
    return zeros;
}

const std::string& packed() {
    static const std::string bytes = gzip_file(content());
    return bytes;
}

std::string request() {
    return put("/packed", packed(), "Content-Encoding: gzip\r\n");
}

bool is_waiting(const Lab& lab) {
    return lab.worker->next_deadline_ns() <= lab.now_ns + 1;
}

// All but the first segment, which leaves what came behind a hole.
void send_behind_hole(Lab* lab, std::string_view bytes) {
    for (std::size_t at = 1000; at < bytes.size(); at += 1000)
        lab->segment(at, bytes.substr(at, 1000));
}

void fill_hole(Lab* lab, std::string_view bytes) {
    lab->segment(0, bytes.substr(0, 1000));
    lab->client_next += static_cast<std::uint32_t>(bytes.size());
}

// In how many turns the rest of it was read.
int turns_of(Lab* lab) {
    int turns = 0;
    for (; is_waiting(*lab); ++turns) {
        assert_true(turns < 1000);
        lab->step();
    }
    return turns;
}

// A turn unpacks what it may, and what one segment more holds.
constexpr int turns_least =
    content_bytes / (limits::unpack_turn_bytes + 1000 * limits::coding_ratio_max);

void is_unpacked_over_many_turns(void**) {
    Lab lab;
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    const std::string sent = request();
    send_behind_hole(&lab, sent);
    assert_int_equal(lab.count(Outcome::unpacking_put_off), 0);
    fill_hole(&lab, sent);
    assert_true(is_waiting(lab));
    assert_true(lab.stored.size() < sent.size());
    assert_true(turns_of(&lab) >= turns_least);
    assert_int_equal(lab.stored.size(), sent.size());
    assert_true(lab.stored == sent);
    assert_true(lab.count(Outcome::unpacking_put_off) >= turns_least);
    // The body as it came, and what it holds.
    assert_int_equal(lab.count(Outcome::object_clean), 2);
    lab.acknowledge();
    lab.respond("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
}

// The last bytes stay, however many turns it takes to find out what they complete.
void is_blocked_when_it_is_known(void**) {
    for (const bool in_order : {false, true}) {
        Lab lab;
        lab.use(index_of_contents({content()}));
        lab.connect();
        const std::string sent = request();
        if (in_order) {
            lab.send(sent);
        } else {
            send_behind_hole(&lab, sent);
            fill_hole(&lab, sent);
        }
        turns_of(&lab);
        lab.step(2000);
        lab.send_ack();
        assert_true(lab.storage_reset);
        assert_true(lab.answer.starts_with("HTTP/1.1 403"));
        assert_true(lab.stored.size() < sent.size());
        assert_int_equal(lab.recorder.decided_records.size(), 1);
        assert_int_equal(lab.recorder.decided_records[0].record.form, ObjectForm::decoded);
    }
}

// Somebody else's plain upload comes and goes in the middle of it.
void lets_plain_uploads_pass_meanwhile(void**) {
    Lab lab;
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    const std::string sent = request();
    send_behind_hole(&lab, sent);
    fill_hole(&lab, sent);
    assert_true(is_waiting(lab));
    lab.connect();
    const std::string plain = put("/plain", std::string(1500, '.'));
    lab.send(plain);
    assert_true(is_waiting(lab));
    assert_true(lab.stored == plain);
    lab.respond("HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n");
    lab.send(put("/known", known_content()));
    lab.step(2000);
    lab.send_ack();
    assert_true(lab.storage_reset);
    turns_of(&lab);
    assert_int_equal(lab.count(Outcome::object_clean), 3);
}

// The second waits for its turn even if it needs little; both are read to their ends.
void serves_who_came_first(void**) {
    Lab lab;
    lab.use(index_of_contents({known_content()}));
    const std::string sent = request();
    const std::string little =
        put("/little", gzip_file(known_content()), "Content-Encoding: gzip\r\n");
    lab.connect();
    send_behind_hole(&lab, sent);
    fill_hole(&lab, sent);
    assert_true(is_waiting(lab));
    lab.connect();
    lab.send(little);
    turns_of(&lab);
    lab.step(2000);
    lab.send_ack();
    assert_true(lab.answer.starts_with("HTTP/1.1 403"));
    assert_true(lab.stored.size() < little.size());
    assert_int_equal(lab.count(Outcome::object_clean), 3);
}

// The end of the connection waits for what is before it.
void a_fin_waits_behind_it(void**) {
    for (const bool is_known : {false, true}) {
        Lab lab;
        lab.use(index_of_contents({is_known ? content() : known_content()}));
        lab.connect();
        const std::string sent = request();
        send_behind_hole(&lab, sent);
        fill_hole(&lab, sent);
        lab.send_fin();
        assert_true(is_waiting(lab));
        assert_false(lab.storage_fin);
        turns_of(&lab);
        assert_true(lab.storage_fin == !is_known);
        assert_true((lab.stored == sent) == !is_known);
        assert_int_equal(lab.recorder.decided_records.size(), is_known ? 1 : 0);
    }
}

// A part of it, then the connection ends: what was read was looked up, what was not stays here.
void a_reset_in_the_middle_ends_it(void**) {
    Lab lab;
    lab.use(index_of_contents({content()}));
    lab.connect();
    const std::string sent = request();
    send_behind_hole(&lab, sent);
    fill_hole(&lab, sent);
    assert_true(is_waiting(lab));
    lab.segment(lab.stored.size(), {}, tcp_flag::rst);
    assert_false(is_waiting(lab));
    assert_true(lab.stored.size() < sent.size());
    assert_true(lab.storage_reset);
    assert_int_equal(lab.count(Outcome::object_clean), 0);
}

// What stands behind it in the stream is read after it, and judged.
void requests_behind_it_are_read(void**) {
    Lab lab;
    lab.use(index_of_contents({known_content()}));
    lab.connect();
    const std::string sent = request() + put("/known", known_content());
    send_behind_hole(&lab, sent);
    fill_hole(&lab, sent);
    turns_of(&lab);
    lab.step(2000);
    assert_true(lab.storage_reset);
    assert_int_equal(lab.recorder.decided_records.size(), 1);
    assert_true(lab.stored.empty());  // what fills the hole would complete both
    assert_int_equal(lab.count(Outcome::object_clean), 2);
}

// The spool of an upload in pieces is read in the same portions.
void uploads_in_pieces_take_many_turns(void**) {
    for (const bool is_known : {false, true}) {
        Pair pair;
        for (Lab* lab : {&pair.one, &pair.two})
            lab->use(index_of_contents({is_known ? content() : known_content()}));
        const std::string_view whole = packed();
        const std::string_view first = whole.substr(0, 1000), second = whole.substr(1000);
        send(&pair.one, part_of(2, second));
        send(&pair.two, part_of(1, first));
        int turns = 0;
        while (is_waiting(pair.one) || is_waiting(pair.two)) {
            assert_true(++turns < 1000);
            pair.turn();
        }
        assert_true(turns != 0);  // beside those in which the parts came
        send(&pair.one, complete({1, 2}), "");
        pair.turn(400);
        assert_true(is_refused(pair.one, "403") == is_known);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(is_unpacked_over_many_turns),
        cmocka_unit_test(is_blocked_when_it_is_known),
        cmocka_unit_test(lets_plain_uploads_pass_meanwhile),
        cmocka_unit_test(serves_who_came_first),
        cmocka_unit_test(a_fin_waits_behind_it),
        cmocka_unit_test(a_reset_in_the_middle_ends_it),
        cmocka_unit_test(requests_behind_it_are_read),
        cmocka_unit_test(uploads_in_pieces_take_many_turns),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
