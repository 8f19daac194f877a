#include "control/index/index_files.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "control/index/list_parser.h"
#include "dataplane/contract/index_verify.h"

namespace cordon {
namespace {

class OpenFile {
  public:
    explicit OpenFile(const std::string& path)
        : file_(::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {}
    ~OpenFile() {
        if (file_ >= 0) ::close(file_);
    }
    OpenFile(const OpenFile&) = delete;
    OpenFile& operator=(const OpenFile&) = delete;

    bool is_open() const { return file_ >= 0; }
    // −1 unless it is a regular file.
    std::int64_t size() const {
        struct stat found = {};
        if (::fstat(file_, &found) != 0) return -1;
        if (!S_ISREG(found.st_mode)) {
            errno = EINVAL;
            return -1;
        }
        return found.st_size;
    }
    // How many bytes came before the end; −1 on an error.
    std::int64_t read(MutableBytes into) const {
        std::size_t done = 0;
        while (done < into.size()) {
            const ssize_t n = ::read(file_, into.data() + done, into.size() - done);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) return -1;
            if (n == 0) break;
            done += static_cast<std::size_t>(n);
        }
        return static_cast<std::int64_t>(done);
    }

  private:
    int file_;
};

struct FileStart {
    AlignedBytes bytes;        // up to what was asked for
    std::uint64_t file_bytes;  // of the whole file
};

Result<FileStart> read_start(const std::string& path, std::uint64_t bytes_max) {
    const OpenFile file(path);
    if (!file.is_open()) return failure(ErrorCode::io, "cannot open " + path, errno);
    const std::int64_t size = file.size();
    if (size < 0) return failure(ErrorCode::io, "cannot read " + path, errno);
    FileStart start;
    start.file_bytes = static_cast<std::uint64_t>(size);
    start.bytes = AlignedBytes(std::min(start.file_bytes, bytes_max));
    const std::int64_t got = file.read(start.bytes.mutable_bytes());
    if (got < 0) return failure(ErrorCode::io, "cannot read " + path, errno);
    if (static_cast<std::size_t>(got) != start.bytes.bytes().size())
        return failure(ErrorCode::io, path + " became shorter while it was read");
    return start;
}

// A list may come through a pipe, so its size is not asked for.
Result<std::string> read_list(const std::string& path) {
    constexpr std::size_t step = 1u << 20;
    const OpenFile file(path);
    if (!file.is_open()) return failure(ErrorCode::io, "cannot open " + path, errno);
    std::string text;
    for (;;) {
        const std::size_t had = text.size();
        text.resize(had + step);
        const std::int64_t got =
            file.read({reinterpret_cast<std::uint8_t*>(text.data()) + had, step});
        if (got < 0) return failure(ErrorCode::io, "cannot read " + path, errno);
        text.resize(had + static_cast<std::size_t>(got));
        if (static_cast<std::size_t>(got) < step) return text;
    }
}

Result<TagKeyBytes> random_key() {
    TagKeyBytes key;
    if (::getrandom(key.data(), key.size(), 0) != static_cast<ssize_t>(key.size()))
        return failure(ErrorCode::io, "the kernel gives no random numbers", errno);
    return key;
}

// Reads lists into one section of a builder.
class ListReader {
  public:
    ListReader(IndexBuilder* builder, std::uint32_t section, const ListDefaults& defaults,
               BuildReport* report)
        : builder_(builder), section_(section), defaults_(defaults), report_(report) {}

    Result<void> read(const std::string& path, std::uint64_t list_number) {
        const Result<std::string> text = read_list(path);
        if (!text) return Failure(text.error());
        std::string_view rest = *text;
        std::string_view line;
        for (std::uint64_t number = 1; next_line(&rest, &line); ++number) {
            ListEntry entry;
            const ListLineStatus status = parse_list_line(line, &entry);
            if (status == ListLineStatus::blank) continue;
            if (status != ListLineStatus::entry)
                return failure(ErrorCode::integrity, at(path, number) + list_line_text(status));
            ++report_->rows;
            add(entry, path, number, list_number << 32 | number);
        }
        return {};
    }

  private:
    static std::string at(const std::string& path, std::uint64_t line) {
        return path + ":" + std::to_string(line) + ": ";
    }

    void add(const ListEntry& entry, const std::string& path, std::uint64_t line,
             std::uint64_t reference) {
        std::string why;
        const AddOutcome outcome = entry.kind == IndicatorKind::pattern
                                       ? add_pattern(entry, reference, &why)
                                       : add_digest(entry, reference);
        if (outcome == AddOutcome::added) return;
        ++report_->rows_refused;
        if (report_->refused.size() >= row_reports_max) return;
        std::string text = at(path, line) + add_outcome_text(outcome);
        if (!why.empty()) text += ": " + why;
        report_->refused.push_back({path, line, text});
    }

    AddOutcome add_digest(const ListEntry& entry, std::uint64_t reference) {
        return builder_->add(section_, {.kind = entry.kind,
                                        .digest = entry.digest_bytes(),
                                        .reference = reference,
                                        .size = entry.size,
                                        .head = entry.head,
                                        .source = defaults_.source,
                                        .category = defaults_.category,
                                        .flags = defaults_.flags});
    }

    // Reports, and never blocks: a lab list has no word for anything else.
    AddOutcome add_pattern(const ListEntry& entry, std::uint64_t reference, std::string* why) {
        const auto flags = static_cast<std::uint8_t>(defaults_.flags | record_flag::report_only);
        return builder_->add_pattern(section_,
                                     {.text = std::string(entry.pattern),
                                      .syntax = entry.syntax,
                                      .reference = reference,
                                      .source = defaults_.source,
                                      .category = defaults_.category,
                                      .flags = flags},
                                     why);
    }

    IndexBuilder* builder_;
    std::uint32_t section_;
    const ListDefaults& defaults_;
    BuildReport* report_;
};

// Everything but where the image goes.
template <typename Build>
Result<BuildReport> build_from_lists(const std::vector<std::string>& lists,
                                     const LabIndexOptions& options, Build&& build) {
    Result<TagKeyBytes> key = options.key ? Result<TagKeyBytes>(*options.key) : random_key();
    if (!key) return Failure(key.error());
    IndexBuilder builder(
        {.lab = true, .generation = options.generation, .created_s = options.created_s});
    const Result<std::uint32_t> section =
        builder.add_section({.name = options.section_name,
                             .kind = SectionKind::lab,
                             .ceiling = options.ceiling,
                             .generation = options.generation,
                             .terms = terms_until(options.not_after_s)},
                            *key);
    OPENSSL_cleanse(key->data(), key->size());
    if (!section) return Failure(section.error());

    BuildReport report;
    if (const Result<void> read = add_lists(lists, options.defaults, *section, &builder, &report);
        !read)
        return Failure(read.error());
    const Result<BuiltIndex> built = build(builder);
    if (!built) return Failure(built.error());
    report.built = *built;
    return report;
}

SectionDescription describe(const SectionDescriptor& section) {
    SectionDescription out = {.name = section.name,
                              .kind = section.kind,
                              .ceiling = section.ceiling,
                              .purpose = section.purpose,
                              .epoch = section.epoch,
                              .generation = section.generation,
                              .terms = section.terms,
                              .key_in_file = !std::ranges::all_of(
                                  section.key, [](std::uint8_t byte) { return byte == 0; }),
                              .tags = section.tag_count,
                              .records = section.record_count,
                              .bytes = 0,
                              .kind_tags = {},
                              .kind_tags_sized = {},
                              .kind_tags_headed = {}};
    for (const PartDescriptor& part : section.parts)
        out.bytes += part.bytes;
    std::copy_n(section.kind_tags, indicator_kind_count, out.kind_tags);
    std::copy_n(section.kind_tags_sized, indicator_kind_count, out.kind_tags_sized);
    std::copy_n(section.kind_tags_headed, indicator_kind_count, out.kind_tags_headed);
    return out;
}

IndexDescription describe(const IndexHead& head) {
    IndexDescription out = {.lab = head.flags != 0,
                            .version = head.version,
                            .generation = head.generation,
                            .created_s = head.created_s,
                            .bytes = head.total_bytes,
                            .tags = 0,
                            .patterns = 0,
                            .sections = {}};
    for (const SectionDescriptor& section : std::span(head.sections).first(head.section_count)) {
        out.sections.push_back(describe(section));
        out.tags += section.tag_count;
        out.patterns += section.kind_tags[static_cast<std::size_t>(IndicatorKind::pattern)];
    }
    return out;
}

Result<IndexDescription> described(const std::string& path, const FileStart& file,
                                   IndexStatus status, const char* why) {
    if (status != IndexStatus::ok) return failure(ErrorCode::integrity, path + ": " + why);
    return describe(*reinterpret_cast<const IndexHead*>(file.bytes.bytes().data()));
}

}  // namespace

Result<void> add_lists(const std::vector<std::string>& lists, const ListDefaults& defaults,
                       std::uint32_t section, IndexBuilder* builder, BuildReport* report) {
    ListReader reader(builder, section, defaults, report);
    for (std::size_t i = 0; i < lists.size(); ++i) {
        if (const Result<void> read = reader.read(lists[i], i + 1); !read) return read;
    }
    return {};
}

Result<BuildReport> build_lab_index(const std::vector<std::string>& lists,
                                    const LabIndexOptions& options, const std::string& path) {
    return build_from_lists(lists, options,
                            [&](IndexBuilder& builder) { return builder.build(path); });
}

Result<BuildReport> build_lab_index(const std::vector<std::string>& lists,
                                    const LabIndexOptions& options, AlignedBytes* image) {
    return build_from_lists(lists, options,
                            [&](IndexBuilder& builder) { return builder.build_image(image); });
}

Result<IndexDescription> describe_index(const std::string& path) {
    const Result<FileStart> file = read_start(path, sizeof(IndexHead));
    if (!file) return Failure(file.error());
    const char* why = "";
    const IndexStatus status = verify_index_head(file->bytes.bytes(), file->file_bytes, &why);
    return described(path, *file, status, why);
}

Result<IndexDescription> check_index(const std::string& path) {
    const Result<FileStart> file = read_start(path, UINT64_MAX);
    if (!file) return Failure(file.error());
    const char* why = "";
    const IndexStatus status = verify_index(file->bytes.bytes(), &why);
    return described(path, *file, status, why);
}

}  // namespace cordon
