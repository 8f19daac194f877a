#include "control/publisher/ncmec.h"

#include <expat.h>

#include "control/publisher/row_parts.h"

namespace cordon::feed {
namespace {

constexpr char name_separator = ' ';  // in no name and no address
constexpr std::string_view name_space = "https://hashsharing.ncmec.org/hashsharing/v2 ";
constexpr std::size_t text_bytes_max = 1024;
constexpr std::size_t id_bytes_max = 64;
// Expat takes lengths as int, and a list may have more bytes.
constexpr std::size_t block_bytes = 1u << 20;

CategoryMap with_classes(CategoryMap map) {
    map.names.try_emplace("A1", "prepubescent-act");
    map.names.try_emplace("A2", "prepubescent-exhibition");
    map.names.try_emplace("B1", "pubescent-act");
    map.names.try_emplace("B2", "pubescent-exhibition");
    return map;
}

// The name without its namespace; "" of another one.
std::string_view local_name(std::string_view name) {
    if (!name.starts_with(name_space)) return {};
    return name.substr(name_space.size());
}

class Reader {
  public:
    Reader(const CategoryMap& categories, const Progress& progress)
        : categories_(with_classes(categories)),
          progress_(progress),
          parser_(XML_ParserCreateNS(nullptr, name_separator)) {
        XML_SetUserData(parser_, this);
        XML_SetElementHandler(
            parser_,
            [](void* self, const char* name, const char** attributes) {
                static_cast<Reader*>(self)->begin(name, attributes);
            },
            [](void* self, const char*) { static_cast<Reader*>(self)->end(); });
        XML_SetCharacterDataHandler(parser_, [](void* self, const char* text, int size) {
            static_cast<Reader*>(self)->add_text({text, static_cast<std::size_t>(size)});
        });
        XML_SetStartDoctypeDeclHandler(
            parser_, [](void* self, const char*, const char*, const char*, int) {
                static_cast<Reader*>(self)->stop("a document type is refused");
            });
    }
    ~Reader() { XML_ParserFree(parser_); }
    Reader(const Reader&) = delete;
    Reader& operator=(const Reader&) = delete;

    ReadRows read(std::string_view text) {
        const std::size_t total = text.size();
        do {
            const std::string_view block = text.substr(0, block_bytes);
            text.remove_prefix(block.size());
            const auto status = XML_Parse(parser_, block.data(), static_cast<int>(block.size()),
                                          text.empty() ? XML_TRUE : XML_FALSE);
            if (progress_) progress_(total - text.size(), total);
            if (status == XML_STATUS_OK) continue;
            if (!stopped_) report(line(), "no XML, or cut off", &out_);
            return finished(std::move(out_));
        } while (!text.empty());
        if (!is_ours_) report(1, "no answer of NCMEC's hash sharing, version 2", &out_);
        return finished(std::move(out_));
    }

  private:
    std::uint64_t line() const { return XML_GetCurrentLineNumber(parser_); }

    void stop(const char* why) {
        if (stopped_) return;
        stopped_ = true;
        report(line(), why, &out_);
        XML_StopParser(parser_, XML_FALSE);
    }

    void begin(std::string_view name, const char** attributes) {
        if (stopped_) return;
        if (path_.size() == ncmec_depth_max) return stop("elements lie too deep in each other");
        path_.emplace_back(local_name(name));
        text_.clear();
        if (path_.size() == 1) is_ours_ = path_[0] == "queryResult";
        if (!is_ours_) return;
        if (path_.size() == 3) begin_entry();
        if (path_.size() == 4 && path_[3] == "member") {
            for (; attributes[0] != nullptr; attributes += 2) {
                if (std::string_view(attributes[0]) == "id") member_ = attributes[1];
            }
        }
    }

    void add_text(std::string_view text) {
        if (text_.size() + text.size() <= text_bytes_max) text_ += text;
    }

    void end() {
        if (stopped_) return;
        if (is_ours_) {
            if (path_.size() == 3 && in_entry_) end_entry();
            if (path_.size() == 4 && in_entry_) end_member(path_[3]);
            if (path_.size() == 5 && in_entry_ && path_[3] == "fingerprints") end_fingerprint();
            // "paging" stands beside the lists.
            if (path_.size() == 3 && path_[1] == "paging" && path_[2] == "next")
                out_.more_follows = !text_.empty();
        }
        path_.pop_back();
        text_.clear();
    }

    void begin_entry() {
        const std::string& what = path_[2];
        const bool images = path_[1] == "images" && (what == "image" || what == "deletedImage");
        const bool videos = path_[1] == "videos" && (what == "video" || what == "deletedVideo");
        in_entry_ = images || videos;
        row_ = {};
        row_.line = line();
        row_.withdrawn = what.starts_with("deleted");
        member_.clear();
        id_.clear();
        class_.clear();
        wrong_.clear();
    }

    void end_member(std::string_view name) {
        if (name == "id") id_ = trimmed();
        if (name == "classification") class_ = trimmed();
    }

    void end_fingerprint() {
        const auto kind = kind_named(path_[4]);
        if (kind && wrong_.empty() && !trimmed().empty())
            wrong_ = put_digest(*kind, trimmed(), &row_);
    }

    void end_entry() {
        in_entry_ = false;
        const bool named = !id_.empty() && !member_.empty() && id_.size() <= id_bytes_max &&
                           member_.size() <= id_bytes_max;
        if (!named && wrong_.empty()) wrong_ = "an entry without member or id";
        row_.item = member_ + "/" + id_;
        if (wrong_.empty() && !row_.withdrawn && row_.digest_count == 0) {
            ++out_.passed_over;
            return;
        }
        if (wrong_.empty() && !row_.withdrawn)
            wrong_ = class_.empty() ? put_category_of_list(categories_, &row_)
                                    : put_category(class_, categories_, &row_);
        if (wrong_.empty() && out_.rows.size() == rows_max) wrong_ = "more entries than fit";
        if (wrong_.empty()) {
            out_.rows.push_back(std::move(row_));
        } else {
            report(row_.line, std::move(wrong_), &out_);
        }
    }

    std::string trimmed() const {
        const std::size_t first = text_.find_first_not_of(" \t\r\n");
        if (first == std::string::npos) return "";
        return text_.substr(first, text_.find_last_not_of(" \t\r\n") - first + 1);
    }

    CategoryMap categories_;
    const Progress& progress_;
    XML_Parser parser_;
    std::vector<std::string> path_;
    std::string text_;  // of the element that is open, without what lies in others
    bool is_ours_ = false, in_entry_ = false, stopped_ = false;
    Row row_;
    std::string member_, id_, class_, wrong_;
    ReadRows out_;
};

}  // namespace

ReadRows read_ncmec(std::string_view text, const CategoryMap& categories,
                    const Progress& progress) {
    return Reader(categories, progress).read(text);
}

}  // namespace cordon::feed
