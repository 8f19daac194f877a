// The audit trail: what was recorded is there after a crash anywhere and on a full disk, and a
// record that is changed, removed, put elsewhere or cut off is found.

#include "control/audit/audit_log.h"

#include <fcntl.h>

#include <fstream>
#include <random>
#include <sstream>

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
    const AuditCheck check =
        check_audit(text, "", [&](const AuditRecord& r) { seen.push_back(r); });
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
    const std::string head = check_audit(text, "").head.hash;
    for (std::size_t at = 0; at < text.size(); ++at) {
        std::string changed = text;
        changed[at] = static_cast<char>(changed[at] ^ 1);
        const AuditCheck check = check_audit(changed, head);
        const bool found = !check.broken.empty() || check.open_end_bytes != 0;
        if (!found || check.has_wanted) fail_msg("byte %zu was changed and nobody saw it", at);
    }
}

void names_the_first_broken_record(void**) {
    const std::vector<std::string> lines = lines_of(trail_of(5));
    const auto broken = [](const std::vector<std::string>& of) {
        return check_audit(joined(of), "").broken;
    };
    std::vector<std::string> removed = lines, swapped = lines, doubled = lines, first = lines;
    removed.erase(removed.begin() + 2);
    std::swap(swapped[1], swapped[2]);
    doubled.insert(doubled.begin() + 3, doubled[2]);
    first.erase(first.begin());
    assert_string_equal(broken(removed).c_str(), "line 3 record 4 does not follow record 2");
    assert_string_equal(broken(swapped).c_str(), "line 2 record 3 does not follow record 1");
    assert_string_equal(broken(doubled).c_str(), "line 4 record 3 does not follow record 3");
    assert_string_equal(broken(first).c_str(), "line 1 record 2 does not follow record 0");
    std::vector<std::string> changed = lines;
    changed[1][changed[1].find("change 2") + 7] = '7';
    assert_string_equal(broken(changed).c_str(), "line 2 is no record");
}

void misses_what_was_cut_off_by_a_head_kept_elsewhere(void**) {
    const std::vector<std::string> lines = lines_of(trail_of(4));
    const std::string old_head = check_audit(joined({lines[0], lines[1]}), "").head.hash;
    const std::string new_head = check_audit(joined(lines), "").head.hash;
    assert_true(check_audit(joined(lines), old_head).has_wanted);
    assert_true(check_audit(joined(lines), new_head).has_wanted);
    const AuditCheck shorter = check_audit(joined({lines[0], lines[1], lines[2]}), new_head);
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
            const AuditCheck before = check_audit(left, "");
            AuditLog log(folder.trail());
            assert_true(log.open().has_value());
            assert_int_equal(log.head().sequence, before.records);
            assert_true(log.append(entry(8), noon).has_value());
            const std::string now = text_of(folder.trail());
            assert_true(now.starts_with(left));  // nothing is ever removed
            const AuditCheck after = check_audit(now, before.head.hash);
            // One that lacks its line feed only is whole.
            const bool whole = check_audit(left + "\n", "").records == before.records + 1;
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
    assert_string_equal(check_audit(joined(lines), "").broken.c_str(), "line 3 is no record");
    lines.erase(lines.begin() + 2);
    assert_string_equal(check_audit(joined(lines), "").broken.c_str(), "");  // it said nothing
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
    const AuditCheck check = check_audit(text_of(folder.trail()), "");
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
    const AuditCheck check = check_audit(text_of(folder.trail()), "");
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

void what_was_recorded_is_there_after_a_crash_anywhere(void**) {
    const Folder folder;
    RecordedFolder recorded(folder.path);
    std::vector<std::size_t> durable = {0};  // operations after which n records are acknowledged
    {
        AuditLog log(folder.trail());
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
            AuditLog log(crashed.trail());
            if (!log.open()) fail_msg("a crash after %zu operations: not opened", at);
            assert_true(log.head().sequence >= acknowledged);
            assert_true(log.append(entry(9), noon).has_value());
            const AuditCheck check = check_audit(text_of(crashed.trail()), "");
            assert_string_equal(check.broken.c_str(), "");
            assert_int_equal(check.open_end_bytes, 0);
            ++crashes;
        }
    }
    print_message("%zu operations, %zu folders after crashes\n", files.operation_count(), crashes);
    assert_true(crashes > 10);
}

void says_when_it_is_not_durable(void**) {
    std::size_t calls = 1;
    for (std::size_t at = 0; at < calls; ++at) {
        const Folder folder;
        RecordedFolder recorded(folder.path);
        recorded.fails_at = at;
        AuditLog log(folder.trail());
        bool refused = !log.open().has_value();
        if (refused) assert_true(log.open().has_value());
        for (int n = 1; n <= 3; ++n) {
            if (log.append(entry(n), noon)) continue;
            assert_false(refused);
            refused = true;
        }
        assert_true(refused || recorded.calls() <= at);
        assert_string_equal(check_audit(text_of(folder.trail()), "").broken.c_str(), "");
        calls = std::max(calls, recorded.calls());
    }
    print_message("%zu calls\n", calls);
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
        cmocka_unit_test(what_was_recorded_is_there_after_a_crash_anywhere),
        cmocka_unit_test(says_when_it_is_not_durable),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
