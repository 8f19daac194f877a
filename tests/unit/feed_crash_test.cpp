// What an appliance keeps of its feeds, over every crash and a disk that is full at any call: after
// each operation on its files, with everything that no sync covers kept or not, the dataplane finds
// an index that was tried, its keys and its suspensions, and a new follower goes on from there.
#include <random>

#include "control/index/index_files.h"
#include "control/sync/index_of_feeds.h"
#include "dataplane/contract/section_keys.h"
#include "dataplane/contract/suspensions.h"
#include "tests/support/follower_lab.h"
#include "tests/support/recorded_folder.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::sync;
using cordon::test::Appliance;
using cordon::test::RecordedFolder;
using cordon::test::RecordingFiles;
using Fate = RecordingFiles::Fate;

namespace {

using Held = std::set<std::pair<SuspensionOf, std::uint64_t>>;

// An appliance whose index is a real one, all of it below one folder.
struct Box {
    std::string system;  // beside it: the system's files
    Appliance a;
    feed::KnownFiles files;
    IndexOfFeeds index;

    static std::string make_system() {
        char name[] = "/tmp/cordon-system-XXXXXX";
        const std::string made = ::mkdtemp(name) == nullptr ? "" : name;
        std::filesystem::create_directories(made + "/usr");
        std::ofstream(made + "/usr/tool") << "a program";
        return made;
    }
    Box()
        : system(make_system()),
          files(system + "/usr", system + "/known.db", nullptr),
          index({folder() + "/index.cdx", folder()}, feed::box_public(a.key), true, files) {
        a.follower.reset();
        std::filesystem::remove_all(folder());
        std::filesystem::create_directories(folder());
        a.index = &index;
    }
    ~Box() { std::filesystem::remove_all(system); }
    std::string folder() const { return a.directory + "/feed"; }
};

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream bytes;
    bytes << in.rdbuf();
    return bytes.str();
}

// What the dataplane would act upon.
struct Seen {
    std::uint64_t generation = 0;  // 0: no index
    std::string wrong;
    Held held;
    std::size_t hits = 0;  // of newcomers, that are remembered
};

Seen see(const std::string& folder, const feed::SecretKey& node) {
    Seen seen;
    const auto newcomers = FeedFolder(folder).load_newcomers();
    if (!newcomers) return {0, newcomers.error().text, {}};
    if (*newcomers) seen.hits = (*newcomers)->window.recent.size();
    const std::string weaker = read_file(folder + "/" + suspensions_name);
    if (!weaker.empty()) {
        const auto read = Suspensions::read(as_bytes(weaker));
        if (!read) return {0, "suspensions: " + read.error().text, {}};
        for (const Suspension& entry : read->entries())
            seen.held.insert({entry.what, entry.value});
    }
    if (!std::filesystem::exists(folder + "/index.cdx")) return seen;
    const auto index = check_index(folder + "/index.cdx");
    if (!index || index->sections.size() != 1) return {0, "the index is damaged", {}};
    seen.generation = index->sections[0].generation;
    if (weaker.empty()) seen.wrong = "an index without suspensions beside it";
    const std::string sealed = read_file(folder + "/" + section_keys_name);
    const auto keys = read_section_keys(as_bytes(sealed));
    if (!keys || keys->size() != 1) return {0, "the keys are damaged", {}};
    const auto key = feed::unseal(node, keys->at(0).sealed);
    if (!key || keys->at(0).epoch != index->sections[0].epoch) seen.wrong = "no key of the section";
    return seen;
}

// --- a life --------------------------------------------------------------------------------------

Held held_by(const Follower& follower) {
    Held held;
    for (const HeldSuspension& one : follower.state().suspensions)
        held.insert({one.what.what == feed::SuspensionOf::reference ? SuspensionOf::reference
                                                                    : SuspensionOf::source,
                     one.what.value});
    return held;
}

// After each step: how many operations there were, and what was true.
struct Mark {
    std::size_t operations = 0;
    std::uint64_t generation = 0;
    Held held;
    std::size_t hits = 0;
};

using Step = void (*)(Appliance& a);

void no_more_of(Appliance& a, feed::SuspensionOf what) {
    std::erase_if(a.centre.revocations.suspensions,
                  [&](const feed::Suspension& one) { return one.what == what; });
    a.publish();
}

void hit_newcomer(Appliance& a, std::uint8_t client) {
    Hit hit;
    hit.reference = 2;
    hit.added = 1;
    hit.client[0] = client;
    hit.time_s = a.centre.now_s;
    static_cast<void>(a.follower->take_hit(hit, a.centre.now_s));
    static_cast<void>(a.follower->keep_newcomers(a.centre.now_s));
}

const Step steps[] = {
    [](Appliance& a) { a.restart(); },
    [](Appliance&) {},  // the first set
    [](Appliance& a) {
        hit_newcomer(a, 1);
        hit_newcomer(a, 2);
    },
    [](Appliance& a) { a.suspend(feed::SuspensionOf::reference, 2); },
    [](Appliance& a) {
        a.release({1, 2, 3});
    },
    [](Appliance& a) {  // it lapses, and holds until a later release
        a.suspend(feed::SuspensionOf::source, 1);
        no_more_of(a, feed::SuspensionOf::reference);
    },
    [](Appliance& a) { a.restart(); },
    [](Appliance& a) {
        a.release({1, 2, 3, 4});
    },  // which this is
    [](Appliance& a) {
        a.grant(a.centre.now_s + 40 * feed::day_s);
        a.publish(grant_every_s);
    },
    [](Appliance& a) { no_more_of(a, feed::SuspensionOf::source); },
    [](Appliance& a) {
        a.suspend(feed::SuspensionOf::reference, 1);
        a.release({2, 3, 4, 5});
    },
    [](Appliance& a) {
        Hold hold;
        hold.pinned = true;
        hold.until_s = a.centre.now_s + 3600;
        hold.reason = "a test";
        static_cast<void>(a.follower->fall_back(hold, a.centre.now_s));
    },
};

// Every step, and a poll after it; alarms are an error unless the disk is full.
std::vector<Mark> live(Box& box, const RecordedFolder& recorded) {
    std::vector<Mark> marks(1);
    for (const Step step : steps) {
        step(box.a);
        if (!box.a.follower) box.a.restart();
        const std::string alarms = box.a.poll(true);
        if (!recorded.has_failed()) assert_string_equal(alarms.c_str(), "");
        marks.push_back({recorded.files().operation_count(),
                         box.a.follower->state().in_force.number, held_by(*box.a.follower),
                         see(box.folder(), box.a.key).hits});
    }
    return marks;
}

// --- and after it --------------------------------------------------------------------------------

// Between two marks. What was suspended before and after is suspended now; and what the later
// release lifts only with that release.
std::string judge(const Seen& seen, const Mark& before, const Mark& after) {
    if (!seen.wrong.empty()) return seen.wrong;
    if (seen.hits < std::min(before.hits, after.hits) ||
        seen.hits > std::max(before.hits, after.hits))
        return std::to_string(seen.hits) + " hits of newcomers are remembered";
    if (seen.generation != before.generation && seen.generation != after.generation)
        return "generation " + std::to_string(seen.generation) + " is in force";
    if (seen.generation == 0) return "";
    for (const auto& one : before.held) {
        const bool lifted = !after.held.contains(one) && seen.generation == after.generation;
        if (!lifted && !seen.held.contains(one))
            return "suspension of " + std::to_string(one.second) + " is lifted in generation " +
                   std::to_string(seen.generation);
    }
    return "";
}

// A follower that begins in the folder of a crash: mirrors are away, then there again.
std::string go_on(const std::string& folder, Box& box, const Mark& before, const Mark& after,
                  const Mark& last) {
    IndexOfFeeds index({folder + "/index.cdx", folder}, feed::box_public(box.a.key), true,
                       box.files);
    const std::string own = box.a.directory;
    const auto kept = std::move(box.a.follower);
    box.a.index = &index;
    box.a.directory = folder.substr(0, folder.rfind('/'));
    std::ofstream(box.a.directory + "/root.json") << box.a.centre.bytes("root", 1);
    box.a.away = true;
    std::string wrong;
    box.a.restart();
    if (!box.a.started_as.empty()) wrong = "start: " + box.a.started_as;
    // By now it is later than an hour since the hits.
    const auto over = [](Seen seen, const Mark& mark) {
        seen.hits = mark.hits;
        return seen;
    };
    if (wrong.empty()) wrong = judge(over(see(folder, box.a.key), before), before, after);
    box.a.poll();
    if (wrong.empty()) wrong = judge(over(see(folder, box.a.key), before), before, after);
    if (wrong.empty() && see(folder, box.a.key).hits != 0) wrong = "hits are kept for hours";
    box.a.away = false;
    if (const std::string alarms = box.a.poll(true); wrong.empty()) wrong = alarms;
    const Seen seen = see(folder, box.a.key);
    if (wrong.empty()) wrong = seen.wrong;
    const FeedState& state = box.a.follower->state();
    const bool held_back = state.hold.holds(box.a.centre.now_s);
    if (wrong.empty() &&
        seen.generation != (held_back ? state.in_force.number : box.a.centre.releases.newest()))
        wrong = "it does not go on to the newest generation";
    for (const auto& one : last.held)
        if (wrong.empty() && !seen.held.contains(one)) wrong = "it does not suspend again";
    if (wrong.empty() && seen.held != held_by(*box.a.follower))
        wrong = "what is suspended is not what is said to be";
    box.a.follower = nullptr;
    box.a.directory = own;
    box.a.index = &box.index;
    return wrong;
}

// Of few operations that a crash may undo every choice, of many some.
std::vector<std::vector<Fate>> fates_of(std::size_t open, std::mt19937& random) {
    std::vector<std::vector<Fate>> all;
    constexpr std::size_t few = 3;
    std::size_t choices = 1;
    for (std::size_t i = 0; i < std::min(open, few); ++i)
        choices *= 3;
    for (std::size_t n = 0; n < choices; ++n) {
        std::vector<Fate> fates;
        for (std::size_t i = 0, rest = n; i < open; ++i, rest /= 3)
            fates.push_back(static_cast<Fate>(i < few ? rest % 3 : random() % 3));
        all.push_back(std::move(fates));
    }
    return all;
}

// Many choices leave the same folder.
feed::Hash look_of(RecordingFiles& files) {
    std::string all;
    for (const std::string& name : files.names()) {
        all += name + '\n';
        all += feed::to_hex(feed::sha256(files.content(name)));
    }
    return feed::sha256(as_bytes(all));
}

struct Folder {
    std::string path;
    Folder() {
        char name[] = "/tmp/cordon-crashed-XXXXXX";
        path = ::mkdtemp(name) == nullptr ? "" : name;
    }
    ~Folder() { std::filesystem::remove_all(path); }
};

void the_last_good_generation_is_in_force_after_a_crash_anywhere(void**) {
    Box box;
    std::vector<Mark> marks;
    RecordedFolder recorded(box.folder());
    marks = live(box, recorded);
    RecordedFolder::recording() = nullptr;
    const RecordingFiles& files = recorded.files();
    std::mt19937 random(1);
    std::size_t crashes = 0;
    std::set<std::pair<std::size_t, feed::Hash>> known;
    for (std::size_t at = 0; at <= files.operation_count(); ++at) {
        std::size_t next = 1;
        while (next + 1 < marks.size() && at > marks[next].operations)
            ++next;
        for (const auto& fates : fates_of(files.pending(at).size(), random)) {
            const auto left = files.rebuild(at, fates);
            if (!known.insert({next, look_of(*left)}).second) continue;
            const Folder crashed;
            const std::string folder = crashed.path + "/feed";
            recorded.lay_out(*left, folder);
            const Mark& before = marks[next - 1];
            std::string wrong = judge(see(folder, box.a.key), before, marks[next]);
            if (!wrong.empty()) wrong = "as found: " + wrong;
            if (wrong.empty()) wrong = go_on(folder, box, before, marks[next], marks.back());
            if (!wrong.empty())
                print_error("a crash after %zu operations, in step %zu: %s\n", at, next,
                            wrong.c_str());
            assert_true(wrong.empty());
            ++crashes;
        }
    }
    print_message("%zu operations, %zu folders after crashes\n", files.operation_count(), crashes);
}

// Each call fails once, as on a full disk; the life goes on, and its next poll mends it.
void the_last_good_generation_is_in_force_when_the_disk_is_full(void**) {
    std::size_t calls = 1;  // so far: a life ends soon after what failed
    for (std::size_t at = 0; at < calls; ++at) {
        Box box;
        RecordedFolder recorded(box.folder());
        recorded.fails_at = at;
        std::string wrong;
        Mark before;
        int since = 0;
        for (const Step step : steps) {
            if (recorded.has_failed() && ++since > 2) break;
            step(box.a);
            if (!box.a.follower) box.a.restart();
            box.a.poll(true);
            // What was tried is in place before the state can say so.
            const Seen seen = see(box.folder(), box.a.key);
            const bool ahead = seen.generation == box.a.centre.releases.newest();
            const Mark now = {0, ahead ? seen.generation : box.a.follower->state().in_force.number,
                              held_by(*box.a.follower), seen.hits};
            wrong = judge(seen, before, now);
            if (wrong.empty() && recorded.calls() > at + 1) {
                // It failed in this step or before it: one more poll, and all is as it should be.
                box.a.centre.now_s += 1;
                if (!box.a.started_as.empty()) box.a.restart();
                wrong = box.a.poll(true);
            }
            if (!wrong.empty()) print_error("call %zu fails: %s\n", at, wrong.c_str());
            assert_true(wrong.empty());
            before = {0, box.a.follower->state().in_force.number, held_by(*box.a.follower),
                      box.a.follower->newcomers().window().recent.size()};
            // Where the last call of all failed, the next poll is still to come.
            if (recorded.calls() != at + 1)
                assert_int_equal(see(box.folder(), box.a.key).hits, before.hits);
        }
        const Seen seen = see(box.folder(), box.a.key);
        assert_int_equal(seen.generation, box.a.follower->state().in_force.number);
        assert_true(seen.held == held_by(*box.a.follower));
        calls = std::max(calls, recorded.calls());
    }
    print_message("%zu calls\n", calls);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_last_good_generation_is_in_force_after_a_crash_anywhere),
        cmocka_unit_test(the_last_good_generation_is_in_force_when_the_disk_is_full),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
