// The journal and its reader over every crash: after each operation on the files, with everything
// that was not synced kept, dropped or torn, and again in the middle of the recovery.
#include <functional>
#include <random>
#include <set>

#include "control/link/journal_reader.h"
#include "dataplane/shell/journal_writer.h"
#include "tests/support/memory_sink.h"
#include "tests/support/recording_files.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::test;

namespace {

using Payload = MemorySink::Payload;
using Fate = RecordingFiles::Fate;

constexpr const char* directory = "state/journal";
constexpr JournalId first_id = {1, 2, 3};
constexpr JournalId other_id = {9, 9, 9};
constexpr unsigned seed = 20240607;

JournalOptions options(const JournalId& id) {
    return {directory, id, 512, 2, 256};
}

// Everything that was ever given to a journal and told about it.
struct History {
    std::map<std::uint64_t, std::set<Payload>> appended;  // by sequence
    struct Durable {
        std::size_t operations;  // done when it was reported
        std::uint64_t sequence;
        Payload payload;
    };
    std::vector<Durable> durable;
    struct Commit {
        std::size_t operations;
        MemorySink sink;  // as it was afterwards
    };
    MemorySink before;  // the store as this life found it
    std::vector<Commit> commits;
};

// Writer and reader at work on the same files.
class Life : RecordSink {
  public:
    Life(RecordingFiles& files, MemorySink sink, History* history, const JournalId& id)
        : files_(files),
          sink_(std::move(sink)),
          history_(history),
          journal_(std::make_unique<Journal>(files, options(id))),
          reader_(files, *this, {directory, 3}) {}

    bool open() { return journal_->open() == 0; }
    void restart(const JournalId& id) {
        journal_ = std::make_unique<Journal>(files_, options(id));
        open();
    }
    void tend() {
        while (journal_->tend() == TendResult::more) {}
    }
    bool append(std::size_t bytes, std::uint8_t fill) {
        Payload payload(bytes, fill);
        std::uint64_t sequence = journal_->next_sequence();
        const auto note = [&] { history_->appended[sequence].insert(payload); };
        JournalResult result = journal_->append(RecordType::decided, payload, &sequence);
        if (result == JournalResult::full) {
            tend();
            result = journal_->append(RecordType::decided, payload, &sequence);
        }
        note();
        if (result != JournalResult::ok) return false;
        waiting_.emplace_back(sequence, payload);
        return true;
    }
    bool sync() {
        const bool durable = journal_->sync() == JournalResult::ok;
        for (auto& [sequence, payload] : waiting_) {
            if (durable) {
                history_->durable.push_back({files_.operation_count(), sequence, payload});
            }
        }
        waiting_.clear();
        return durable;
    }
    bool poll() { return reader_.poll().has_value(); }
    void forget() { waiting_.clear(); }
    Journal& journal() { return *journal_; }
    const MemorySink& sink() const { return sink_; }

  private:
    Result<std::uint64_t> next_sequence(const JournalId& journal) override {
        return sink_.next_sequence(journal);
    }
    Result<void> apply(const RecordBatch& batch) override {
        auto applied = sink_.apply(batch);
        history_->commits.push_back({files_.operation_count(), sink_});
        return applied;
    }

    RecordingFiles& files_;
    MemorySink sink_;
    History* history_;
    std::unique_ptr<Journal> journal_;
    JournalReader reader_;
    std::vector<std::pair<std::uint64_t, Payload>> waiting_;
};

// Groups of records of many sizes, rolls, polls at all places, kills without a crash. After an
// error the journal is opened again, as the thread does.
void work(Life& life, std::size_t records, std::uint8_t first_fill, bool tend_first = true) {
    if (!life.open()) life.open();
    if (tend_first) life.tend();
    for (std::size_t n = 0; n < records; ++n) {
        const auto fill = static_cast<std::uint8_t>(first_fill + n);
        bool good = life.append(n * 37 % 190, fill);
        if (n * 7 % 5 > 1) good = life.sync() && good;
        if (!good) {
            life.forget();
            for (int tries = 0; tries < 4 && !life.journal().usable(); ++tries)
                life.open();
        }
        if (n % 4 == 2) life.poll();
        if (n % 5 == 4) life.tend();
        if (n == 11) life.sync(), life.restart(other_id);
    }
    life.sync();
    life.poll();
}

void check_store(const MemorySink& sink, const History& history, std::size_t operations,
                 bool faultless) {
    if (faultless) {
        assert_int_equal(sink.contradictions, 0);
        assert_int_equal(sink.faults.size(), 0);
    }
    std::map<std::uint64_t, std::set<Payload>> stored;
    for (const auto& [journal, records] : sink.records) {
        for (const auto& [sequence, payloads] : records) {
            // No number twice, not even in two journals.
            assert_true(stored.emplace(sequence, payloads).second);
            // Nothing half: what is stored was appended so.
            for (const Payload& payload : payloads) {
                assert_true(history.appended.at(sequence).contains(payload));
            }
        }
    }
    for (const History::Durable& durable : history.durable) {
        if (durable.operations > operations) continue;
        assert_true(stored.contains(durable.sequence));
        assert_true(stored.at(durable.sequence).contains(durable.payload));
    }
}

// The store as it was when the crash came; `late`: with the commit at that very moment.
MemorySink store_at(const History& history, std::size_t operations, bool late) {
    MemorySink sink = history.before;
    for (const History::Commit& commit : history.commits) {
        if (commit.operations < operations || (late && commit.operations == operations)) {
            sink = commit.sink;
        }
    }
    return sink;
}

std::vector<std::vector<Fate>> fates_of(std::size_t count, std::mt19937& random, std::size_t some) {
    constexpr Fate all[] = {Fate::kept, Fate::dropped, Fate::torn};
    std::vector<std::vector<Fate>> fates;
    if (count <= 3) {
        std::size_t ways = 1;
        for (std::size_t n = 0; n < count; ++n)
            ways *= 3;
        for (std::size_t way = 0; way < ways; ++way) {
            fates.emplace_back();
            for (std::size_t n = 0, rest = way; n < count; ++n, rest /= 3) {
                fates.back().push_back(all[rest % 3]);
            }
        }
        return fates;
    }
    for (Fate most : all) {
        fates.emplace_back(count, most);
        for (std::size_t n = 0; n < count; ++n) {
            for (Fate one : all) {
                fates.emplace_back(count, most);
                fates.back()[n] = one;
            }
        }
    }
    for (std::size_t n = 0; n < some; ++n) {
        fates.emplace_back();
        for (std::size_t i = 0; i < count; ++i)
            fates.back().push_back(all[random() % 3]);
    }
    return fates;
}

struct Crash {
    const RecordingFiles& files;
    const History& history;
    bool faultless;
    std::size_t lives_left;  // further crashes in the recovery
    std::size_t every;       // of the places to crash in the recovery
    std::size_t cases = 0;
};

void crash_everywhere(Crash* crash, std::size_t from, std::mt19937& random);

// A new life after the crash: it recovers, goes on, and nothing that was reported is missing.
void live_on(Crash* crash, std::size_t operations, const std::vector<Fate>& fates, bool late,
             std::mt19937& random) {
    const auto files = crash->files.rebuild(operations, fates);
    History history = crash->history;
    std::erase_if(history.durable, [&](auto& d) { return d.operations > operations; });
    for (History::Durable& durable : history.durable)
        durable.operations = 0;
    history.before = store_at(crash->history, operations, late);
    history.commits.clear();
    Life life(*files, history.before, &history, other_id);
    work(life, 5, static_cast<std::uint8_t>(100 + operations));
    assert_true(life.poll());
    check_store(life.sink(), history, SIZE_MAX, crash->faultless);
    assert_int_equal(files->open_handles, 1);
    ++crash->cases;
    if (crash->lives_left == 0 || crash->cases % crash->every != 0) return;
    Crash next{*files, history, crash->faultless, crash->lives_left - 1, 1};
    crash_everywhere(&next, 0, random);
    crash->cases += next.cases;
}

void crash_everywhere(Crash* crash, std::size_t from, std::mt19937& random) {
    for (std::size_t at = from; at <= crash->files.operation_count(); ++at) {
        const std::size_t open = crash->files.pending(at).size();
        for (const std::vector<Fate>& fates : fates_of(open, random, 8)) {
            live_on(crash, at, fates, true, random);
            live_on(crash, at, fates, false, random);
        }
    }
}

void every_durable_record_is_stored_once_after_a_crash_anywhere(void**) {
    std::mt19937 random(seed);
    RecordingFiles files;
    History history;
    Life life(files, {}, &history, first_id);
    work(life, 24, 1);
    check_store(life.sink(), history, SIZE_MAX, true);
    assert_true(history.durable.size() > 20);
    assert_true(life.sink().records.at(first_id).rbegin()->first == 24);
    Crash crash{files, history, true, 0, 1};
    crash_everywhere(&crash, 0, random);
    print_message("seed %u: %zu operations, %zu crashes\n", seed, files.operation_count(),
                  crash.cases);
}

void a_second_crash_in_the_recovery_loses_nothing_either(void**) {
    std::mt19937 random(seed + 1);
    RecordingFiles files;
    History history;
    Life life(files, {}, &history, first_id);
    work(life, 13, 1);
    Crash crash{files, history, true, 1, 97};
    crash_everywhere(&crash, 0, random);
    print_message("seed %u: %zu crashes\n", seed + 1, crash.cases);
}

// At some places behind `from`, and at the end.
std::size_t crash_somewhere(Crash crash, std::size_t from, std::mt19937& random) {
    const std::size_t end = crash.files.operation_count();
    for (int n = 0; n < 6; ++n) {
        const std::size_t at = n == 0 || from >= end ? end : from + random() % (end - from);
        for (const auto& fates : fates_of(crash.files.pending(at).size(), random, 4)) {
            live_on(&crash, at, fates, true, random);
        }
    }
    return crash.cases;
}

// Killed: what was not synced is still in the page cache for the next life, and may be lost later.
void a_killed_process_and_then_a_crash_lose_nothing(void**) {
    std::mt19937 random(seed + 3);
    std::size_t cases = 0;
    RecordingFiles whole;
    History unused;
    Life all(whole, {}, &unused, first_id);
    work(all, 16, 1);
    for (std::size_t at = 0; at < whole.attempts(); ++at) {
        RecordingFiles files;
        History history;
        MemorySink stored;
        files.fail_from = at;
        files.dies = true;
        {
            Life first(files, {}, &history, first_id);
            work(first, 16, 1);
            stored = first.sink();
        }
        const std::size_t killed = files.operation_count();
        files.fail_from = SIZE_MAX;
        Life second(files, stored, &history, other_id);
        // With the spares as they are: making one would sync the directory by the way.
        work(second, 7, 50, false);
        check_store(second.sink(), history, SIZE_MAX, true);
        cases += crash_somewhere({files, history, true, 0, 1}, killed, random);
    }
    print_message("seed %u: %zu crashes\n", seed + 3, cases);
}

// The disk fails one operation, or some in a row, and mends; then the power fails.
void a_disk_that_fails_for_a_while_loses_nothing_that_was_reported(void**) {
    std::mt19937 random(seed + 2);
    std::size_t cases = 0;
    RecordingFiles whole;
    History unused;
    Life all(whole, {}, &unused, first_id);
    work(all, 16, 1);
    for (std::size_t length : {1u, 2u, 5u}) {
        for (std::size_t at = 0; at < whole.attempts(); ++at) {
            RecordingFiles files;
            files.fail_from = at;
            files.fail_until = at + length;
            History history;
            Life life(files, {}, &history, first_id);
            work(life, 16, 1);
            files.fail_from = SIZE_MAX;
            assert_true(life.poll());
            check_store(life.sink(), history, SIZE_MAX, false);
            cases += crash_somewhere({files, history, false, 0, 1}, at, random);
        }
    }
    print_message("seed %u: %zu crashes\n", seed + 2, cases);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_durable_record_is_stored_once_after_a_crash_anywhere),
        cmocka_unit_test(a_second_crash_in_the_recovery_loses_nothing_either),
        cmocka_unit_test(a_killed_process_and_then_a_crash_lose_nothing),
        cmocka_unit_test(a_disk_that_fails_for_a_while_loses_nothing_that_was_reported),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
