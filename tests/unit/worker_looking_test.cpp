// Verdicts that are due together: what is looked up for all of them at once is judged as if each
// had come alone.
#include "dataplane/worker/looking.h"
#include "tests/support/lab.h"

// Last: its macros (fail among them) are words of the standard library.
#include "tests/support/cmocka_cpp.h"
#include "tests/support/worker_allocations.h"

using namespace cordon;
using namespace cordon::test;

namespace {

std::string content_of(std::size_t n) {
    return "harmless file " + std::to_string(n) + std::string(200 + n % 50, '.');
}

// The files `listed`, each in one section after the other, by two digests in turn.
AlignedBytes index_of_files(const std::vector<std::size_t>& listed, std::uint32_t sections = 1) {
    IndexBuilder builder({.lab = true, .generation = 9, .created_s = index_now_s});
    for (std::uint32_t n = 0; n < sections; ++n)
        (void)*builder.add_section({.name = "list" + std::to_string(n), .generation = n + 1},
                                   key_of(static_cast<std::uint8_t>(n + 1)));
    std::uint32_t section = 0;
    for (const std::size_t n : listed) {
        const std::string content = content_of(n);
        const auto kind = section % 3 == 2 ? IndicatorKind::sha1 : IndicatorKind::sha256;
        std::uint8_t digest[32];
        if (kind == IndicatorKind::sha256)
            SHA256(as_bytes(content).data(), content.size(), digest);
        else
            SHA1(as_bytes(content).data(), content.size(), digest);
        const AddOutcome added =
            builder.add(section++ % sections, {.kind = kind,
                                               .digest = Bytes(digest).first(digest_length(kind)),
                                               .reference = 1000 + n});
        INVARIANT(added == AddOutcome::added);
    }
    return built(&builder);
}

Options options_for_many() {
    Options options = lab_options();
    options.messages_max = 64;
    options.services[0].weak_blocks = 1;  // SHA-1
    return options;
}

// Many clients of one appliance, each on a connection of its own.
struct Crowd {
    static constexpr std::uint16_t first_port = 40001;

    explicit Crowd(std::size_t clients) : lab(options_for_many()), stored(clients) {
        lab.at_storage = [this](const Segment& segment) {
            const std::size_t n = segment.source.port - first_port;
            if ((segment.flags & tcp_flag::rst) == 0)
                stored.at(n) += as_text(segment.payload);
            else
                resets.push_back(n);
        };
        for (std::size_t n = 0; n < clients; ++n)
            lab.connect();
    }
    // Waits at the port, for the burst that the next step takes.
    void push(std::size_t client, std::size_t offset, std::string_view bytes,
              std::uint8_t flags = tcp_flag::ack) {
        lab.client_port = static_cast<std::uint16_t>(first_port + client);
        lab.port.push(Side::client, lab.client_packet()
                                        .sequence(lab.isn + 1 + static_cast<std::uint32_t>(offset))
                                        .acknowledgement(storage_isn + 1)
                                        .flags(flags)
                                        .payload(bytes)
                                        .frame());
    }
    // The record is there, and what it allows is done.
    void settle() {
        lab.step();
        lab.step(2000);
    }
    bool was_reset(std::size_t client) const {
        return std::find(resets.begin(), resets.end(), client) != resets.end();
    }
    // Whose records there are, and by which reference.
    std::map<std::size_t, std::uint64_t> incidents() const {
        std::map<std::size_t, std::uint64_t> made;
        for (const auto& decided : lab.recorder.decided_records) {
            const std::size_t client = decided.record.client.port - first_port;
            assert_int_equal(made.count(client), 0);
            assert_int_equal(decided.record.match_count, 1);
            made[client] = decided.record.matches[0].reference;
        }
        return made;
    }

    Lab lab;
    std::vector<std::string> stored;  // by each client's connection
    std::vector<std::size_t> resets;
};

void expect_judged(Crowd& crowd, std::size_t clients, const std::vector<std::size_t>& listed) {
    const std::map<std::size_t, std::uint64_t> incidents = crowd.incidents();
    for (std::size_t n = 0; n < clients; ++n) {
        const bool is_listed = std::find(listed.begin(), listed.end(), n) != listed.end();
        const std::string all = put("/file", content_of(n));
        assert_int_equal(incidents.count(n), is_listed);
        assert_int_equal(crowd.was_reset(n), is_listed);
        if (is_listed) {
            assert_int_equal(incidents.at(n), 1000 + n);
            assert_true(crowd.stored[n].size() < all.size());
            assert_true(all.starts_with(crowd.stored[n]));
        } else {
            assert_string_equal(crowd.stored[n].c_str(), all.c_str());
        }
    }
}

void objects_that_end_in_one_burst_are_each_judged_by_their_own_digests(void**) {
    constexpr std::size_t clients = limits::burst_frames;
    const std::vector<std::size_t> listed = {0, 3, 4, 5, 13, 22, 30, 31};
    for (const std::uint32_t sections : {1u, 2u, 4u}) {
        Crowd crowd(clients);
        crowd.lab.use(index_of_files(listed, sections));
        for (std::size_t n = 0; n < clients; ++n)
            crowd.push(n, 0, put("/file", content_of(n)));
        crowd.settle();
        expect_judged(crowd, clients, listed);
        assert_int_equal(crowd.lab.count(Outcome::object_clean), clients - listed.size());
    }
}

void objects_behind_them_in_the_same_segments_are_judged_as_well(void**) {
    constexpr std::size_t clients = 20;
    Crowd crowd(clients);
    // Each client sends three files; of client n the one numbered 100 × turn + n.
    crowd.lab.use(index_of_files({3, 103, 104, 105, 205, 219}, 2));
    std::vector<std::string> sent;
    for (std::size_t n = 0; n < clients; ++n) {
        std::string& all = sent.emplace_back();
        for (std::size_t turn = 0; turn < 3; ++turn)
            all += put("/file", content_of(100 * turn + n));
        crowd.push(n, 0, all);
    }
    crowd.settle();
    const std::map<std::size_t, std::uint64_t> wanted = {
        {3, 1003}, {4, 1104}, {5, 1105}, {19, 1219}};
    assert_true(crowd.incidents() == wanted);
    for (std::size_t n = 0; n < clients; ++n) {
        assert_true(sent[n].starts_with(crowd.stored[n]));
        assert_int_equal(crowd.stored[n].size() < sent[n].size(), wanted.count(n));
    }
    // What stands behind a match has no verdict.
    assert_int_equal(crowd.lab.count(Outcome::object_clean), (clients - 4) * 3 + 4);
}

void a_reset_in_the_same_burst_takes_only_its_own_verdict_away(void**) {
    Crowd crowd(4);
    crowd.lab.use(index_of_files({0, 1, 3}));
    for (std::size_t n = 0; n < 4; ++n) {
        const std::string all = put("/file", content_of(n));
        crowd.push(n, 0, all);
        if (n == 1) crowd.push(n, all.size(), {}, tcp_flag::rst | tcp_flag::ack);
    }
    crowd.settle();
    const std::map<std::size_t, std::uint64_t> incidents = crowd.incidents();
    assert_int_equal(incidents.count(0), 1);
    assert_int_equal(incidents.count(2), 0);
    assert_int_equal(incidents.count(3), 1);
    assert_true(crowd.stored[1].size() < put("/file", content_of(1)).size());
    assert_string_equal(crowd.stored[2].c_str(), put("/file", content_of(2)).c_str());
}

void an_index_swapped_between_two_bursts_judges_those_that_end_after_it(void**) {
    constexpr std::size_t clients = 12;
    const std::vector<std::size_t> before = {1, 2, 7}, after = {2, 3, 11};
    Crowd crowd(clients);
    crowd.lab.use(index_of_files(before));
    const auto first_bytes = [](std::size_t n) { return n < 6 ? SIZE_MAX : std::size_t{200}; };
    for (std::size_t n = 0; n < clients; ++n)
        crowd.push(n, 0, std::string_view(put("/file", content_of(n))).substr(0, first_bytes(n)));
    crowd.lab.step();
    crowd.lab.use(index_of_files(after, 2));
    for (std::size_t n = 6; n < clients; ++n)
        crowd.push(n, 200, std::string_view(put("/file", content_of(n))).substr(200));
    crowd.settle();
    expect_judged(crowd, clients, {1, 2, 11});
}

void verdicts_of_a_burst_allocate_nothing(void**) {
    Crowd crowd(limits::burst_frames);
    crowd.lab.use(index_of_files({3, 4, 17}, 2));
    for (std::size_t n = 0; n < limits::burst_frames; ++n)
        crowd.push(n, 0, put("/file", content_of(n)) + put("/file", content_of(n + 50)));
    // The port would copy what is sent.
    for (const Side side : {Side::client, Side::storage})
        crowd.lab.port.accept_at_most(side, 0);
    AllocationWatch watch;
    crowd.lab.worker->poll({crowd.lab.now_ns, index_now_s * ns_per_s});
    assert_int_equal(watch.count(), 0);
    assert_int_equal(crowd.incidents().size(), 3);
}

// --- the list ------------------------------------------------------------------------------------

void what_was_looked_up_stays_with_its_flow_when_another_one_goes(void**) {
    constexpr FlowNumber flows = limits::burst_frames + 8;
    const IndexView none;
    DueVerdicts due;
    for (FlowNumber flow = 0; flow < flows; ++flow)
        due.add(flow);
    // Every fifth has nothing that could be looked up ahead.
    const auto look = [](FlowNumber flow, LookedAhead* place) {
        place->digests.size = flow;
        return flow % 5 != 0;
    };
    std::size_t rounds = 0, seen = 0;
    while (!due.empty()) {
        if (due.next_is_fresh()) {
            due.look_ahead(none, look);
            ++rounds;
            if (rounds == 1) {
                due.forget(0);
                due.forget(7);
                due.add(flows);  // in a later round
            }
        }
        LookedAhead* looked;
        const FlowNumber flow = due.next(&looked);
        ++seen;
        assert_true(flow != 0 && flow != 7);
        assert_int_equal(looked != nullptr, flow % 5 != 0);
        if (looked != nullptr) assert_int_equal(looked->digests.size, flow);
    }
    assert_int_equal(seen, flows - 1);
    assert_int_equal(rounds, 2);
}

// Clients that send in trains of a burst's length: what of them shares lanes comes in one turn, and
// no more than brings other objects.
void trains_of_few_clients_are_hashed_together(void**) {
    constexpr std::size_t clients = 3, trains = 3, step = 100;
    for (const bool is_hashed : {true, false}) {
        Crowd crowd(clients);
        if (is_hashed) crowd.lab.use(index_of_files({1}));
        const std::string upload =
            put("/file", std::string(trains * limits::burst_frames * step, '\x81'));
        for (std::size_t train = 0; train < trains; ++train) {
            for (std::size_t client = 0; client < clients; ++client) {
                for (std::size_t n = 0; n < limits::burst_frames; ++n) {
                    const std::size_t at = (train * limits::burst_frames + n) * step;
                    crowd.push(client, at, std::string_view(upload).substr(at, step));
                }
            }
        }
        const auto turn = [&] {
            crowd.lab.now_ns += 10 * ns_per_us;
            return crowd.lab.worker->poll(
                {crowd.lab.now_ns, crowd.lab.unix_zero_ns + crowd.lab.now_ns});
        };
        // One of each client, and two that bring no other object.
        const std::size_t bursts = is_hashed ? clients + 2 : 1;
        assert_int_equal(turn(), bursts * limits::burst_frames);
        if (!is_hashed) continue;
        assert_int_equal(turn(), (clients * trains - bursts) * limits::burst_frames);
        crowd.lab.step(1000);
        for (const std::string& stored : crowd.stored)
            assert_string_equal(stored.c_str(),
                                upload.substr(0, trains * limits::burst_frames * step).c_str());
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(trains_of_few_clients_are_hashed_together),
        cmocka_unit_test(objects_that_end_in_one_burst_are_each_judged_by_their_own_digests),
        cmocka_unit_test(objects_behind_them_in_the_same_segments_are_judged_as_well),
        cmocka_unit_test(a_reset_in_the_same_burst_takes_only_its_own_verdict_away),
        cmocka_unit_test(an_index_swapped_between_two_bursts_judges_those_that_end_after_it),
        cmocka_unit_test(verdicts_of_a_burst_allocate_nothing),
        cmocka_unit_test(what_was_looked_up_stays_with_its_flow_when_another_one_goes),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
