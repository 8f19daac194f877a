// A feed's copy, and the feed that is made of it again: whole or not at all, and never older than
// what clients have seen.
#include "control/publisher/backup.h"

// Last: it includes cmocka.h, which defines macros with names such as fail().
#include "tests/support/publisher_lab.h"

using namespace cordon;
using namespace cordon::feed;
using namespace cordon::test;

namespace {

namespace fs = std::filesystem;

std::string in(const char* name) {
    return directory + "/" + name;
}

void back_up_to(const char* name) {
    const auto done = back_up(*store, in(name));
    assert_true(done.has_value());
    assert_true(done->files >= 4);
}

// The feed is lost; from here on `store` is what the copy gave.
void restore_from(const char* name) {
    store.reset();
    assert_true(restore(in(name), in("restored")).has_value());
    store = std::move(*FeedStore::open(in("restored")));
}

void a_restored_feed_goes_on(void**) {
    import("iwf", rows(0, 10));
    release();
    const TrustState seen = client_sees()->state;
    const RecordSet held = synced(0, {});
    back_up_to("copy");
    restore_from("copy");
    clock_s += 60;
    import("iwf", rows(0, 12));
    assert_int_equal(release(), 2);
    assert_true(client_sees(seen).has_value());
    assert_int_equal(synced(1, held, seen).records().size(), 12);
}

void a_copy_is_never_over_something(void**) {
    back_up_to("copy");
    assert_false(back_up(*store, in("copy")).has_value());
    assert_false(restore(in("copy"), in("feed")).has_value());
    assert_false(restore(in("feed"), in("other")).has_value());  // no copy: it has no sums
    assert_false(fs::exists(in("other")));
}

void overwrite(const fs::path& path, std::size_t at) {
    std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(static_cast<std::streamoff>(at));
    const char was = static_cast<char>(file.get());
    file.seekp(static_cast<std::streamoff>(at));
    file.put(static_cast<char>(was ^ 1));
}

void a_damaged_copy_restores_nothing(void**) {
    import("iwf", rows(0, 10));
    release();
    back_up_to("copy");
    store.reset();
    std::size_t tried = 0;
    for (const auto& entry : fs::recursive_directory_iterator(in("copy"))) {
        if (!entry.is_regular_file() || entry.file_size() == 0) continue;
        const std::size_t at = entry.file_size() / 2;
        overwrite(entry.path(), at);
        assert_false(restore(in("copy"), in("restored")).has_value());
        overwrite(entry.path(), at);
        fs::rename(entry.path(), in("aside"));
        assert_false(restore(in("copy"), in("restored")).has_value());
        fs::rename(in("aside"), entry.path());
        ++tried;
    }
    assert_true(tried > 10);
    assert_false(fs::exists(in("restored")));
    // One that broke off is cleared away, and the copy is as it was.
    fs::create_directories(in("restored.partial") + "/sets");
    assert_true(restore(in("copy"), in("restored")).has_value());
    assert_false(fs::exists(in("restored.partial")));
}

void sums_that_lead_outside_are_refused(void**) {
    back_up_to("copy");
    const std::string digits(64, '0');
    for (const char* name : {"/etc/passwd", "../feed/feed.db", ""}) {
        std::ofstream(in("copy") + "/SHA256SUMS") << digits << "  " << name << "\n";
        assert_false(restore(in("copy"), in("restored")).has_value());
    }
    std::ofstream(in("copy") + "/SHA256SUMS") << "";
    assert_false(restore(in("copy"), in("restored")).has_value());
}

// The feed after its copy: a root, targets and two generations that the copy does not have.
struct Later {
    TrustState seen;
    RecordSet held;
};

Later go_on_after_the_copy() {
    import("iwf", rows(0, 10));
    release();
    back_up_to("copy");
    clock_s += 60;
    auto root = Documents(*store).root();
    root->expires_s += 60;
    Documents(*store).stage("root", to_json(*root));
    sign_by(root_holders, 3, "root");
    auto targets = Documents(*store).targets();
    targets->caps.total = 9000;
    Documents(*store).stage("targets", to_json(*targets));
    sign_by(targets_holders, 2, "targets");
    import("iwf", rows(0, 15));
    release();
    clock_s += 60;
    import("iwf", rows(3, 15));
    assert_int_equal(release(), 3);
    const auto seen = client_sees();
    assert_true(seen.has_value());
    fs::copy(store->path("public"), in("served"), fs::copy_options::recursive);
    return {seen->state, synced(0, {})};
}

void without_catching_up_clients_refuse_it(void**) {
    const Later later = go_on_after_the_copy();
    restore_from("copy");
    clock_s += 60;
    import("iwf", rows(0, 11));
    release();
    const auto refused = client_sees(later.seen);
    assert_false(refused.has_value());
    assert_true(refused.error().text.starts_with("rolled-back"));
}

void a_restored_feed_catches_up_with_what_clients_have_seen(void**) {
    const Later later = go_on_after_the_copy();
    restore_from("copy");
    const auto caught = catch_up(*store, in("served"));
    assert_true(caught.has_value());
    assert_int_equal(caught->generation, 3);
    assert_true(set_of(*store, 3)->state() == later.held.state());
    // What was imported after the copy is listed, and nobody asserts it here.
    assert_int_equal(asserted_difference(*store)->removed, 5);
    assert_int_equal(asserted_difference(*store)->added, 3);
    clock_s += 60;
    import("iwf", rows(3, 16));
    assert_int_equal(release(), 4);
    assert_int_equal(Documents(*store).targets()->caps.total, 9000);
    // Who was there at the end, who was there before the copy, and who comes anew.
    const auto feed = client_sees(later.seen);
    assert_true(feed.has_value());
    assert_int_equal(synced(3, later.held, later.seen).records().size(), 13);
    assert_int_equal(synced(1, {}, later.seen).records().size(), 13);
    assert_int_equal(synced(0, {}).records().size(), 13);
}

void catching_up_twice_changes_nothing(void**) {
    go_on_after_the_copy();
    restore_from("copy");
    assert_true(catch_up(*store, in("served")).has_value());
    const auto again = catch_up(*store, in("served"));
    assert_true(again.has_value());
    assert_int_equal(again->documents.size(), 0);
    assert_int_equal(again->generation, 3);
}

void a_forged_feed_is_not_caught_up_with(void**) {
    go_on_after_the_copy();
    restore_from("copy");
    std::size_t tried = 0;
    for (const auto& entry : fs::directory_iterator(in("served") + "/metadata")) {
        const std::string name = entry.path().filename();
        if (name == "1.root.json" || entry.file_size() == 0) continue;
        const bool newest = name == "timestamp.json" || name.starts_with("3.releases") ||
                            name.starts_with("2.targets") || name.starts_with("2.root");
        if (!newest) continue;
        overwrite(entry.path(), entry.file_size() / 2);
        assert_false(catch_up(*store, in("served")).has_value());
        overwrite(entry.path(), entry.file_size() / 2);
        ++tried;
    }
    assert_int_equal(tried, 4);
    assert_int_equal(published_generation(*store), 1);
    // A fork: this feed has published another generation 2 meanwhile.
    clock_s += 60;
    import("iwf", rows(0, 11));
    release();
    assert_false(catch_up(*store, in("served")).has_value());
    assert_int_equal(published_generation(*store), 2);
}

}  // namespace

#define with_feed(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main() {
    const CMUnitTest tests[] = {
        with_feed(a_restored_feed_goes_on),
        with_feed(a_copy_is_never_over_something),
        with_feed(a_damaged_copy_restores_nothing),
        with_feed(sums_that_lead_outside_are_refused),
        with_feed(without_catching_up_clients_refuse_it),
        with_feed(a_restored_feed_catches_up_with_what_clients_have_seen),
        with_feed(catching_up_twice_changes_nothing),
        with_feed(a_forged_feed_is_not_caught_up_with),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
