// Loading, refusing and swapping the index, as the control thread and two workers see it.
#include "dataplane/shell/index_holder.h"

#include <sodium.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <ios>  // before cmocka.h, which defines fail()
#include <string>
#include <thread>

#include "tests/support/cmocka_cpp.h"
#include "tests/support/index_images.h"

using namespace cordon;

namespace {

char directory[] = "/tmp/cordon-index-holder.XXXXXX";

std::string path_of(const char* name) {
    return std::string(directory) + "/" + name;
}

void write_file(const char* name, Bytes bytes) {
    std::FILE* file = std::fopen(path_of(name).c_str(), "wb");
    assert_non_null(file);
    assert_int_equal(std::fwrite(bytes.data(), 1, bytes.size(), file), bytes.size());
    std::fclose(file);
}

void write_index(const char* name, std::uint64_t generation) {
    IndexBuilder builder({.lab = true, .generation = generation, .created_s = 1});
    const std::uint32_t section =
        *builder.add_section({.name = "lab", .generation = generation}, test::key_of(1));
    for (std::uint64_t n = 0; n < 100; ++n) {
        builder.add(section, test::indicator(IndicatorKind::sha256, test::digest_of(n), n + 1));
    }
    write_file(name, test::built(&builder).bytes());
}

int make_files(void**) {
    if (mkdtemp(directory) == nullptr) return -1;
    write_index("first", 1);
    write_index("second", 2);
    return 0;
}

int remove_files(void**) {
    for (const char* name :
         {"first", "second", "damaged", "short", "granted", node_key_name, section_keys_name}) {
        unlink(path_of(name).c_str());
    }
    return rmdir(directory);
}

std::uint64_t generation_of(const IndexImage* image) {
    return image == nullptr ? 0 : image->view().generation();
}

std::string error_of(const IndexHolder& holder) {
    return holder.status([](const IndexImage&) {}).error;
}

// What a worker does between two bursts.
void take_over(IndexHolder* holder, std::uint32_t worker) {
    holder->acknowledge(worker, holder->current());
}

void has_no_index_before_the_first_is_loaded(void**) {
    IndexHolder holder(2, true);
    assert_null(holder.in_force());
    assert_true(holder.settled());
}

// What it lies in is up to the machine, but never huge pages where none are wanted.
void lies_in_the_pages_that_are_wanted(void**) {
    for (const IndexPages wanted : {IndexPages::huge, IndexPages::plain}) {
        const auto image = IndexImage::read(path_of("first"), true, 0, {}, 0, wanted);
        assert_true(image.has_value());
        const IndexMemory pages = (*image)->pages();
        assert_true(pages != IndexMemory::none);
        assert_true(wanted == IndexPages::huge || pages == IndexMemory::plain);
        assert_int_equal((*image)->view().generation(), 1);
    }
}

void is_settled_only_when_every_worker_has_taken_over(void**) {
    IndexHolder holder(2, true);
    assert_true(holder.load(path_of("first"), test::index_now_s).has_value());
    assert_int_equal(generation_of(holder.current()), 1);
    assert_false(holder.settled());
    take_over(&holder, 0);
    assert_false(holder.settled());
    take_over(&holder, 1);
    assert_true(holder.settled());
}

void refuses_a_third_index_while_a_worker_still_reads_the_first(void**) {
    IndexHolder holder(2, true);
    assert_true(holder.load(path_of("first"), test::index_now_s).has_value());
    take_over(&holder, 0);
    const auto refused = holder.load(path_of("second"), test::index_now_s);
    assert_false(refused.has_value());
    assert_int_equal(refused.error().code, ErrorCode::timeout);
    assert_int_equal(generation_of(holder.current()), 1);
    take_over(&holder, 1);
    assert_true(holder.load(path_of("second"), test::index_now_s).has_value());
    assert_int_equal(generation_of(holder.current()), 2);
    assert_string_equal(error_of(holder).c_str(), "");
}

void keeps_the_index_in_force_when_the_next_is_refused(void**) {
    IndexHolder holder(1, true);
    assert_true(holder.load(path_of("first"), test::index_now_s).has_value());
    take_over(&holder, 0);

    AlignedBytes image = test::small_index();
    write_file("short", image.bytes().first(image.bytes().size() - 64));
    image.mutable_bytes()[5000] ^= 1;
    write_file("damaged", image.bytes());
    for (const char* name : {"damaged", "short", "absent", "."}) {
        const auto refused = holder.load(path_of(name), test::index_now_s);
        assert_false(refused.has_value());
        assert_true(refused.error().code == ErrorCode::integrity ||
                    refused.error().code == ErrorCode::io);
        assert_int_equal(generation_of(holder.in_force()), 1);
        assert_true(holder.settled());
        assert_non_null(std::strstr(error_of(holder).c_str(), path_of(name).c_str()));
    }
}

void refuses_a_lab_index_where_none_is_allowed(void**) {
    IndexHolder holder(1, false);
    assert_false(holder.load(path_of("first"), test::index_now_s).has_value());
    assert_null(holder.in_force());
}

// A feed's section that ends at index_now_s + 100, under a key that the appliance can open.
void write_grant(const char* name) {
    IndexBuilder builder({.lab = false, .generation = 1, .created_s = 1});
    const std::uint32_t section =
        *builder.add_section({.name = "centre",
                              .kind = SectionKind::feed,
                              .terms = terms_until(test::index_now_s + 100)},
                             test::key_of(1));
    builder.add(section, test::indicator(IndicatorKind::sha256, test::digest_of(7), 1));
    write_file(name, test::built(&builder).bytes());

    std::uint8_t secret[crypto_box_SECRETKEYBYTES], open[crypto_box_PUBLICKEYBYTES];
    crypto_box_keypair(open, secret);
    char hex[node_key_file_bytes];
    sodium_bin2hex(hex, sizeof hex, secret, sizeof secret);
    hex[node_key_file_bytes - 1] = '\n';
    write_file(node_key_name, {reinterpret_cast<const std::uint8_t*>(hex), sizeof hex});
    chmod(path_of(node_key_name).c_str(), 0600);
    SealedKey key = {};
    std::strcpy(key.name, "centre");
    key.check = key_check(TagKey(test::key_of(1)));
    crypto_box_seal(key.sealed, test::key_of(1).data(), tag_key_bytes, open);
    write_file(section_keys_name, as_bytes(write_section_keys({&key, 1})));
}

// Nobody tells it to: control may be dead.
void forgets_the_key_of_a_section_that_has_ended(void**) {
    write_grant("granted");
    IndexHolder holder(1, false, {directory, ""});
    const std::uint64_t end_s = test::index_now_s + 100;
    const auto has_key = [&] {
        take_over(&holder, 0);
        return holder.in_force()->view().section(0).has_key;
    };
    assert_true(holder.load(path_of("granted"), test::index_now_s).has_value());
    assert_true(has_key());
    assert_false(holder.tend(end_s));
    assert_true(has_key());
    assert_true(holder.tend(end_s + 1));
    assert_false(has_key());
    assert_false(holder.tend(end_s + 1000));  // once

    // A clock that was wrong, and is set right.
    assert_true(holder.tend(end_s - 5));
    assert_true(has_key());

    // At the start, too.
    IndexHolder later(1, false, {directory, ""});
    assert_true(later.load(path_of("granted"), end_s + 1).has_value());
    assert_false(later.in_force()->view().section(0).has_key);
}

void tries_again_later_when_the_file_is_gone_at_the_end_of_a_section(void**) {
    write_grant("granted");
    IndexHolder holder(1, false, {directory, ""});
    const std::uint64_t after_s = test::index_now_s + 101;
    assert_true(holder.load(path_of("granted"), test::index_now_s).has_value());
    take_over(&holder, 0);
    unlink(path_of("granted").c_str());
    assert_false(holder.tend(after_s));
    // Nothing matches meanwhile: the view knows the end as well.
    assert_false(holder.in_force()->view().in_force(0, after_s));
    write_grant("granted");
    assert_false(holder.tend(after_s + 1));
    assert_true(holder.tend(after_s + IndexHolder::retry_every_s));
}

// Two workers look up all the time while indices are swapped under them. The sanitizers see a
// freed image that is still read.
void swaps_under_workers_that_never_stop_looking_up(void**) {
    IndexHolder holder(2, true);
    assert_true(holder.load(path_of("first"), test::index_now_s).has_value());
    std::atomic<bool> stop{false};
    std::atomic<std::uint64_t> found{0};
    const auto work = [&](std::uint32_t worker) {
        const test::Digest digest = test::digest_of(7);
        while (!stop.load()) {
            const IndexImage* image = holder.current();
            holder.acknowledge(worker, image);
            Match match;
            found += image->view().lookup(IndicatorKind::sha256, Bytes(digest), 1, &match, 1);
        }
    };
    std::thread first(work, 0);
    std::thread second(work, 1);
    std::uint64_t swaps = 0;
    while (swaps < 50) {
        if (holder.load(path_of(swaps % 2 == 0 ? "second" : "first"), test::index_now_s)
                .has_value())
            ++swaps;
        std::this_thread::yield();
    }
    stop = true;
    first.join();
    second.join();
    assert_true(found.load() >= 2);
    assert_int_equal(generation_of(holder.in_force()), 1);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(has_no_index_before_the_first_is_loaded),
        cmocka_unit_test(lies_in_the_pages_that_are_wanted),
        cmocka_unit_test(is_settled_only_when_every_worker_has_taken_over),
        cmocka_unit_test(refuses_a_third_index_while_a_worker_still_reads_the_first),
        cmocka_unit_test(keeps_the_index_in_force_when_the_next_is_refused),
        cmocka_unit_test(refuses_a_lab_index_where_none_is_allowed),
        cmocka_unit_test(swaps_under_workers_that_never_stop_looking_up),
        cmocka_unit_test(forgets_the_key_of_a_section_that_has_ended),
        cmocka_unit_test(tries_again_later_when_the_file_is_gone_at_the_end_of_a_section),
    };
    return cmocka_run_group_tests_name("index_holder", tests, make_files, remove_files);
}
