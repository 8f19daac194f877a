#include "control/publisher/stix.h"

#include <unordered_map>

#include "control/feed/metadata.h"
#include "control/publisher/json_items.h"

namespace cordon::feed {
namespace {

using nlohmann::json;

constexpr std::size_t item_bytes_max = 128;
constexpr std::size_t seconds_digits = 19;  // "2026-11-22T08:00:00", then a fraction and Z

struct Indicator {
    std::string modified;
    std::vector<Row> rows;
};

// "" when the text is no time in UTC. Times of this form are in order as texts are.
std::string seconds_of(const std::string& time) {
    if (time.size() <= seconds_digits || time.back() != 'Z') return "";
    const std::string seconds = time.substr(0, seconds_digits);
    return read_time(seconds + "Z") ? seconds : "";
}

std::string put_labels(const json& object, const CategoryMap& categories, Row* row) {
    std::optional<std::string> ours;
    for (const char* member : {"labels", "indicator_types"}) {
        const auto labels = object.find(member);
        if (labels == object.end() || !labels->is_array()) continue;
        for (const json& label : *labels) {
            if (!label.is_string()) continue;
            const auto mapped = categories.names.find(label.get<std::string>());
            if (mapped == categories.names.end()) continue;
            if (ours && *ours != mapped->second) return "its labels mean two categories";
            ours = mapped->second;
        }
    }
    if (!ours && !categories.all) return "no label of it is mapped to a category";
    return ours ? put_category_of_list({{}, ours}, row) : put_category_of_list(categories, row);
}

class Reader {
  public:
    Reader(const CategoryMap& categories, std::uint64_t now_s, std::size_t total,
           const Progress& progress)
        : categories_(categories),
          now_(seconds_of(write_time(now_s))),
          total_(total),
          progress_(progress) {}
    ReadRows out;

    void member(const std::string& name, const json& value) {
        if (name == "more" && value.is_boolean()) out.more_follows = value.get<bool>();
    }

    bool item(const std::vector<std::string>& path, const json& object) {
        if (path.size() != 1 || path[0] != "objects") return false;
        ++count_;
        if (progress_ && count_ % progress_every == 0) progress_(count_, total_);
        if (text_member(object, "type") != "indicator") return true;
        Indicator indicator;
        std::string why = count_ > rows_max ? "more items than fit" : read(object, &indicator);
        if (!why.empty()) {
            report(count_, std::move(why), &out);
        } else if (indicator.rows.empty()) {
            ++out.passed_over;
        } else {
            take(std::move(indicator));
        }
        return true;
    }

    void finish() {
        if (count_ == 0) report(0, "no object: is it a bundle of STIX?", &out);
        for (Indicator& indicator : indicators_) {
            for (Row& row : indicator.rows)
                out.rows.push_back(std::move(row));
        }
    }

  private:
    std::string read(const json& object, Indicator* indicator) {
        const std::string version = text_member(object, "spec_version");
        if (version != "2.1") return "STIX " + quote(version) + ", not 2.1";
        const std::string item = text_member(object, "id");
        if (!item.starts_with("indicator--") || item.size() > item_bytes_max)
            return "id " + quote(item) + " is none of an indicator";
        indicator->modified = seconds_of(text_member(object, "modified"));
        if (indicator->modified.empty()) return "modified is no time in UTC";
        // With its fraction: versions may follow each other within a second.
        indicator->modified = text_member(object, "modified");
        indicator->modified.pop_back();
        if (flag_member(object, "revoked") || is_past(object)) {
            Row row;
            row.withdrawn = true;
            add(item, std::move(row), indicator);
            return "";
        }
        if (text_member(object, "pattern_type") != "stix") return "";
        std::vector<Row> rows;
        std::string why = read_stix_pattern(text_member(object, "pattern"), &rows);
        for (Row& row : rows) {
            if (why.empty()) why = put_labels(object, categories_, &row);
            add(item, std::move(row), indicator);
        }
        return why;
    }

    bool is_past(const json& object) {
        const std::string until = seconds_of(text_member(object, "valid_until"));
        return !until.empty() && until <= now_;
    }

    void add(const std::string& item, Row row, Indicator* indicator) {
        row.line = count_;
        row.item = item;
        indicator->rows.push_back(std::move(row));
    }

    void take(Indicator indicator) {
        const auto [at, first] = newest_.try_emplace(indicator.rows[0].item, indicators_.size());
        if (first) {
            indicators_.push_back(std::move(indicator));
        } else if (indicator.modified > indicators_[at->second].modified) {
            indicators_[at->second] = std::move(indicator);
        }
    }

    const CategoryMap& categories_;
    std::string now_;
    std::uint64_t count_ = 0;
    std::uint64_t total_;
    const Progress& progress_;
    std::vector<Indicator> indicators_;
    std::unordered_map<std::string, std::size_t> newest_;  // id → place among `indicators_`
};

}  // namespace

ReadRows read_stix(std::string_view text, const CategoryMap& categories, std::uint64_t now_s,
                   const Progress& progress) {
    return read_json_list(text, Reader(categories, now_s, text.size() / 500 + 1, progress));
}

}  // namespace cordon::feed
