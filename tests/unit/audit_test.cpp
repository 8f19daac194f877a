// The audit trail: what was recorded is there after a crash anywhere and on a full disk, and a
// record that is changed, removed, put elsewhere or cut off is found.

#include "control/audit/audit_log.h"

#include <fcntl.h>

#include <fstream>
#include <random>
#include <sstream>

#include "control/audit/audit_check.h"
#include "control/audit/audit_pages.h"
#include "control/feed/crypto.h"
#include "tests/support/recorded_folder.h"

// Last: it defines macros with names such as fail().
#include "tests/support/cmocka_cpp.h"

using namespace cordon;
using cordon::test::RecordedFolder;
using cordon::test::RecordingFiles;
using Fate = RecordingFiles::Fate;

namespace {

constexpr std::uint64_t noon = 1795348800;

struct Folder {
    std::string path;
    Folder() {
        char name[] = "/tmp/cordon-audit-XXXXXX";
        path = ::mkdtemp(name) == nullptr ? "" : name;
    }
    ~Folder() { std::filesystem::remove_all(path); }
    std::string trail() const { return audit_path(path); }
};

AuditEntry entry(int n) {
    return {{1000, "anna", "operator"},
            "mode.set",
            "service photos: change " + std::to_string(n),
            "a \"trial\"\nwith \x01 and ü",
            "mode=" + std::to_string(n)};
}

std::string text_of(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    std::stringstream bytes;
    bytes << in.rdbuf();
    return bytes.str();
}

void put(const std::string& path, const std::string& bytes) {
    std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
}

// Of a trail that is one file.
AuditCheck check_text(const std::string& text, const std::string& wanted,
                      const AuditChecker::See& see = {}) {
    const Folder folder;
    put(folder.trail(), text);
    return *check_audit(folder.trail(), wanted, see);
}

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        lines.push_back(line);
    return lines;
}

std::string joined(const std::vector<std::string>& lines) {
    std::string text;
    for (const std::string& line : lines)
        text += line + "\n";
    return text;
}

std::string trail_of(int records) {
    const Folder folder;
    AuditLog log(folder.trail());
    assert_true(log.open().has_value());
    for (int n = 1; n <= records; ++n)
        assert_true(log.append(entry(n), noon + static_cast<std::uint64_t>(n)).has_value());
    return text_of(folder.trail());
}

void reads_what_it_wrote(void**) {
    const std::string text = trail_of(3);
    std::vector<AuditRecord> seen;
    const AuditCheck check = check_text(text, "", [&](const AuditRecord& r) { seen.push_back(r); });
    assert_string_equal(check.broken.c_str(), "");
    assert_int_equal(check.records, 3);
    assert_int_equal(check.open_end_bytes, 0);
    assert_int_equal(seen[1].sequence, 2);
    assert_string_equal(seen[1].time.c_str(), "2026-11-22T12:00:02Z");
    assert_true(seen[1].entry.actor == entry(2).actor);
    assert_string_equal(seen[1].entry.reason.c_str(), entry(2).reason.c_str());
    assert_string_equal(seen[1].previous.c_str(), seen[0].hash.c_str());
    assert_string_equal(check.head.hash.c_str(), seen[2].hash.c_str());
    assert_string_equal(seen[0].previous.c_str(), std::string(64, '0').c_str());
    // A line by itself: the hash is that of what stands before it.
    const std::string line = lines_of(text)[1];
    const std::size_t at = line.find(",\"hash\":");
    assert_string_equal(feed::to_hex(feed::sha256(as_bytes(line.substr(0, at)))).c_str(),
                        seen[1].hash.c_str());
}

void finds_every_changed_byte(void**) {
    const std::string text = trail_of(3);
    const std::string head = check_text(text, "").head.hash;
    for (std::size_t at = 0; at < text.size(); ++at) {
        std::string changed = text;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        const AuditCheck check = check_text(changed, head);
        const bool found = !check.broken.empty() || check.open_end_bytes != 0;
        if (!found || check.has_wanted) fail_msg("byte %zu was changed and nobody saw it", at);
    }
}

void names_the_first_broken_record(void**) {
    const std::vector<std::string> lines = lines_of(trail_of(5));
    const auto broken = [](const std::vector<std::string>& of) {
        return check_text(joined(of), "").broken;
    };
    std::vector<std::string> removed = lines, swapped = lines, doubled = lines, first = lines;
    removed.erase(removed.begin() + 2);
    std::swap(swapped[1], swapped[2]);
    doubled.insert(doubled.begin() + 3, doubled[2]);
    first.erase(first.begin());
    assert_string_equal(broken(removed).c_str(),
                        "audit.jsonl: line 3 record 4 does not follow record 2");
    assert_string_equal(broken(swapped).c_str(),
                        "audit.jsonl: line 2 record 3 does not follow record 1");
    assert_string_equal(broken(doubled).c_str(),
                        "audit.jsonl: line 4 record 3 does not follow record 3");
    assert_string_equal(broken(first).c_str(),
                        "audit.jsonl: line 1 record 2 does not follow record 0");
    std::vector<std::string> changed = lines;
    changed[1][changed[1].find("change 2") + 7] = '7';
    assert_string_equal(broken(changed).c_str(), "audit.jsonl: line 2 is no record");
}

void misses_what_was_cut_off_by_a_head_kept_elsewhere(void**) {
    const std::vector<std::string> lines = lines_of(trail_of(4));
    const std::string old_head = check_text(joined({lines[0], lines[1]}), "").head.hash;
    const std::string new_head = check_text(joined(lines), "").head.hash;
    assert_true(check_text(joined(lines), old_head).has_wanted);
    assert_true(check_text(joined(lines), new_head).has_wanted);
    const AuditCheck shorter = check_text(joined({lines[0], lines[1], lines[2]}), new_head);
    assert_string_equal(shorter.broken.c_str(), "");
    assert_false(shorter.has_wanted);
    // Our own open log notices as well, and takes no more.
    const Folder folder;
    put(folder.trail(), joined(lines));
    AuditLog log(folder.trail());
    assert_true(log.open().has_value());
    put(folder.trail(), joined({lines[0], lines[1], lines[2]}));
    assert_int_equal(static_cast<int>(log.append(entry(9), noon).error().code),
                     static_cast<int>(ErrorCode::integrity));
}

void goes_on_behind_what_a_crash_cut_anywhere(void**) {
    const std::string text = trail_of(3);
    for (std::size_t length = 0; length <= text.size(); ++length) {
        for (const std::string& garbage : {std::string(), std::string("\0\0\n", 3),
                                           std::string("}\n"), std::string(5000, '\0')}) {
            const Folder folder;
            const std::string left = text.substr(0, length) + garbage;
            put(folder.trail(), left);
            const AuditCheck before = check_text(left, "");
            AuditLog log(folder.trail());
            assert_true(log.open().has_value());
            assert_int_equal(log.head().sequence, before.records);
            assert_true(log.append(entry(8), noon).has_value());
            const std::string now = text_of(folder.trail());
            assert_true(now.starts_with(left));  // nothing is ever removed
            const AuditCheck after = check_text(now, before.head.hash);
            // One that lacks its line feed only is whole.
            const bool whole = check_text(left + "\n", "").records == before.records + 1;
            const bool torn = before.open_end_bytes != 0 && !whole;
            const std::uint64_t more = torn || whole ? 2 : 1;
            if (!after.broken.empty() || after.records != before.records + more ||
                after.torn != (torn ? 1u : 0u) || after.open_end_bytes != 0)
                fail_msg("cut at %zu: %s", length, after.broken.c_str());
        }
    }
}

// A piece that a record tells of is that piece and no other.
void a_torn_piece_cannot_be_put_in_later(void**) {
    const Folder folder;
    put(folder.trail(), trail_of(2) + "{\"seq\":3,");
    AuditLog log(folder.trail());
    assert_true(log.open().has_value());
    assert_true(log.append(entry(3), noon).has_value());
    assert_int_equal(log.torn(), 1);
    std::vector<std::string> lines = lines_of(text_of(folder.trail()));
    assert_int_equal(lines.size(), 5);
    lines[2] += "x";
    assert_string_equal(check_text(joined(lines), "").broken.c_str(),
                        "audit.jsonl: line 3 is no record");
    lines.erase(lines.begin() + 2);
    assert_string_equal(check_text(joined(lines), "").broken.c_str(), "");  // it said nothing
}

void takes_long_and_odd_texts(void**) {
    const Folder folder;
    AuditLog log(folder.trail());
    assert_true(log.open().has_value());
    for (std::size_t size = 8150; size < 8240; ++size) {
        AuditEntry odd = entry(1);
        odd.what = std::string(size - 2, 'x') + "ü";
        odd.reason = std::string(size, '\x02');
        odd.actor.name = std::string(300, '\xff');
        assert_true(log.append(odd, noon).has_value());
    }
    const AuditCheck check = check_text(text_of(folder.trail()), "");
    assert_string_equal(check.broken.c_str(), "");
    assert_int_equal(check.records, 90);
}

void two_processes_write_one_chain(void**) {
    const Folder folder;
    AuditLog one(folder.trail()), other(folder.trail());
    assert_true(one.open() && other.open());
    for (int n = 0; n < 5; ++n) {
        assert_true(one.append(entry(n), noon).has_value());
        assert_true(other.append(entry(n + 100), noon).has_value());
    }
    const AuditCheck check = check_text(text_of(folder.trail()), "");
    assert_string_equal(check.broken.c_str(), "");
    assert_int_equal(check.records, 10);
    assert_string_equal(other.newest("mode").c_str(), "104");
    assert_string_equal(other.newest("gap").c_str(), "");
}

void a_broken_trail_takes_no_records(void**) {
    const Folder folder;
    std::string text = trail_of(3);
    text[10] = 'x';
    put(folder.trail(), text);
    AuditLog log(folder.trail());
    assert_int_equal(static_cast<int>(log.open().error().code),
                     static_cast<int>(ErrorCode::integrity));
    assert_false(log.append(entry(1), noon).has_value());
    assert_string_equal(text_of(folder.trail()).c_str(), text.c_str());
}

// --- files that are closed -----------------------------------------------------------------------

constexpr std::uint64_t small_file = 1500;  // three or four records

std::string name_of(std::uint64_t first) {
    return audit_segment_path("/audit.jsonl", first).substr(1);
}

std::vector<std::string> files_of(const Folder& folder) {
    std::vector<std::string> names;
    for (const auto& one : std::filesystem::directory_iterator(folder.path))
        names.push_back(one.path().filename());
    std::sort(names.begin(), names.end());
    return names;
}

// `records` of ours, and those that begin files.
void fill(const Folder& folder, int records) {
    AuditLog log(folder.trail(), small_file);
    assert_true(log.open().has_value());
    for (int n = 1; n <= records; ++n)
        assert_true(log.append(entry(n), noon + static_cast<std::uint64_t>(n)).has_value());
    assert_string_equal(log.segment_problem().c_str(), "");
}

void a_file_that_has_grown_is_closed_and_the_chain_goes_on(void**) {
    const Folder folder;
    fill(folder, 20);
    const std::vector<std::string> names = files_of(folder);
    assert_true(names.size() > 4);
    std::vector<AuditRecord> seen;
    const AuditCheck check = *check_audit(
        folder.trail(), "", [&](const AuditRecord& record) { seen.push_back(record); });
    assert_string_equal(check.broken.c_str(), "");
    assert_int_equal(check.files, names.size());
    assert_int_equal(check.records, 20 + names.size() - 1);
    // Each is called by its first record, which says what it goes on from.
    const Result<AuditTrail> trail = open_audit_trail(folder.trail());
    assert_true(trail.has_value());
    for (std::size_t n = 1; n < trail->files.size(); ++n) {
        const std::uint64_t first =
            trail->files[n].first != 0 ? trail->files[n].first : check.head.sequence;
        if (trail->files[n].first == 0) continue;
        const AuditRecord& record = seen[first - 1];
        assert_string_equal(record.entry.action.c_str(), "audit.segment");
        assert_string_equal(record.previous.c_str(), seen[first - 2].hash.c_str());
        assert_true(record.entry.what.starts_with("goes on from " + trail->files[n - 1].name()));
    }
    // A head of long ago is still in it.
    assert_true(check_audit(folder.trail(), seen[1].hash)->has_wanted);
    assert_false(check_audit(folder.trail(), std::string(64, 'a'))->has_wanted);
    // A log that is opened later knows what closed files told.
    AuditLog log(folder.trail(), small_file);
    assert_true(log.open().has_value());
    assert_true(log.head() == check.head);
    assert_string_equal(log.newest("mode").c_str(), "20");
    assert_int_equal(log.closed(), names.size() - 1);
    assert_true(log.recent().size() >= 2);
}

void what_was_done_to_closed_files_is_named(void**) {
    const auto broken_by = [](const std::function<void(const Folder&)>& deed) {
        const Folder folder;
        fill(folder, 20);
        deed(folder);
        return check_audit(folder.trail(), "")->broken;
    };
    const auto says = [](const std::string& text, const std::string& words) {
        if (text.find(words) == std::string::npos) fail_msg("\"%s\"", text.c_str());
    };
    const auto nth = [](const Folder& folder, std::size_t n) {
        return folder.path + "/" + files_of(folder)[n];  // the first one is of record 1
    };
    says(broken_by([&](const Folder& f) { std::filesystem::remove(nth(f, 1)); }),
         "before it are missing: a file is gone");
    says(broken_by([&](const Folder& f) { std::filesystem::remove(nth(f, 0)); }),
         "the records 1 to ");
    says(broken_by([&](const Folder& f) {
             std::filesystem::rename(nth(f, 1), f.path + "/away");
             std::filesystem::rename(nth(f, 2), f.path + "/" + name_of(3));
         }),
         "by its name");
    says(broken_by([&](const Folder& f) {
             const std::string one = text_of(nth(f, 1)), other = text_of(nth(f, 2));
             put(nth(f, 1), other);
             put(nth(f, 2), one);
         }),
         "does not follow record");
    says(broken_by([&](const Folder& f) {
             std::filesystem::copy_file(nth(f, 1), f.path + "/" + name_of(2));
         }),
         "by its name");
    says(broken_by([&](const Folder& f) {
             std::string text = text_of(nth(f, 1));
             text[text.find("change") + 7] = 'x';
             put(nth(f, 1), text);
         }),
         "is no record");
    says(broken_by([&](const Folder& f) { put(nth(f, 1), text_of(nth(f, 1)) + "{\"seq\":9"); }),
         "and it was closed");
    says(broken_by([&](const Folder& f) {
             const std::string text = text_of(nth(f, 1));
             put(nth(f, 1), text.substr(0, text.size() - 9));
         }),
         "and it was closed");
    says(broken_by([&](const Folder& f) { put(nth(f, 1), ""); }), "before it are missing");
}

// What is written to must go on from the last one that was closed; and it is always there.
void a_log_takes_nothing_behind_a_closed_file_that_is_not_the_one_before(void**) {
    const Folder folder;
    fill(folder, 20);
    const std::vector<std::string> names = files_of(folder);
    const std::string last = folder.path + "/" + names[names.size() - 2];
    const std::string text = text_of(last);
    AuditLog open_one(folder.trail(), small_file);
    assert_true(open_one.open().has_value());
    const auto refuses = [&folder] {
        AuditLog log(folder.trail(), small_file);
        const Result<void> opened = log.open();
        return !opened && opened.error().code == ErrorCode::integrity;
    };
    std::filesystem::rename(last, folder.path + "/away");
    assert_true(refuses());
    std::filesystem::rename(folder.path + "/away", last);
    put(last, text.substr(0, text.rfind('\n', text.size() - 2) + 1));
    assert_true(refuses());
    put(last, text);
    assert_false(refuses());
    std::filesystem::remove(folder.trail());
    assert_int_equal(static_cast<int>(open_one.append(entry(1), noon).error().code),
                     static_cast<int>(ErrorCode::integrity));
    assert_true(refuses());
}

void two_processes_close_files_of_one_chain(void**) {
    const Folder folder;
    AuditLog one(folder.trail(), small_file), other(folder.trail(), small_file);
    assert_true(one.open() && other.open());
    for (int n = 0; n < 20; ++n) {
        assert_true(one.append(entry(n), noon).has_value());
        if (n % 5 == 4) assert_true(other.append(entry(n + 100), noon).has_value());
    }
    const AuditCheck check = *check_audit(folder.trail(), "");
    assert_string_equal(check.broken.c_str(), "");
    assert_int_equal(check.records, 24 + check.files - 1);
    assert_true(check.files > 4);
    assert_string_equal(one.newest("mode").c_str(), "19");
    assert_int_equal(other.closed(), check.files - 1);
}

void pages_go_back_over_all_files(void**) {
    const Folder folder;
    fill(folder, 20);
    std::vector<AuditRecord> all;
    const AuditCheck check =
        *check_audit(folder.trail(), "", [&](const AuditRecord& record) { all.push_back(record); });
    for (const auto& [limit, look_bytes] :
         {std::pair{1u, 100000u}, {3u, 100000u}, {100u, 100000u}, {100u, 1u}, {3u, 1u}}) {
        std::vector<std::uint64_t> seen;
        AuditQuery query;
        query.limit = limit;
        query.look_bytes = look_bytes;
        do {
            const Result<AuditPage> page =
                read_audit_page(*open_audit_trail(folder.trail()), query);
            assert_true(page.has_value());
            assert_string_equal(page->broken.c_str(), "");
            assert_true(page->records.size() <= limit);
            for (std::size_t n = page->records.size(); n-- > 0;)
                seen.push_back(page->records[n].sequence);
            query.before = page->before;
        } while (query.before != 0);
        assert_int_equal(seen.size(), all.size());
        for (std::size_t n = 0; n < seen.size(); ++n)
            assert_int_equal(seen[n], all.size() - n);
    }
    const auto found = [&folder](const AuditQuery& query) {
        return read_audit_page(*open_audit_trail(folder.trail()), query)->records.size();
    };
    AuditQuery by_name, by_action, since, about;
    by_name.name = "cordond";
    assert_int_equal(found(by_name), check.files - 1);
    by_name.name = "ann";
    assert_int_equal(found(by_name), 0);
    by_action.action = "mode";
    assert_int_equal(found(by_action), 20);
    by_action.action = "mode.se";
    assert_int_equal(found(by_action), 0);
    since.since = "2026-11-22T12:00:15Z";
    assert_true(found(since) >= 6 && found(since) <= 8);
    // Nobody is sent on to what is older still.
    assert_int_equal(read_audit_page(*open_audit_trail(folder.trail()), since)->before, 0);
    since.about = "case 7";
    assert_int_equal(read_audit_page(*open_audit_trail(folder.trail()), since)->before, 0);
    about.about = "service photos: change 7";
    assert_int_equal(found(about), 1);
    about.about = "service photos: change";
    assert_int_equal(found(about), 20);
}

void pages_tell_what_does_not_fit_together(void**) {
    const auto broken = [](const std::vector<std::string>& lines) {
        const Folder folder;
        put(folder.trail(), joined(lines));
        return read_audit_page(*open_audit_trail(folder.trail()), {})->broken;
    };
    const std::vector<std::string> lines = lines_of(trail_of(5));
    assert_string_equal(broken(lines).c_str(), "");
    std::vector<std::string> removed = lines, changed = lines;
    removed.erase(removed.begin() + 2);
    assert_string_equal(broken(removed).c_str(), "audit.jsonl: record 4 does not follow record 2");
    changed[2][changed[2].find("change 3") + 7] = '7';
    assert_string_equal(broken(changed).c_str(), "audit.jsonl: record 4 does not follow record 2");
    std::vector<std::string> empty_lines = lines;
    empty_lines.insert(empty_lines.begin() + 2, 100000, "");
    assert_string_equal(broken(empty_lines).c_str(),
                        "audit.jsonl: record 3: what stands before it is no record");
    // A piece that a crash left, and the next record tells of.
    const Folder folder;
    put(folder.trail(), trail_of(2) + "{\"seq\":3,");
    AuditLog log(folder.trail());
    assert_true(log.open() && log.append(entry(3), noon));
    const AuditPage page = *read_audit_page(*open_audit_trail(folder.trail()), {});
    assert_string_equal(page.broken.c_str(), "");
    assert_int_equal(page.records.size(), 4);
}

// --- crashes -------------------------------------------------------------------------------------

// Every choice of what a crash leaves of what no sync covers.
std::vector<std::vector<Fate>> fates_of(std::size_t open) {
    std::size_t choices = 1;
    for (std::size_t i = 0; i < open; ++i)
        choices *= 3;
    std::vector<std::vector<Fate>> all;
    for (std::size_t n = 0; n < choices; ++n) {
        std::vector<Fate> fates;
        for (std::size_t i = 0, rest = n; i < open; ++i, rest /= 3)
            fates.push_back(static_cast<Fate>(rest % 3));
        all.push_back(std::move(fates));
    }
    return all;
}

// Every record in a file of that size, and a crash at every point.
void crash_anywhere(std::uint64_t file_bytes_max) {
    const Folder folder;
    RecordedFolder recorded(folder.path);
    std::vector<std::size_t> durable = {0};  // operations after which n records are acknowledged
    {
        AuditLog log(folder.trail(), file_bytes_max);
        assert_true(log.open().has_value());
        for (int n = 1; n <= 4; ++n) {
            assert_true(log.append(entry(n), noon).has_value());
            durable.push_back(recorded.files().operation_count());
        }
    }
    RecordedFolder::recording() = nullptr;
    const RecordingFiles& files = recorded.files();
    std::size_t crashes = 0;
    for (std::size_t at = 0; at <= files.operation_count(); ++at) {
        std::size_t acknowledged = 0;
        while (acknowledged + 1 < durable.size() && at >= durable[acknowledged + 1])
            ++acknowledged;
        for (const auto& fates : fates_of(files.pending(at).size())) {
            const Folder crashed;
            recorded.lay_out(*files.rebuild(at, fates), crashed.path);
            AuditLog log(crashed.trail(), file_bytes_max);
            if (!log.open()) fail_msg("a crash after %zu operations: not opened", at);
            assert_true(log.head().sequence >= acknowledged);
            assert_true(log.append(entry(9), noon).has_value());
            std::size_t ours = 0;
            const AuditCheck check = *check_audit(
                crashed.trail(), "",
                [&ours](const AuditRecord& r) { ours += r.entry.action == "mode.set"; });
            assert_string_equal(check.broken.c_str(), "");
            assert_int_equal(check.open_end_bytes, 0);
            assert_true(ours > acknowledged);
            ++crashes;
        }
    }
    print_message("%zu operations, %zu folders after crashes\n", files.operation_count(), crashes);
    assert_true(crashes > 10);
}

void what_was_recorded_is_there_after_a_crash_anywhere(void**) {
    crash_anywhere(audit_segment_bytes_max);
}

void so_it_is_while_files_are_closed(void**) {
    crash_anywhere(1);  // each record closes the file before it
}

void fail_anywhere(std::uint64_t file_bytes_max) {
    std::size_t calls = 1;
    for (std::size_t at = 0; at < calls; ++at) {
        const Folder folder;
        RecordedFolder recorded(folder.path);
        recorded.fails_at = at;
        AuditLog log(folder.trail(), file_bytes_max);
        bool refused = !log.open().has_value();
        if (refused) assert_true(log.open().has_value());
        bool told = false;
        for (int n = 1; n <= 3; ++n) {
            const bool written = log.append(entry(n), noon).has_value();
            told = told || !log.segment_problem().empty();
            if (written) continue;
            assert_false(refused);
            refused = true;
        }
        assert_true(refused || told || recorded.calls() <= at);
        assert_string_equal(check_audit(folder.trail(), "")->broken.c_str(), "");
        calls = std::max(calls, recorded.calls());
    }
    print_message("%zu calls\n", calls);
}

void says_when_it_is_not_durable(void**) {
    fail_anywhere(audit_segment_bytes_max);
}

// That a file is not closed is told, and keeps nobody from what he does.
void a_file_that_cannot_be_closed_goes_on(void**) {
    fail_anywhere(1);
    const Folder folder;
    fill(folder, 3);
    const std::uint64_t next = 1;
    put(audit_segment_path(folder.trail(), next), "somebody was here first");
    AuditLog log(folder.trail(), 1);
    assert_false(log.open().has_value());  // a closed file without a record
    std::filesystem::remove(audit_segment_path(folder.trail(), next));
    assert_true(log.open().has_value());
    put(audit_segment_path(folder.trail(), next), "somebody was here first");
    assert_true(log.append(entry(4), noon).has_value());
    assert_string_not_equal(log.segment_problem().c_str(), "");
    std::filesystem::remove(audit_segment_path(folder.trail(), next));
    assert_true(log.append(entry(5), noon).has_value());
    assert_string_equal(log.segment_problem().c_str(), "");
    assert_string_equal(check_audit(folder.trail(), "")->broken.c_str(), "");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_it_wrote),
        cmocka_unit_test(finds_every_changed_byte),
        cmocka_unit_test(names_the_first_broken_record),
        cmocka_unit_test(misses_what_was_cut_off_by_a_head_kept_elsewhere),
        cmocka_unit_test(goes_on_behind_what_a_crash_cut_anywhere),
        cmocka_unit_test(a_torn_piece_cannot_be_put_in_later),
        cmocka_unit_test(takes_long_and_odd_texts),
        cmocka_unit_test(two_processes_write_one_chain),
        cmocka_unit_test(a_broken_trail_takes_no_records),
        cmocka_unit_test(a_file_that_has_grown_is_closed_and_the_chain_goes_on),
        cmocka_unit_test(what_was_done_to_closed_files_is_named),
        cmocka_unit_test(a_log_takes_nothing_behind_a_closed_file_that_is_not_the_one_before),
        cmocka_unit_test(two_processes_close_files_of_one_chain),
        cmocka_unit_test(pages_go_back_over_all_files),
        cmocka_unit_test(pages_tell_what_does_not_fit_together),
        cmocka_unit_test(what_was_recorded_is_there_after_a_crash_anywhere),
        cmocka_unit_test(so_it_is_while_files_are_closed),
        cmocka_unit_test(says_when_it_is_not_durable),
        cmocka_unit_test(a_file_that_cannot_be_closed_goes_on),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
