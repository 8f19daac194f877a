// Shunted uploads over a network that loses, repeats and reorders on both sides, with swaps of the
// index: the storage reads what was sent, and a known file behind it never comes whole.
// CORDON_SCHEDULES=1000 makes it long, CORDON_SEED=n repeats one.
#include "tests/support/shunt_bench.h"

using namespace cordon;
using namespace cordon::test;

namespace {

// One connection over a network that loses, repeats and reorders on both sides of the appliance,
// with a swap of the index now and then. The sender repeats what is not acknowledged.
class Schedule {
  public:
    explicit Schedule(std::uint32_t seed) : random_(seed), bench_(options()) {
        bench_.lab.isn = pick(3) == 0 ? wrapping_isn : pick(UINT32_MAX);
        if (pick(2) == 0) bench_.lab.client_clock = bench_.lab.storage_clock = 1000;
        bench_.connect();
        stream_ = put("/large", clean_content(2 << 20, seed)) + put("/small", "nothing");
        if (pick(2) == 0) stream_ += put("/again", clean_content(3 << 19, seed + 1));
        clean_ = stream_.size();
        stream_ += put("/known", known_content());
        ends_.stream = stream_;
    }
    void run() {
        for (int turns = 0; turns < 200000 && !over(); ++turns)
            turn();
        assert_true(over());
        assert_int_equal(ends_.stored.compare(0, clean_, stream_, 0, clean_), 0);
        // The last byte of the known file never came.
        assert_true(ends_.stored.size() < stream_.size());
        assert_int_equal(bench_.lab.count(Outcome::match_blocked), 1);
        assert_int_equal(bench_.lab.count(Outcome::inconsistent), 0);
        assert_int_equal(bench_.lab.port.shunts.in_use(), 0);
    }
    std::size_t bridged() const { return bench_.lab.port.bridged(); }

  private:
    static Options options() {
        Options options = shunting_options();
        options.kept_bytes_worker_max = 16 << 20;
        return options;
    }
    std::uint32_t pick(std::uint32_t n) { return static_cast<std::uint32_t>(random_() % n); }
    bool over() { return bench_.lab.count(Outcome::match_blocked) != 0; }

    void turn() {
        send();
        cross(&to_appliance_, [&](const FrameBytes& f) { bench_.lab.port.push(Side::client, f); });
        cross(&acks_, [&](const FrameBytes& f) { bench_.lab.port.push(Side::storage, f); });
        if (pick(4) != 0) poll();
        for (const FrameBytes& frame : bench_.lab.port.take(Side::storage))
            to_storage_.push_back(frame);
        cross(&to_storage_, [&](const FrameBytes& f) { storage_takes(f); });
        for (const FrameBytes& frame : bench_.lab.port.take(Side::client))
            ends_.client_takes(frame);
        if (pick(3000) == 0) bench_.lab.use(dismissing_index({known_content()}));
    }
    void poll() {
        bench_.lab.now_ns += 50 * ns_per_us;
        bench_.lab.worker->poll({bench_.lab.now_ns, index_now_s * ns_per_s + bench_.lab.now_ns});
    }
    // What waits on the wire arrives, for the most part, and nearly in order.
    template <typename Arrive>
    void cross(std::vector<FrameBytes>* wire, Arrive arrive) {
        std::vector<FrameBytes> all = std::exchange(*wire, {});
        if (all.size() > 1 && pick(8) == 0) {
            const std::size_t at = pick(static_cast<std::uint32_t>(all.size() - 1));
            std::swap(all[at], all[at + 1]);
        }
        for (const FrameBytes& frame : all) {
            const std::uint32_t luck = pick(200);
            if (luck == 0) continue;                // lost
            if (luck == 1) wire->push_back(frame);  // again, and late
            arrive(frame);
        }
    }
    void send() {
        if (pick(50) == 0 && ends_.acked < ends_.next) {  // what is missing first
            const std::size_t bytes = 1 + pick(1460);
            push(ends_.acked, std::min(bytes, ends_.next - ends_.acked));
        }
        // A blocked upload takes with it what of earlier ones is still under way.
        const std::size_t last = ends_.acked < clean_ ? clean_ : stream_.size();
        const std::size_t end = std::min(ends_.acked + 65535, last);
        for (std::uint32_t n = pick(8); n != 0 && ends_.next < end; --n) {
            const std::size_t bytes = std::min<std::size_t>(1 + pick(1440), end - ends_.next);
            push(ends_.next, bytes);
            ends_.next += bytes;
        }
        if (pick(2000) == 0) ends_.next = ends_.acked;  // a time-out
    }
    void push(std::size_t at, std::size_t bytes) {
        if (bench_.lab.client_clock != 0 && pick(20) == 0) ++bench_.lab.client_clock;
        to_appliance_.push_back(ends_.segment(at, bytes));
    }
    void storage_takes(const FrameBytes& frame) {
        if (ends_.storage_takes(frame) && pick(3) != 0) acknowledge();
    }
    void acknowledge() {
        if (bench_.lab.storage_clock != 0 && pick(20) == 0) ++bench_.lab.storage_clock;
        acks_.push_back(ends_.acknowledging().frame());
    }

    std::mt19937 random_;
    ShuntBench bench_;
    ShuntEnds ends_{&bench_.lab};
    std::string stream_;
    std::size_t clean_ = 0;
    std::vector<FrameBytes> to_appliance_, to_storage_, acks_;
};

void the_storage_gets_what_was_sent_on_any_schedule(void**) {
    const char* wanted = std::getenv("CORDON_SCHEDULES");
    const char* only = std::getenv("CORDON_SEED");
    const std::uint32_t first = only == nullptr ? 1 : static_cast<std::uint32_t>(std::atoi(only));
    const std::uint32_t count = only != nullptr     ? 1
                                : wanted == nullptr ? 20
                                                    : static_cast<std::uint32_t>(std::atoi(wanted));
    std::size_t bridged = 0;
    for (std::uint32_t seed = first; seed < first + count; ++seed) {
        print_message("seed %u\n", seed);
        Schedule schedule(seed);
        schedule.run();
        bridged += schedule.bridged();
    }
    assert_true(bridged > 500 * count);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_storage_gets_what_was_sent_on_any_schedule),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
