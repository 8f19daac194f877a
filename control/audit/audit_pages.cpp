#include "control/audit/audit_pages.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <nlohmann/json.hpp>
#include <utility>

namespace cordon {

namespace {

// As far as a line says so in its first words; 0: it does not.
std::uint64_t number_of_line(std::string_view line) {
    constexpr std::string_view begin = "{\"seq\":";
    if (!line.starts_with(begin)) return 0;
    std::uint64_t number = 0;
    std::from_chars(line.data() + begin.size(), line.data() + line.size(), number);
    return number;
}

std::string_view time_of_line(std::string_view line) {
    constexpr std::string_view label = ",\"time\":\"";
    const std::size_t at = line.find(label);
    if (at == std::string_view::npos) return {};
    const std::string_view rest = line.substr(at + label.size());
    return rest.substr(0, std::min(rest.find('"'), rest.size()));
}

constexpr std::size_t unread_lines_max = 64;

class Backwards {
  public:
    explicit Backwards(const AuditQuery& query) : query_(query) {
        const auto add = [this](const char* key, const std::string& begin) {
            if (begin.empty()) return;
            std::string text = nlohmann::json(begin).dump(-1, ' ', false,
                                                          nlohmann::json::error_handler_t::replace);
            text.pop_back();  // it may go on
            needles_.push_back("\"" + std::string(key) + "\":" + text);
        };
        add("name", query.name);
        add("action", query.action);
        add("what", query.about);
    }

    // Lines of one file, the last one first. False: no more of them are wanted.
    bool read(const AuditFile& file, std::string_view text) {
        name_ = file.name();
        if (holds_nothing(text)) return !ends_at(time_of_line(text.substr(0, text.find('\n'))));
        // What stands behind the last line feed is told by the next record, when there is one.
        std::size_t end = text.rfind('\n');
        while (end != std::string_view::npos) {
            const std::size_t begin =
                end == 0 ? 0 : text.rfind('\n', end - 1) + 1;  // npos + 1 is 0
            if (!take(text.substr(begin, end - begin))) return false;
            end = begin == 0 ? std::string_view::npos : begin - 1;
        }
        return true;
    }

    AuditPage end(bool is_all) {
        std::reverse(page_.records.begin(), page_.records.end());
        if (!is_all && !is_too_old_ && last_ > 1) page_.before = last_;
        return std::move(page_);
    }
    // Something was, that is no older page's.
    bool has_looked() const { return last_ != 0; }
    // Also when nothing fits: as far as it was looked.
    void looked_back_to(std::uint64_t first) { last_ = first; }

  private:
    bool take(std::string_view line) {
        const std::uint64_t number = number_of_line(line);
        if (query_.before != 0 && number >= query_.before) return true;
        if (!may_fit(line)) {
            if (number != 0) last_ = number;
            later_previous_.clear();  // who skips does not compare
            return !ends_at(time_of_line(line));
        }
        AuditRecord record;
        if (!read_audit_record(line, &record)) {
            // A crash leaves a piece of one record, or a block of zeros.
            if (++unread_lines_ <= unread_lines_max) unread_ = std::string(line) + "\n" + unread_;
            return true;
        }
        compare(record);
        last_ = record.sequence;
        later_previous_ = record.previous;
        later_told_ = record.entry;
        unread_.clear();
        unread_lines_ = 0;
        if (ends_at(record.time)) return false;
        if (!fits(record)) return true;
        page_.records.push_back(std::move(record));
        return page_.records.size() < query_.limit;
    }

    // Of a file at once: much faster than line by line.
    bool holds_nothing(std::string_view text) const {
        return std::any_of(needles_.begin(), needles_.end(), [text](const std::string& needle) {
            return ::memmem(text.data(), text.size(), needle.data(), needle.size()) == nullptr;
        });
    }
    // By its text: what does not hold the words of the question is not read as a record.
    bool may_fit(std::string_view line) const {
        return std::all_of(needles_.begin(), needles_.end(), [line](const std::string& needle) {
            return line.find(needle) != std::string_view::npos;
        });
    }
    // What is older still is not asked for.
    bool ends_at(std::string_view time) {
        is_too_old_ = !query_.since.empty() && !time.empty() && time < query_.since;
        return is_too_old_;
    }

    bool fits(const AuditRecord& record) const {
        const AuditEntry& e = record.entry;
        const auto is_or_begins = [](const std::string& text, const std::string& word, char then) {
            return word.empty() || text == word || text.starts_with(word + then);
        };
        return (query_.name.empty() || e.actor.name == query_.name) &&
               is_or_begins(e.action, query_.action, '.') &&
               is_or_begins(e.what, query_.about, ' ');
    }

    // With the one behind it.
    void compare(const AuditRecord& record) {
        if (later_previous_.empty() || !page_.broken.empty()) return;
        const std::string at = name_ + ": record " + std::to_string(last_);
        if (last_ != record.sequence + 1 || later_previous_ != record.hash)
            page_.broken = at + " does not follow record " + std::to_string(record.sequence);
        else if (unread_lines_ != 0 && later_told_.ref != torn_entry(unread_).ref)
            page_.broken = at + ": what stands before it is no record";
    }

    const AuditQuery& query_;
    std::vector<std::string> needles_;
    AuditPage page_;
    std::string name_;
    bool is_too_old_ = false;
    std::uint64_t last_ = 0;      // the number of the record that was read last
    std::string later_previous_;  // what it says of the one before; empty: none was read
    AuditEntry later_told_;
    std::string unread_;  // lines that are none, before it
    std::size_t unread_lines_ = 0;
};

}  // namespace

Result<AuditPage> read_audit_page(const AuditTrail& trail, const AuditQuery& query) {
    Backwards backwards(query);
    std::uint64_t looked = 0;
    for (std::size_t n = trail.files.size(); n-- > 0;) {
        const AuditFile& file = trail.files[n];
        if (query.before != 0 && file.first >= query.before) continue;
        if (backwards.has_looked() && looked + file.bytes > query.look_bytes)
            return backwards.end(false);
        const Result<std::string> text = file.read(0, file.bytes);
        if (!text) return Failure(text.error());
        looked += file.bytes;
        if (!backwards.read(file, *text)) return backwards.end(false);
        if (file.first != 0) backwards.looked_back_to(file.first);
    }
    return backwards.end(true);
}

}  // namespace cordon
