// Ranges that are written into one object by several connections at once, in any order, through the
// whole line: clean ones are stored as they are, and a known file is never there, however it is put
// together, at any time.
#include <deque>
#include <random>

#include "tests/support/pieces_lab.h"

using namespace cordon;
using namespace cordon::test;

namespace {

constexpr std::size_t small_size = 3000;

// With zeros at places that a storage may leave out.
std::string small_content() {
    std::string content = known_content(small_size);
    content.replace(0, 8, "\1\2\3\4\5\6\7\b");  // no text
    for (const std::size_t at : {0u, 700u, 1500u, 2999u})
        content[at] = '\0';
    content.replace(1000, 200, 200, '\0');
    return content;
}

// The storage writes what it gets of a range at once, where it says.
struct Store {
    std::string object;

    void write(std::size_t at, std::string_view bytes) {
        if (object.size() < at + bytes.size()) object.resize(at + bytes.size(), '\0');
        object.replace(at, bytes.size(), bytes);
    }
};

// A client with a connection, and its range.
struct Client {
    Lab* lab;
    Store* store;
    std::string request = {};
    std::size_t head = 0;
    std::size_t place = 0;
    std::size_t sent = 0;
    std::size_t begun_at = 0;  // of what the lab stored
    std::size_t written = 0;

    bool is_idle() const { return request.empty(); }
    void begin(std::size_t at, std::string_view bytes) {
        request = dav_range(at, bytes);
        head = request.size() - bytes.size();
        place = at;
        sent = written = 0;
        begun_at = lab->stored.size();
    }
    void send(std::size_t bytes) {
        const std::string_view part = std::string_view(request).substr(sent, bytes);
        if (part.empty()) return;
        lab->segment(lab->client_next - lab->isn - 1, part);
        lab->client_next += static_cast<std::uint32_t>(part.size());
        sent += part.size();
    }
    // What came at the storage is written.
    void take() {
        if (is_idle()) return;
        const std::string_view there = std::string_view(lab->stored).substr(begun_at);
        if (there.size() <= head + written) return;
        const std::string_view fresh = there.substr(head + written);
        store->write(place + written, fresh);
        written += fresh.size();
        lab->acknowledge();
    }
    bool is_stored() const { return !is_idle() && head + written == request.size(); }
    void finish() {
        lab->respond(ok_answer);
        request.clear();
    }
    bool is_over() const { return lab->storage_reset; }
    void hang_up() {
        lab->segment(lab->client_next - lab->isn - 1, {}, tcp_flag::rst | tcp_flag::ack);
    }
    void connect_anew() {
        request.clear();
        lab->connect();
    }
};

struct Storm {
    explicit Storm(const std::string& known) {
        for (Lab* lab : {&pair.one, &pair.two})
            lab->use(index_of_contents({known}));
    }
    void turn(int steps, std::uint64_t microseconds = 100) {
        for (int n = 0; n < steps; ++n) {
            for (Client& client : clients) {
                client.lab->step(microseconds);
                client.take();
            }
        }
    }
    Pair pair;
    Store store;
    std::array<Client, 2> clients{Client{&pair.one, &store}, Client{&pair.two, &store}};
};

// --- every schedule ---

// The type of an object is told by its first 512 bytes: they come in one piece.
std::vector<std::pair<std::size_t, std::size_t>> cut_up(std::size_t size, std::mt19937* random) {
    std::vector<std::pair<std::size_t, std::size_t>> ranges;
    for (std::size_t at = 0; at < size;) {
        const std::size_t length =
            std::min<std::size_t>(size - at, (at == 0 ? 512 : 200) + (*random)() % 900);
        ranges.emplace_back(at, length);
        at += length;
    }
    std::shuffle(ranges.begin(), ranges.end(), *random);
    return ranges;
}

// What is there when all stands still. True: all of it was accepted.
bool upload(const std::string& content, const std::string& known, unsigned seed, bool may_break) {
    std::mt19937 random(seed);
    Storm storm(known);
    const auto ranges = cut_up(content.size(), &random);
    std::deque<std::pair<std::size_t, std::size_t>> left(ranges.begin(), ranges.end());
    bool all = true;
    const auto begin_again = [&](Client* client) {
        if (!client->is_idle())
            left.emplace_back(client->place, client->request.size() - client->head);
        all = false;
        client->connect_anew();
    };
    for (int n = 0; n < 400; ++n) {
        Client& client = storm.clients[random() % 2];
        if (client.is_over()) begin_again(&client);
        if (client.is_idle()) {
            if (left.empty()) {
                if (storm.clients[0].is_idle() && storm.clients[1].is_idle()) break;
                continue;
            }
            client.begin(left.front().first,
                         std::string_view(content).substr(left.front().first, left.front().second));
            left.pop_front();
        }
        client.send(1 + random() % 400);
        if (may_break && random() % 40 == 0) {
            client.hang_up();
            storm.turn(60);
            begin_again(&client);
        }
        storm.turn(random() % 3 == 0 ? 30 : static_cast<int>(random() % 3));
        for (Client& each : storm.clients) {
            if (each.is_stored()) each.finish();
        }
        // For as long as a tail is looked at, and no longer.
        const std::string before = storm.store.object;
        if (before == known) storm.turn(60);
        if (storm.store.object == known) fail_msg("seed %u: the known file is there", seed);
    }
    storm.turn(100);
    if (storm.store.object == known) fail_msg("seed %u: the known file is there", seed);
    return all && storm.store.object == content;
}

void a_clean_file_is_stored_whatever_the_order(void**) {
    const std::string known = small_content();
    std::string clean = known;
    clean[1700] = '!';
    for (unsigned seed = 1; seed <= 60; ++seed) {
        if (!upload(clean, known, seed, false)) fail_msg("seed %u: it is not stored", seed);
    }
}

void a_known_file_is_never_there_whatever_the_order(void**) {
    const std::string known = small_content();
    for (unsigned seed = 1; seed <= 60; ++seed)
        assert_false(upload(known, known, seed, false));
}

void nor_when_clients_hang_up(void**) {
    const std::string known = small_content();
    for (unsigned seed = 1000; seed <= 1060; ++seed)
        assert_false(upload(known, known, seed, true));
    // It ends before the upload does.
    const std::string longer = known + "and more of it";
    for (unsigned seed = 2000; seed <= 2060; ++seed)
        upload(longer, known, seed, true);
}

// --- no client waits for what waits for it ---

// Ten segments are all that a client sends before the first acknowledgement (RFC 6928).
void a_client_that_may_send_no_more_is_not_left_waiting(void**) {
    Pair pair;
    send(&pair.one, dav_range(100000, third(2)));
    const std::string first = dav_range(0, std::string_view(known()).substr(0, 20000));
    pair.two.segment(pair.two.client_next - pair.two.isn - 1,
                     std::string_view(first).substr(0, 1400));
    assert_int_equal(pair.two.stored.size(), 0);
    for (int n = 0; n < 12; ++n)
        pair.two.step(100);
    assert_int_equal(pair.two.stored.size(), 1400);
    assert_false(pair.two.storage_reset);
    // What is lost in front of us is missed only for so long.
    pair.two.client_next += 1400;
    pair.two.segment(2400, std::string_view(first).substr(2400, 1000));
    pair.two.segment(1400, std::string_view(first).substr(1400, 1000));
    for (int n = 0; n < 12; ++n)
        pair.two.step(100);
    assert_int_equal(pair.two.stored.size(), 3400);
}

void what_waits_for_one_that_stands_still_is_refused_in_time(void**) {
    for (const bool comes_on : {false, true}) {
        Pair pair;
        const std::string first = dav_range(0, third(1));
        pair.one.send(std::string_view(first).substr(0, 5000));
        const std::string second = dav_range(100000, third(2));
        pair.two.segment(0, std::string_view(second).substr(0, 1400));
        for (int n = 0; n < 40; ++n) {
            pair.two.step(500000);
            pair.one.step(500000);
            assert_int_equal(pair.two.stored.size(), 0);
            if (comes_on && n % 10 == 0)
                pair.one.send(
                    std::string_view(first).substr(5000 + 10 * static_cast<std::size_t>(n), 100));
        }
        assert_int_equal(is_refused(pair.two, "503"), !comes_on);
        assert_int_equal(pair.two.count(Outcome::assembly_stalled), !comes_on);
        assert_false(pair.one.storage_reset);
        // The one that stood still ends after all, and is what is there.
        if (comes_on) continue;
        pair.one.send(std::string_view(first).substr(5000));
        pair.turn(100);
        assert_int_equal(pair.one.stored.size(), first.size());
        assert_false(pair.one.storage_reset);
    }
}

// No more than a storage takes before it has acknowledged.
void send_in_windows(Pair* pair, Lab* lab, std::string_view text) {
    for (std::size_t at = 0; at < text.size(); at += 40000) {
        lab->acknowledge();
        lab->send(text.substr(at, 40000));
        pair->turn(200);
    }
}

// A tail of an object that is whole, when all the rest is there: its last byte completes it.
void the_last_of_several_is_refused(void**) {
    Pair pair;
    const std::string first = dav_range(0, third(1));
    const std::string second = dav_range(100000, third(2));
    const std::string last = dav_range(200000, third(3));
    pair.one.send(std::string_view(first).substr(0, 50000));
    pair.two.segment(0, std::string_view(last).substr(0, 1400));
    pair.two.client_next += 1400;
    pair.turn(100);
    assert_int_equal(pair.two.stored.size(), 0);
    pair.one.send(std::string_view(first).substr(50000));
    pair.turn(100);
    pair.one.acknowledge();
    pair.one.respond(ok_answer);
    pair.turn(200);
    assert_int_equal(pair.two.stored.size(), 1400);
    send_in_windows(&pair, &pair.two, std::string_view(last).substr(1400));
    assert_int_equal(pair.two.stored.size(), last.size());
    send_in_windows(&pair, &pair.one, second);
    assert_true(is_refused(pair.one, "403"));
    assert_true(pair.one.stored.size() < first.size() + second.size());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_clean_file_is_stored_whatever_the_order),
        cmocka_unit_test(a_known_file_is_never_there_whatever_the_order),
        cmocka_unit_test(nor_when_clients_hang_up),
        cmocka_unit_test(a_client_that_may_send_no_more_is_not_left_waiting),
        cmocka_unit_test(what_waits_for_one_that_stands_still_is_refused_in_time),
        cmocka_unit_test(the_last_of_several_is_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
