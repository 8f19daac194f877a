#include "dataplane/replay/delivery_order.h"

#include <algorithm>
#include <cstdlib>
#include <map>
#include <sstream>
#include <string>

#include "dataplane/base/time.h"
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::replay;

namespace {

constexpr std::uint64_t wait_ns = 10 * ns_per_ms;

// A capture is a line of words, and so is what the worker gets of it:
//
//   Ac0+10   the client of connection A sends bytes 0 to 10
//   As10     its storage acknowledges up to 10; As10w5: and has room for 5 more; without: for 1000
//   Aa10     its storage answers, with that acknowledgement
//   Af10     its client sends a FIN at 10;  An10  its client sends nothing but an acknowledgement
//   @7       from here on it is 7 ms
//
// Of a connection named in lower case the worker follows nothing; of H it holds all until let go.
struct Word {
    char connection = 0;
    char what = 0;
    std::uint32_t number = 0;
    std::uint32_t more = 0;
};

Word word_of(const std::string& text) {
    Word word{text[0], text[1], 0, 0};
    char* end;
    word.number = static_cast<std::uint32_t>(std::strtoul(text.c_str() + 2, &end, 10));
    const bool has_more = *end == '+' || *end == 'w';
    word.more = has_more ? static_cast<std::uint32_t>(std::strtoul(end + 1, nullptr, 10)) : 1000;
    return word;
}

FlowKey key_of(char connection) {
    FlowKey key{};
    key.rest = static_cast<std::uint64_t>(connection);
    return key;
}

// Holds the last segment of a client, as a rolling tail.
class Tails : public Receiver {
  public:
    explicit Tails(std::uint32_t first) : first_(first) {}

    void deliver(Side side, std::span<const Frame> frames) override {
        assert_true(!frames.empty() && frames.size() <= limits::burst_frames);
        std::string line;
        for (const Frame& frame : frames) {
            const auto& text = *static_cast<const std::string*>(frame.handle);
            line += (line.empty() ? "" : ",") + text;
            take(side, word_of(text));
        }
        said_ += (said_.empty() ? "" : " ") + line;
    }
    bool forwarded(const FlowKey& key, Forwarded* where) const override {
        const char name = static_cast<char>(key.rest);
        const auto found = standing_.find(name);
        if (name >= 'a') return false;
        const Standing at = found == standing_.end() ? Standing{} : found->second;
        *where = {first_ + at.sent, at.sent != at.received, at.window - at.sent};
        return true;
    }
    void let_go(const FlowKey& key) override {
        const char name = static_cast<char>(key.rest);
        said_ += std::string(said_.empty() ? "" : " ") + "let" + name;
        standing_[name].sent = standing_[name].received;
    }
    const std::string& said() const { return said_; }

  private:
    struct Standing {
        std::uint32_t sent = 0, received = 0, window = 1000;
    };
    void take(Side side, const Word& word) {
        Standing& at = standing_[word.connection];
        if (side == Side::client && word.what == 'c' && word.number == at.received) {
            if (word.connection != 'H') at.sent = at.received;
            at.received += word.more;
        }
        if (side == Side::storage && word.what == 's')
            at.window = std::max(at.window == 1000 ? 0 : at.window, word.number + word.more);
    }
    const std::uint32_t first_;
    std::map<char, Standing> standing_;
    std::string said_;
};

Packet packet_of(const Word& word, std::uint32_t first) {
    Packet packet{};
    const std::string names = "ABCHu";
    packet.flow = static_cast<std::uint32_t>(names.find(word.connection));
    packet.flags = tcp_flag::ack;
    const bool is_storage = word.what == 's' || word.what == 'a';
    packet.side = is_storage ? Side::storage : Side::client;
    (is_storage ? packet.acknowledgement : packet.sequence) = first + word.number;
    if (word.what == 'c') packet.payload_bytes = word.more;
    if (word.what == 'a') packet.payload_bytes = 5;
    if (word.what == 'f') packet.flags |= tcp_flag::fin;
    return packet;
}

// What the worker gets of `capture`, as a replay hands it on.
std::string deliveries(const std::string& capture, std::uint32_t first) {
    Tails tails(first);
    DeliveryOrder order(&tails, wait_ns);
    std::vector<std::string> words;
    std::istringstream in(capture);
    for (std::string text; in >> text;)
        words.push_back(text);
    std::uint64_t ns = 0;
    for (std::string& text : words) {
        if (text[0] == '@') {
            ns = std::strtoul(text.c_str() + 1, nullptr, 10) * ns_per_ms;
            order.flush();
            order.expire(ns);
            continue;
        }
        const Word word = word_of(text);
        Packet packet = packet_of(word, first);
        packet.frame.handle = &text;
        packet.ns = ns;
        if (!order.takes(packet)) {
            order.flush();
            order.expire(ns);
        }
        order.add(packet, key_of(word.connection));
    }
    order.flush();
    order.end_waiting();
    assert_true(order.empty());
    return tails.said();
}

void expect(const std::string& capture, const std::string& wanted) {
    // Sequence numbers begin anywhere.
    for (const std::uint32_t first : {0u, 1000u, 0x7ffffff8u, 0xfffffff8u})
        assert_string_equal(deliveries(capture, first).c_str(), wanted.c_str());
}

std::string repeated(const char* word, int count) {
    std::string line;
    for (int n = 0; n < count; ++n)
        line += std::string(n == 0 ? "" : " ") + word;
    return line;
}

std::string joined(std::string words) {
    std::replace(words.begin(), words.end(), ' ', ',');
    return words;
}

void packets_of_many_connections_are_one_burst(void**) {
    expect("Ac0+10 Bc0+10 Cc0+10 Ac10+10", "Ac0+10,Bc0+10,Cc0+10,Ac10+10");
    expect("Ac0+10 Ac10+10 As10 Bc0+10 Bc10+10 Bs10", "Ac0+10,Ac10+10,Bc0+10,Bc10+10 As10,Bs10");
}

void a_connection_keeps_its_order(void**) {
    expect("Ac0+10 Ac10+10 As10 Ac20+10", "Ac0+10,Ac10+10 As10 Ac20+10");
    expect("As0 Ac0+10", "As0 Ac0+10");
}

void nothing_of_a_client_overtakes_an_answer_to_anybody(void**) {
    expect("Ac0+10 uc0+10 ua10 Ac10+10", "Ac0+10,uc0+10 ua10 Ac10+10");
    expect("uc0+10 ua10 An0 Ac0+10", "uc0+10,An0 ua10 Ac0+10");  // it carries nothing
}

void an_acknowledgement_of_what_is_held_waits_for_the_next_segment(void**) {
    expect("Ac0+10 As10 Ac10+10 As20 Ac20+10 As20", "Ac0+10 Ac10+10 As10 Ac20+10 As20,As20");
    expect("Ac0+10 As10 Bc0+10 Bs10 Ac10+10 Bc10+10", "Ac0+10,Bc0+10 Ac10+10,Bc10+10 As10,Bs10");
}

void what_the_storage_says_later_waits_behind_it(void**) {
    expect("Ac0+10 As10 As0 As10 Ac10+10", "Ac0+10 Ac10+10 As10,As0,As10");
}

void an_answer_ends_the_wait(void**) {
    expect("Ac0+10 As10 Aa10", "Ac0+10 letA As10,Aa10");
    expect("Ac0+10 Aa0", "Ac0+10 letA Aa0");
    expect("Ac0+10 As10 @1 Aa10 Ac10+10", "Ac0+10 letA As10,Aa10 Ac10+10");
}

void what_is_no_plain_next_segment_comes_behind_it(void**) {
    expect("Ac0+10 As10 Ac0+10", "Ac0+10 letA As10 Ac0+10");    // a repetition
    expect("Ac0+10 As10 Ac20+10", "Ac0+10 letA As10 Ac20+10");  // behind a hole
    expect("Ac0+10 As10 Ac5+10", "Ac0+10 letA As10 Ac5+10");    // partly new
    expect("Ac0+10 As10 Af10", "Ac0+10 letA As10 Af10");
    expect("Ac0+10 As10 An10", "Ac0+10 letA As10 An10");
    // It has made the tail leave before that came.
    expect("Ac0+10 As10 Ac10+10 Af20", "Ac0+10 Ac10+10 As10 Af20");
}

void a_client_never_meets_a_smaller_window_than_it_had(void**) {
    expect("As0w20 Ac0+10 As10w20 Ac10+10 As20w20 Ac20+10",
           "As0w20 Ac0+10 Ac10+10 As10w20 Ac20+10 As20w20");
    expect("As0w20 Ac0+10 As10w20 Ac10+11", "As0w20 Ac0+10 letA As10w20 Ac10+11");
    // The second of a burst may be the one that is beyond it.
    expect("As0w25 Ac0+10 As10w25 Ac10+10 Ac20+10", "As0w25 Ac0+10 Ac10+10 As10w25 Ac20+10");
}

void what_the_next_segment_does_not_release_is_let_go(void**) {
    expect("Hc0+10 Hs10 Hc10+10", "Hc0+10 Hc10+10 letH Hs10");
}

void an_acknowledgement_of_what_nobody_sent_does_not_wait(void**) {
    expect("Ac0+10 As11 Ac10+10", "Ac0+10 letA As11 Ac10+10");
    expect("As5 Ac0+10", "letA As5 Ac0+10");
}

void the_wait_ends_when_a_tail_would_leave(void**) {
    expect("Ac0+10 As10 @5 Bc0+10 Bs10 @9 @10 Bc10+10", "Ac0+10 Bc0+10 letA As10 Bc10+10 Bs10");
    expect("Ac0+10 As10 @1 Bc0+10 Bs10 @11", "Ac0+10 Bc0+10 letA As10 letB Bs10");
    // One that leaves the middle of those that wait.
    expect("Ac0+10 As10 @1 Bc0+10 Bs10 @2 Cc0+10 Cs10 @3 Bc10+10 @20",
           "Ac0+10 Bc0+10 Cc0+10 Bc10+10 Bs10 letA As10 letC Cs10");
}

void of_a_connection_that_is_not_followed_nothing_waits(void**) {
    expect("uc0+10 us10 uc10+10 us30", "uc0+10 us10 uc10+10 us30");
}

void bursts_and_waits_are_bounded(void**) {
    const std::string all = repeated("uc0+1", 32);
    expect(all + " uc0+1", joined(all) + " uc0+1");
    const std::string acks = repeated("us0", 32);
    expect(acks + " us0", joined(acks) + " us0");
    const std::string waiting = repeated("As10", 32);
    expect("Ac0+10 " + waiting + " As9 Ac10+10", "Ac0+10 letA " + joined(waiting) + " As9 Ac10+10");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(packets_of_many_connections_are_one_burst),
        cmocka_unit_test(a_connection_keeps_its_order),
        cmocka_unit_test(nothing_of_a_client_overtakes_an_answer_to_anybody),
        cmocka_unit_test(an_acknowledgement_of_what_is_held_waits_for_the_next_segment),
        cmocka_unit_test(what_the_storage_says_later_waits_behind_it),
        cmocka_unit_test(an_answer_ends_the_wait),
        cmocka_unit_test(what_is_no_plain_next_segment_comes_behind_it),
        cmocka_unit_test(a_client_never_meets_a_smaller_window_than_it_had),
        cmocka_unit_test(what_the_next_segment_does_not_release_is_let_go),
        cmocka_unit_test(an_acknowledgement_of_what_nobody_sent_does_not_wait),
        cmocka_unit_test(the_wait_ends_when_a_tail_would_leave),
        cmocka_unit_test(of_a_connection_that_is_not_followed_nothing_waits),
        cmocka_unit_test(bursts_and_waits_are_bounded),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
