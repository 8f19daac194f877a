#include "control/publisher/vics.h"

#include "control/publisher/json_items.h"

namespace cordon::feed {
namespace {

using nlohmann::json;

bool has_text(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

// One file under several names of digests: [{"HashName": "SHA256", "HashValue": "…"}]. The name of
// the member that holds them differs between versions.
std::string put_named_digests(const json& list, Row* row) {
    for (const json& entry : list) {
        if (!entry.is_object() || !entry.contains("HashName")) continue;
        const auto kind = kind_named(text_member(entry, "HashName"));
        const std::string value = text_member(entry, "HashValue");
        if (!kind || value.empty()) continue;
        if (std::string why = put_digest(*kind, value, row); !why.empty()) return why;
    }
    return "";
}

std::string put_digests(const json& media, Row* row) {
    for (const char* name : {"MD5", "SHA1", "SHA256"}) {
        const std::string text = text_member(media, name);
        if (text.empty()) continue;
        if (std::string why = put_digest(*kind_named(name), text, row); !why.empty()) return why;
    }
    for (const json& member : media) {
        if (!member.is_array()) continue;
        if (std::string why = put_named_digests(member, row); !why.empty()) return why;
    }
    return row->digest_count == 0 ? "no digest" : "";
}

std::string put_media(const json& media, const CategoryMap& categories, Row* row) {
    std::string why = put_digests(media, row);
    if (why.empty()) why = put_size(text_member(media, "MediaSize"), row);
    if (!why.empty()) return why;
    if (flag_member(media, "IsSuspected")) {
        row->withdrawn = true;
        return "";
    }
    const std::string category = text_member(media, "Category");
    return category.empty() ? "no category" : put_category(category, categories, row);
}

class Reader {
  public:
    Reader(const CategoryMap& categories, std::size_t total, const Progress& progress)
        : categories_(categories), total_(total), progress_(progress) {}
    ReadRows out;

    void member(const std::string& name, const json& value) {
        if (name == "@odata.nextLink" || name == "odata.nextLink") out.more_follows = true;
        if (name != "@odata.context" && name != "odata.metadata") return;
        if (!value.is_string()) return;
        const auto context = value.get<std::string>();
        const bool known = has_text(context, "ProjectVic/DataModels/1.") ||
                           has_text(context, "ProjectVic/DataModels/2.0.");
        if (!known) return;
        media_ = context.ends_with("#Media");
        cases_ = context.ends_with("#Cases");
    }

    bool item(const std::vector<std::string>& path, const json& item) {
        const bool is_media = path.size() == 1 && path[0] == "value" && !cases_;
        const bool of_case = path.size() == 2 && path[0] == "value" && path[1] == "Media" && cases_;
        if (!is_media && !of_case) return false;
        if (!media_ && !cases_) {
            no_model_ = true;
            return true;
        }
        take(item);
        return true;
    }

    void finish() {
        if (no_model_ || (!media_ && !cases_))
            report(0, "no VICS 1.x or 2.0: its model is not named, or not before its items", &out);
        if (out.problem_count == 0 && count_ == 0) report(0, "no item", &out);
    }

  private:
    void take(const json& item) {
        ++count_;
        if (progress_ && count_ % progress_every == 0) progress_(count_, total_);
        Row row;
        row.line = count_;
        std::string why =
            count_ > rows_max ? "more items than fit" : put_media(item, categories_, &row);
        if (why.empty()) {
            out.rows.push_back(std::move(row));
        } else {
            report(count_, std::move(why), &out);
        }
    }

    const CategoryMap& categories_;
    std::uint64_t count_ = 0;
    std::uint64_t total_;
    const Progress& progress_;
    bool media_ = false, cases_ = false, no_model_ = false;
};

}  // namespace

ReadRows read_vics(std::string_view text, const CategoryMap& categories, const Progress& progress) {
    // How many items there are is known at the end only: an item has some 500 bytes.
    return read_json_list(text, Reader(categories, text.size() / 500 + 1, progress));
}

}  // namespace cordon::feed
