// Every file of a folder has its digests, now and the next time, whatever becomes of it meanwhile.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <thread>

#include "control/feed/crypto.h"
#include "control/feed/known_files.h"
#include "dataplane/base/descriptor.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using namespace cordon::feed;
namespace fs = std::filesystem;

namespace {

constexpr KindSet sha256_only{IndicatorKind::sha256};
constexpr char abc_md5[] = "900150983cd24fb0d6963f7d28e17f72";
constexpr char abc_sha1[] = "a9993e364706816aba3e25717850c26c9cd0d89d";
constexpr char abc_sha256[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

std::string directory;
std::unique_ptr<KnownFiles> files;

void open_files() {
    files = std::make_unique<KnownFiles>(directory + "/tree", directory + "/files.db", nullptr,
                                         KnownFiles::Pace::full);
}

int setup(void**) {
    char name[] = "/tmp/cordon-known-files-XXXXXX";
    if (::mkdtemp(name) == nullptr) return -1;
    directory = name;
    fs::create_directories(directory + "/tree/below");
    open_files();
    return 0;
}

int teardown(void**) {
    files.reset();
    fs::remove_all(directory);
    return 0;
}

std::string write(const std::string& name, const std::string& text) {
    const std::string path = directory + "/tree/" + name;
    std::ofstream(path, std::ios::binary) << text;
    return path;
}

// What was written a moment ago is not remembered yet.
void settle() {
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
}

using Seen = std::map<std::string, FileDigests>;

Seen look(KindSet kinds = sha256_only) {
    Seen seen;
    const auto done = files->each(kinds, [&](const std::string& path, const FileDigests& digests) {
        assert_true(seen.emplace(path.substr(directory.size() + 6), digests).second);
        assert_true(kinds.without(digests.present).empty());
    });
    assert_true(done.has_value());
    return seen;
}

std::string hex(const Seen& seen, const std::string& name, IndicatorKind kind) {
    return to_hex(seen.at(name).of(kind));
}

void has_the_digests_that_are_asked_for(void**) {
    write("a", "abc");
    write("below/large", std::string(2 * file_leaf_bytes + 1, 'x'));
    const Seen all = look(exact_kinds);
    assert_int_equal(all.size(), 2);
    assert_string_equal(hex(all, "a", IndicatorKind::md5).c_str(), abc_md5);
    assert_string_equal(hex(all, "a", IndicatorKind::sha1).c_str(), abc_sha1);
    assert_string_equal(hex(all, "a", IndicatorKind::sha256).c_str(), abc_sha256);
    assert_string_equal(hex(all, "a", IndicatorKind::sha256_tree).c_str(), abc_sha256);
    assert_int_equal(all.at("a").size, 3);
    const FileDigests& large = all.at("below/large");
    assert_true(large.sha256 != large.sha256_tree);
    assert_int_equal(large.size, 2 * file_leaf_bytes + 1);
}

void reads_a_file_once(void**) {
    write("a", "abc");
    write("below/large", std::string(file_leaf_bytes + 1, 'x'));
    settle();
    const Seen first = look(exact_kinds);
    assert_int_equal(files->hashed(), 2);
    look(exact_kinds);
    assert_int_equal(files->hashed(), 2);
    open_files();
    const Seen again = look(exact_kinds);
    assert_int_equal(files->hashed(), 0);
    for (const IndicatorKind kind : exact_kind_list) {
        for (const char* name : {"a", "below/large"})
            assert_true(hex(first, name, kind) == hex(again, name, kind));
    }
}

// Two threads of cordond look, each with an own one.
void two_look_with_one_database(void**) {
    constexpr int count = 9000;  // written down more than once
    for (int n = 0; n < count; ++n)
        write("below/" + std::to_string(n), std::to_string(n));
    settle();
    KnownFiles other(directory + "/tree", directory + "/files.db");
    std::size_t seen = 0;
    Result<void> done;
    std::thread beside([&] {
        done = other.each(sha256_only, [&](const std::string&, const FileDigests&) { ++seen; });
    });
    const Seen ours = look();
    beside.join();
    assert_true(done.has_value());
    assert_int_equal(ours.size(), count);
    assert_int_equal(seen, count);
    open_files();
    assert_int_equal(look().size(), count);
    assert_int_equal(files->hashed(), 0);
}

void computes_only_what_is_lacking(void**) {
    write("a", "abc");
    write("large", std::string(file_leaf_bytes + 1, 'x'));
    settle();
    assert_true(look({IndicatorKind::md5}).at("a").of(IndicatorKind::sha256).empty());
    assert_int_equal(files->hashed(), 2);
    // What was known stays known beside it.
    look({IndicatorKind::sha256});
    assert_int_equal(files->hashed(), 4);
    look({IndicatorKind::sha256, IndicatorKind::md5});
    assert_int_equal(files->hashed(), 4);
    // A file of one leaf has its tree already.
    const Seen tree = look({IndicatorKind::sha256_tree});
    assert_int_equal(files->hashed(), 5);
    assert_string_equal(hex(tree, "a", IndicatorKind::sha256_tree).c_str(), abc_sha256);
    // No kind at all: nothing is read.
    write("new", "new");
    assert_int_equal(look({}).size(), 3);
    assert_int_equal(files->hashed(), 5);
}

void a_file_that_changed_is_hashed_again(void**) {
    const std::string path = write("a", "abc");
    struct stat before = {};
    ::stat(path.c_str(), &before);
    settle();
    look();
    // The same size and time, in place: the kernel's own time of change tells.
    write("a", "abd");
    const timespec times[] = {before.st_atim, before.st_mtim};
    assert_int_equal(::utimensat(AT_FDCWD, path.c_str(), times, 0), 0);
    settle();
    assert_true(look().at("a").sha256 == sha256(as_bytes("abd")));
    // Another file in its place.
    write("b", "abe");
    fs::rename(directory + "/tree/b", path);
    assert_true(look().at("a").sha256 == sha256(as_bytes("abe")));
}

// Both writings may have the same time.
void a_change_right_behind_a_look_is_seen(void**) {
    for (int i = 0; i < 200; ++i) {
        for (const char* text : {"abc", "abd"}) {
            const std::string path = write("a", text);
            assert_true(look().at("a").sha256 == sha256(as_bytes(text)));
        }
    }
}

void links_and_what_is_special_are_passed_over(void**) {
    write("a", "abc");
    std::ofstream(directory + "/outside") << "outside";
    fs::create_symlink(directory + "/outside", directory + "/tree/link");
    fs::create_symlink(directory + "/tree", directory + "/tree/below/loop");
    fs::create_symlink("nowhere", directory + "/tree/dangling");
    assert_int_equal(::mkfifo((directory + "/tree/fifo").c_str(), 0600), 0);
    sockaddr_un address = {};
    address.sun_family = AF_UNIX;
    (directory + "/tree/socket").copy(address.sun_path, sizeof address.sun_path - 1);
    const Descriptor socket(::socket(AF_UNIX, SOCK_STREAM, 0));
    assert_int_equal(
        ::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    const Seen seen = look();
    assert_int_equal(seen.size(), 1);
    assert_true(seen.contains("a"));
    assert_string_equal(files->unreadable().c_str(), "");
}

void the_folder_itself_may_be_a_link(void**) {
    write("a", "abc");
    fs::rename(directory + "/tree", directory + "/real");
    fs::create_directory_symlink("real", directory + "/tree");
    assert_int_equal(look().size(), 1);
}

void write_many(std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) {
        const std::string folder = "below/" + std::to_string(i % 7);
        fs::create_directories(directory + "/tree/" + folder);
        write(folder + "/" + std::to_string(i), std::to_string(i));
    }
}

void each_of_many_is_seen_once(void**) {
    write_many(3000);
    const Seen seen = look();
    assert_int_equal(seen.size(), 3000);
    for (const auto& [name, digests] : seen) {
        const std::string text = name.substr(name.rfind('/') + 1);
        assert_true(digests.sha256 == sha256(as_bytes(text)));
    }
    settle();
    look();
    assert_int_equal(look().size(), 3000);
}

void what_vanishes_meanwhile_is_no_error(void**) {
    write_many(3000);
    std::size_t seen = 0;
    const auto done = files->each(sha256_only, [&](const std::string&, const FileDigests&) {
        if (++seen == 1) fs::remove_all(directory + "/tree/below");
    });
    assert_true(done.has_value());
    assert_true(seen >= 1 && seen < 3000);
    assert_string_equal(files->unreadable().c_str(), "");
}

void what_cannot_be_read_is_counted_and_said(void**) {
    write("a", "abc");
    const std::string secret = write("b", "abd");
    write("below/c", "abe");
    ::chmod(secret.c_str(), 0);
    ::chmod((directory + "/tree/below").c_str(), 0);
    ::chmod(directory.c_str(), 0777);
    // Root may read everything.
    const uid_t self = ::geteuid();
    constexpr uid_t nobody = 65534;
    if (self == 0) assert_int_equal(::seteuid(nobody), 0);
    std::size_t seen = 0;
    const auto done =
        files->each(sha256_only, [&](const std::string&, const FileDigests&) { ++seen; });
    if (self == 0) assert_int_equal(::seteuid(self), 0);
    ::chmod((directory + "/tree/below").c_str(), 0700);
    assert_true(done.has_value());
    assert_int_equal(seen, 1);
    const std::string words = files->unreadable();
    assert_true(words.starts_with("2 files or folders below " + directory + "/tree"));
    // Of a later look only what is so then.
    ::chmod(secret.c_str(), 0600);
    files.reset();
    fs::remove(directory + "/files.db");
    open_files();
    assert_int_equal(look().size(), 3);
    assert_string_equal(files->unreadable().c_str(), "");
}

void a_damaged_memory_is_begun_anew(void**) {
    write("a", "abc");
    settle();
    look();
    files.reset();
    std::ofstream(directory + "/files.db") << std::string(8192, 'x');
    open_files();
    assert_string_equal(hex(look(), "a", IndicatorKind::sha256).c_str(), abc_sha256);
    assert_int_equal(files->hashed(), 1);
    look();
    assert_int_equal(files->hashed(), 1);
}

std::int64_t remembered() {
    Database database;
    assert_true(database.open(directory + "/files.db").has_value());
    return database.integer("SELECT COUNT(*) FROM file_digest");
}

void what_is_gone_is_forgotten(void**) {
    write("a", "abc");
    write("b", "abd");
    fs::create_hard_link(directory + "/tree/a", directory + "/tree/below/same");
    settle();
    assert_int_equal(look().size(), 3);
    assert_int_equal(remembered(), 2);
    fs::remove(directory + "/tree/b");
    assert_int_equal(look().size(), 2);
    assert_int_equal(remembered(), 1);
}

void a_look_that_is_ended_keeps_what_was_hashed(void**) {
    write_many(3000);
    settle();
    std::atomic<bool> stop{false};
    KnownFiles ended(directory + "/tree", directory + "/files.db", &stop);
    std::size_t seen = 0;
    const auto done = ended.each(sha256_only, [&](const std::string&, const FileDigests&) {
        if (++seen == 500) stop = true;
    });
    assert_false(done.has_value());
    assert_true(seen >= 500 && seen < 3000);
    assert_int_equal(remembered(), seen);
    look();
    assert_int_equal(files->hashed(), 3000 - seen);
}

void a_folder_without_a_file_is_an_error(void**) {
    assert_false(files->each(sha256_only, [](const auto&, const auto&) {}).has_value());
    KnownFiles none(directory + "/none", directory + "/files.db");
    const auto done = none.each(sha256_only, [](const auto&, const auto&) {});
    assert_true(done.error().text.starts_with("no file is below " + directory + "/none"));
}

}  // namespace

#define test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main() {
    const CMUnitTest tests[] = {
        test(has_the_digests_that_are_asked_for),
        test(reads_a_file_once),
        test(two_look_with_one_database),
        test(computes_only_what_is_lacking),
        test(a_file_that_changed_is_hashed_again),
        test(a_change_right_behind_a_look_is_seen),
        test(links_and_what_is_special_are_passed_over),
        test(the_folder_itself_may_be_a_link),
        test(each_of_many_is_seen_once),
        test(what_vanishes_meanwhile_is_no_error),
        test(what_cannot_be_read_is_counted_and_said),
        test(a_damaged_memory_is_begun_anew),
        test(what_is_gone_is_forgotten),
        test(a_look_that_is_ended_keeps_what_was_hashed),
        test(a_folder_without_a_file_is_an_error),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
