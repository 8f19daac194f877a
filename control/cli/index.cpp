// `cordonctl index build|show|check`.

#include <sys/mman.h>
#include <unistd.h>

#include <cinttypes>
#include <random>

#include "control/cli/cli.h"
#include "control/daemon/clocks.h"
#include "control/index/index_files.h"
#include "control/index/list_writer.h"
#include "control/link/link_json.h"
#include "dataplane/base/descriptor.h"

namespace cordon {

namespace {

using nlohmann::json;

constexpr std::uint64_t random_max = 100'000'000;

// A list of random digests, as a file without a name: it goes the way of every other list.
class RandomList {
  public:
    static Result<RandomList> make(std::uint64_t count, std::uint64_t seed) {
        RandomList list;
        list.file_ = Descriptor(::memfd_create("random indicators", MFD_CLOEXEC));
        if (!list.file_.valid()) return failure(ErrorCode::memory, "cannot make a list", errno);
        std::mt19937_64 random(seed);
        std::string text;
        for (std::uint64_t i = 0; i < count; ++i) {
            // In steps: the arguments of one call would be drawn in any order.
            for (int word = 0; word < 4; ++word) {
                char digits[17];
                std::snprintf(digits, sizeof digits, "%016" PRIx64, random());
                text.append(digits, 16);
            }
            text += '\n';
            constexpr std::size_t block = 1u << 20;
            if (text.size() < block && i + 1 < count) continue;
            const ssize_t written = ::write(list.file_.get(), text.data(), text.size());
            if (written != static_cast<ssize_t>(text.size())) {
                return failure(ErrorCode::memory, "not enough memory for random indicators", errno);
            }
            text.clear();
        }
        return list;
    }

    std::string path() const { return "/proc/self/fd/" + std::to_string(file_.get()); }

  private:
    Descriptor file_;
};

json end_or_null(std::uint64_t unix_s) {
    return unix_s == index_no_end ? json(nullptr) : json(utc_time(unix_s));
}

json section_json(const SectionDescription& s) {
    json kinds = json::object();
    for (std::size_t i = 0; i < indicator_kind_count; ++i) {
        if (s.kind_tags[i] == 0) continue;
        kinds[indicator_kind_name(static_cast<IndicatorKind>(i))] = {
            {"indicators", s.kind_tags[i]},
            {"with_size", s.kind_tags_sized[i]},
            {"with_head", s.kind_tags_headed[i]}};
    }
    return {{"name", s.name},
            {"kind", section_kind_name(s.kind)},
            {"ceiling", rights_ceiling_name(s.ceiling)},
            {"epoch", s.epoch},
            {"generation", s.generation},
            {"not_after", end_or_null(s.terms.not_after_s)},
            {"fresh_until", end_or_null(s.terms.fresh_until_s)},
            {"weak_until", end_or_null(s.terms.weak_until_s)},
            {"block_until", end_or_null(s.terms.block_until_s)},
            {"key", s.key_in_file ? "in the file" : "sealed"},
            {"indicators", s.tags + s.kind_tags[static_cast<std::size_t>(IndicatorKind::pattern)]},
            {"records", s.records},
            {"bytes", s.bytes},
            {"kinds", kinds}};
}

json description_json(const IndexDescription& d) {
    json sections = json::array();
    for (const SectionDescription& section : d.sections)
        sections.push_back(section_json(section));
    return {{"lab", d.lab},
            {"version", d.version},
            {"generation", d.generation},
            {"created", utc_time(d.created_s)},
            {"bytes", d.bytes},
            {"indicators", d.tags + d.patterns},
            {"sections", sections}};
}

void print_description(const Context& context, const std::string& path, const json& d) {
    std::string page = printable(path) + ": generation " +
                       std::to_string(d.at("generation").get<std::uint64_t>()) + ", " +
                       grouped(d.at("indicators").get<std::uint64_t>()) + " indicators, " +
                       byte_size(d.at("bytes").get<std::uint64_t>()) + ", made " +
                       local_time(d.at("created").get<std::string>()) +
                       (d.at("lab").get<bool>() ? ", " + context.screen.red("LAB") : "") + "\n\n";
    Table table({{"SECTION"},
                 {"KIND"},
                 {"MAY"},
                 {"EPOCH", true},
                 {"GENERATION", true},
                 {"KEY"},
                 {"ENDS"},
                 {"INDICATORS", true},
                 {"WITH SIZE", true},
                 {"WITH HEAD", true}});
    for (const json& s : d.at("sections")) {
        const json& end = s.at("not_after");
        const std::string name = printable(s.at("name").get<std::string>());
        const std::string ends = end.is_string() ? local_time(end.get<std::string>()) : "never";
        for (const auto& [kind, counts] : s.at("kinds").items()) {
            table.row({name, kind, s.at("ceiling").get<std::string>(),
                       std::to_string(s.at("epoch").get<std::uint64_t>()),
                       std::to_string(s.at("generation").get<std::uint64_t>()),
                       s.at("key").get<std::string>(), ends,
                       grouped(counts.at("indicators").get<std::uint64_t>()),
                       grouped(counts.at("with_size").get<std::uint64_t>()),
                       grouped(counts.at("with_head").get<std::uint64_t>())});
        }
    }
    context.print(
        page + (table.empty() ? "No section holds an indicator.\n" : table.text(context.screen)));
}

int print_result(Context& context, const Result<IndexDescription>& description) {
    if (!description) return context.fail(description.error());
    const json d = description_json(*description);
    if (context.json()) {
        context.print_json(d);
    } else {
        print_description(context, context.words[0], d);
    }
    return 0;
}

int print_report(Context& context, const std::string& path, const LabIndexOptions& options,
                 const BuildReport& report) {
    if (context.json()) {
        json refused = json::array();
        for (const RowReport& row : report.refused)
            refused.push_back(row.text);
        context.print_json({{"file", path},
                            {"lab", true},
                            {"generation", options.generation},
                            {"rows", report.rows},
                            {"rows_refused", report.rows_refused},
                            {"refused", refused},
                            {"indicators", report.built.tags + report.built.patterns},
                            {"duplicates", report.built.duplicates},
                            {"bytes", report.built.bytes}});
        return 0;
    }
    for (const RowReport& row : report.refused)
        context.complain("left out: " + printable(row.text));
    context.print("LAB index " + printable(path) + ": generation " +
                  std::to_string(options.generation) + ", " +
                  grouped(report.built.tags + report.built.patterns) + " indicators, " +
                  byte_size(report.built.bytes) + "; " + grouped(report.built.duplicates) +
                  " listed twice, " + grouped(report.rows_refused) + " left out\n");
    return 0;
}

}  // namespace

int run_index_build(Context& context) {
    if (!context.has(Flag::output)) {
        return context.fail({ErrorCode::usage, "index build needs --output FILE"});
    }
    LabIndexOptions options;
    options.section_name = context.get(Flag::section, "lab");
    options.created_s = unix_seconds();
    const Result<std::uint64_t> generation =
        number_of(context, Flag::generation, options.created_s, INT64_MAX);
    const Result<std::uint64_t> count = number_of(context, Flag::random, 0, random_max);
    const Result<std::uint64_t> seed = number_of(context, Flag::seed, 1, UINT64_MAX);
    for (const auto* number : {&generation, &count, &seed}) {
        if (!*number) return context.fail(number->error());
    }
    options.generation = *generation;

    std::vector<std::string> lists = context.words;
    std::optional<RandomList> random;
    if (*count > 0) {
        Result<RandomList> made = RandomList::make(*count, *seed);
        if (!made) return context.fail(made.error());
        random.emplace(std::move(*made));
        lists.push_back(random->path());
    }
    if (lists.empty()) {
        return context.fail({ErrorCode::usage, "index build needs a LISTFILE or --random N"});
    }
    const std::string path = context.get(Flag::output);
    const Result<BuildReport> report = build_lab_index(lists, options, path);
    if (!report) return context.fail(report.error());
    return print_report(context, path, options, *report);
}

int run_index_list(Context& context) {
    json lines = json::array();
    for (const std::string& path : context.words) {
        const Result<std::vector<std::string>> files = files_below(path);
        if (!files) return context.fail(files.error());
        for (const std::string& file : *files) {
            const Result<std::string> line = list_line_of(file);
            if (!line) return context.fail(line.error());
            if (context.json()) {
                lines.push_back(line->substr(0, line->find('\n')));
            } else {
                context.print(*line);
            }
        }
    }
    if (context.json()) context.print_json({{"lines", lines}});
    return 0;
}

int run_index_show(Context& context) {
    return print_result(context, describe_index(context.words[0]));
}

int run_index_check(Context& context) {
    const Result<IndexDescription> checked = check_index(context.words[0]);
    if (checked && !context.json()) context.print("Every byte is right.\n");
    return print_result(context, checked);
}

}  // namespace cordon
