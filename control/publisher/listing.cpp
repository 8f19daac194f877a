// import, withdraw, diff, why.
#include <iterator>
#include <memory>

#include "control/cli/text.h"
#include "control/feed/sealed_part.h"
#include "control/index/atomic_file.h"
#include "control/index/list_parser.h"
#include "control/publisher/command_line.h"
#include "control/publisher/folder.h"
#include "control/publisher/intake.h"
#include "control/publisher/ncmec.h"
#include "control/publisher/stix.h"
#include "control/publisher/vics.h"
#include "dataplane/contract/test_vector.h"

namespace cordon::feed {
namespace {

constexpr std::uint64_t list_bytes_max = std::uint64_t{8} << 30;

struct ImportOptions {
    std::string directory;
    std::vector<std::string> files;
    std::string source;
    std::string purpose;
    std::string format;
    std::string columns;
    std::string separator = ",";
    std::vector<std::string> categories, known_good;
    std::string system_root = "/usr";
    std::string dpkg = "/var/lib/dpkg/info";
    bool full = false, incremental = false, weak = false, report_only = false;
};

constexpr const char* formats[] = {"plain", "csv", "vics", "ncmec", "stix", "folder"};

std::string format_of(const ImportOptions& options) {
    if (!options.format.empty()) return options.format;
    return options.columns.empty() ? "plain" : "csv";
}

// What stands between a file's name and the number of a row.
const char* row_word(const std::string& format) {
    return format == "vics" || format == "stix" ? ": item " : ":";
}

Result<ReadRows> read_text(const std::string& format, const std::string& text,
                           const ImportOptions& options, const CategoryMap& categories) {
    const Progress progress = progress_bar("reading");
    if (format == "vics") return read_vics(text, categories, progress);
    if (format == "ncmec") return read_ncmec(text, categories, progress);
    if (format == "stix") return read_stix(text, categories, now_s(), progress);
    if (format == "plain") return read_plain(text, categories, progress);
    const char separator = options.separator == "tab" ? '\t' : options.separator[0];
    const Result<ColumnMap> columns = parse_columns(options.columns, separator);
    if (!columns) return Failure(columns.error());
    return read_csv(text, *columns, categories, progress);
}

// All files of one import are one list: with --full, what none of them names is withdrawn.
class ListFiles {
  public:
    explicit ListFiles(const ImportOptions& options)
        : options_(options), format_(format_of(options)) {}
    std::vector<Row> rows;
    std::uint64_t passed_over = 0;

    Result<void> read() {
        if (format_ == "csv" && options_.columns.empty())
            return failure(ErrorCode::usage, "say what the columns hold: --columns");
        CategoryMap categories;
        for (const std::string& text : options_.categories) {
            if (auto added = add_category(text, &categories); !added) return added;
        }
        for (const std::string& name : options_.files) {
            if (auto done = read_file(name, categories); !done) return done;
        }
        if (problems_ != 0)
            return failure(ErrorCode::refused,
                           grouped(problems_) + " rows are wrong; nothing was imported");
        if (options_.full && ends_ == 0)
            return failure(ErrorCode::refused,
                           "the list goes on in another file: --full takes all of them at once");
        return {};
    }

    std::string problem_lines(const std::vector<RowProblem>& problems, std::uint64_t count) const {
        std::string text;
        for (const RowProblem& problem : problems) {
            text += printable(names_[problem.file]);
            if (problem.line != 0) text += row_word(format_) + std::to_string(problem.line);
            text += ": " + problem.why + "\n";
        }
        if (count > problems.size())
            text += "… and " + grouped(count - problems.size()) + " more\n";
        return text;
    }

  private:
    Result<void> read_file(const std::string& name, const CategoryMap& categories) {
        const auto file = static_cast<std::uint32_t>(names_.size());
        names_.push_back(name);
        Result<ReadRows> read = ReadRows();
        if (format_ == "folder") {
            read = read_folder(name, categories, &names_, progress_bar("reading"));
        } else {
            const Result<std::string> text = read_whole_file(name, list_bytes_max);
            if (!text) return Failure(text.error());
            read = read_text(format_, *text, options_, categories);
        }
        if (!read) return Failure(read.error());
        // A row of a folder says itself which file it is of.
        for (Row& row : read->rows)
            row.file = row.file == 0 ? file : row.file;
        for (RowProblem& problem : read->problems)
            problem.file = problem.file == 0 ? file : problem.file;
        std::fputs(problem_lines(read->problems, read->problem_count).c_str(), stderr);
        problems_ += read->problem_count;
        passed_over += read->passed_over;
        if (!read->more_follows) ++ends_;
        std::move(read->rows.begin(), read->rows.end(), std::back_inserter(rows));
        return {};
    }

    const ImportOptions& options_;
    const std::string format_;
    std::vector<std::string> names_;  // by Row::file
    std::uint64_t problems_ = 0;
    std::size_t ends_ = 0;  // files that do not say that the list goes on
};

KindSet kinds_of(const std::vector<Row>& rows) {
    KindSet kinds;
    for (const Row& row : rows) {
        for (std::size_t i = 0; i < row.digest_count; ++i)
            kinds.add(row.digests[i].kind);
    }
    return kinds & exact_kinds;
}

// As far as rows of these kinds can be told to be of good files.
Result<KnownGood> known_good_of(const ImportOptions& options, const FeedStore& store,
                                KindSet kinds) {
    KnownGood known;
    if (auto added = known.add_dpkg(options.dpkg); !added) return Failure(added.error());
    KnownFiles files(options.system_root, store.path("known-files.db"), nullptr,
                     KnownFiles::Pace::full);
    const auto system = known.add_system(files, kinds, progress_bar("known good"));
    if (!system) return Failure(system.error());
    if (!files.unreadable().empty())
        std::fputs(("known good: " + files.unreadable() + "\n").c_str(), stderr);
    for (const std::string& list : options.known_good) {
        if (auto added = known.add_list(list); !added) return Failure(added.error());
    }
    known.seal();
    return known;
}

Result<void> run_import(const ImportOptions& options) {
    if (options.full == options.incremental)
        return failure(ErrorCode::usage,
                       "say --full (what is not in it is withdrawn) or --incremental");
    if (options.purpose != purpose_known_csam)
        return failure(ErrorCode::refused,
                       "a list for \"" + printable(options.purpose) +
                           "\" is refused: the law allows these tools for known-csam only");
    const auto store = FeedStore::open(options.directory);
    if (!store) return Failure(store.error());
    ListFiles list(options);
    if (const auto read = list.read(); !read) return read;
    const Result<KnownGood> known = known_good_of(options, **store, kinds_of(list.rows));
    if (!known) return Failure(known.error());
    ImportOf about = {options.source, options.files.front(), options.full, 0, now_s()};
    if (options.weak) about.flags |= record_flag::weak;
    if (options.report_only) about.flags |= record_flag::report_only;
    const auto done =
        import_rows(**store, about, std::move(list.rows), *known, progress_bar("importing"));
    if (!done) return Failure(done.error());
    std::fputs(list.problem_lines(done->refusals, done->refused).c_str(), stderr);
    print("import " + std::to_string(done->number) + " of " + printable(options.source) + ": " +
          grouped(done->rows) + " rows, " + grouped(done->added) + " indicators added, " +
          grouped(done->kept) + " kept, " + grouped(done->withdrawn) + " withdrawn, " +
          grouped(done->refused) + " rows refused" +
          (list.passed_over == 0 ? "" : ", " + grouped(list.passed_over) + " items passed over"));
    return {};
}

struct WithdrawOptions {
    std::string directory;
    std::uint64_t reference = 0;
    std::string reason;
    bool undo = false;
};

Result<void> withdraw(const WithdrawOptions& options) {
    const auto store = FeedStore::open(options.directory);
    if (!store) return Failure(store.error());
    if (!options.undo && options.reason.empty())
        return failure(ErrorCode::usage, "say why: --reason TEXT");
    Statement query((*store)->db(), "SELECT 1 FROM digest WHERE reference = ?");
    query.bind_unsigned(options.reference);
    if (!query.row())
        return failure(ErrorCode::refused,
                       "no item has the reference " + std::to_string(options.reference));
    query.reset();
    return (*store)->transaction([&]() -> Result<void> {
        Statement change((*store)->db(),
                         options.undo ? "DELETE FROM withdrawal WHERE reference = ?"
                                      : "INSERT OR REPLACE INTO withdrawal VALUES (?, ?, ?)");
        change.bind_unsigned(options.reference);
        if (!options.undo) change.bind(options.reason).bind_unsigned(now_s());
        change.run();
        (*store)->note(now_s(), (options.undo ? "withdrawal undone of " : "withdrawn ") +
                                    std::to_string(options.reference) + " " + options.reason);
        return {};
    });
}

Result<void> write_vector(const std::string& file) {
    const std::string text = test_vector();
    return write_file_atomically(file, as_bytes(text), 0644);
}

Result<void> diff(const std::string& directory) {
    const auto store = FeedStore::open(directory);
    if (!store) return Failure(store.error());
    const Result<Difference> difference = asserted_difference(**store);
    if (!difference) return Failure(difference.error());
    print_difference(*difference);
    return {};
}

// What is listed, as its source would write it.
std::string shown(IndicatorKind kind, const Statement& row) {
    if (kind != IndicatorKind::pattern)
        return to_hex(row.blob(1)) +
               (row.is_null(7) ? "" : " within " + std::to_string(row.integer(7)));
    PatternSyntax syntax = {};
    std::string_view text;
    if (!read_pattern_part(as_text(row.blob(1)), &syntax, &text)) return "damaged";
    return (syntax == PatternSyntax::literal ? "pattern: " : "expression: ") +
           printable(std::string(text));
}

void print_assertions(FeedStore& store, std::uint64_t reference) {
    Statement query(store.db(),
                    "SELECT d.kind, d.digest, s.name, a.category, a.flags, i.file, a.since, "
                    "a.distance FROM digest d LEFT JOIN assertion a USING (kind, digest) "
                    "LEFT JOIN source s ON s.number = a.source "
                    "LEFT JOIN import i ON i.number = a.import "
                    "WHERE d.reference = ? ORDER BY d.kind, d.digest, s.name");
    query.bind_unsigned(reference);
    Table table({{"kind"}, {"digest"}, {"source"}, {"category"}, {"since"}, {"last file"}});
    while (query.row()) {
        const auto kind = static_cast<IndicatorKind>(query.integer(0));
        const bool lives = !query.is_null(2);
        table.row({indicator_kind_name(kind), shown(kind, query),
                   lives ? printable(query.text(2)) : "nobody",
                   lives ? category_name(static_cast<std::uint8_t>(query.integer(3))) : "-",
                   lives ? write_time(query.number(6)) : "-",
                   lives ? printable(query.text(5)) : "-"});
    }
    std::fputs(table.text({}).c_str(), stdout);
}

Result<void> why(const std::string& directory, std::uint64_t reference) {
    const auto store = FeedStore::open(directory);
    if (!store) return Failure(store.error());
    Statement known((*store)->db(), "SELECT 1 FROM digest WHERE reference = ?");
    known.bind_unsigned(reference);
    if (!known.row())
        return failure(ErrorCode::refused,
                       "no item has the reference " + std::to_string(reference));
    print_assertions(**store, reference);
    Statement withdrawn((*store)->db(), "SELECT reason, at FROM withdrawal WHERE reference = ?");
    withdrawn.bind_unsigned(reference);
    if (withdrawn.row())
        print("withdrawn at " + write_time(withdrawn.number(1)) + ": " +
              printable(withdrawn.text(0)));
    const Result<RecordSet> set = set_of(**store, published_generation(**store));
    if (!set) return Failure(set.error());
    std::size_t records = 0;
    for (const FeedRecord& record : set->records())
        records += record.reference == reference ? 1 : 0;
    print("in force: " + std::to_string(records) + " records of generation " +
          std::to_string(published_generation(**store)));
    return {};
}

void add_import(CLI::App& app, Run* run) {
    auto options = std::make_shared<ImportOptions>();
    CLI::App* command = app.add_subcommand("import", "take over what a source lists");
    command->add_option("DIR", options->directory, "folder of the feed")->required();
    command->add_option("FILE", options->files, "lists, together one import")->required();
    command->add_option("--source", options->source, "whose list it is")
        ->required()
        ->check(text_of_at_most(64));
    command->add_option("--purpose", options->purpose, "what the list is for: known-csam")
        ->required();
    command->add_flag("--full", options->full, "what it does not name is withdrawn");
    command->add_flag("--incremental", options->incremental, "what it does not name stays");
    command
        ->add_option("--format", options->format,
                     "plain, csv, vics (Project VIC's JSON), ncmec (hash sharing's XML), stix "
                     "(2.1), or folder (of the files themselves); csv with --columns, else "
                     "plain")
        ->check(CLI::IsMember(std::vector<std::string>(std::begin(formats), std::end(formats))));
    command->add_option("--columns", options->columns,
                        "of a CSV: md5=1,sha256=SHA-256,category=5 (number, or name in line 1); "
                        "without it the list is plain, a digest or pattern a line");
    command->add_option("--separator", options->separator, "of a CSV: one character, or tab")
        ->check([](const std::string& text) {
            return text.size() == 1 || text == "tab" ? "" : "one character, or tab";
        });
    command->add_option("--category", options->categories,
                        "THEIRS=OURS, THEIRS=drop, or OURS for the whole list");
    command->add_option("--known-good", options->known_good,
                        "list of digests that may not be listed: NSRL's text, or one a line");
    command->add_option("--system", options->system_root,
                        "a system whose files may not be listed (default /usr)");
    command->add_option("--dpkg", options->dpkg,
                        "folder of its package lists (default /var/lib/dpkg/info)");
    command->add_flag("--weak", options->weak, "the source vouches for it less");
    command->add_flag("--report-only", options->report_only, "a match may not block");
    command->callback([=] { *run = [=] { return run_import(*options); }; });
}

}  // namespace

void add_listing_commands(CLI::App& app, Run* run) {
    add_import(app, run);

    auto options = std::make_shared<WithdrawOptions>();
    CLI::App* command = app.add_subcommand("withdraw",
                                           "leave an item out, whoever asserts it, from the next "
                                           "generation on");
    command->add_option("DIR", options->directory, "folder of the feed")->required();
    command->add_option("REF", options->reference, "its reference")->required();
    command->add_option("--reason", options->reason, "why; it is recorded")
        ->check(text_of_at_most(500));
    command->add_flag("--undo", options->undo, "list it again");
    command->callback([=] { *run = [=] { return withdraw(*options); }; });

    auto vector = std::make_shared<std::string>();
    command = app.add_subcommand(
        "vector", "writes the harmless file of self-tests, to be listed with --category test");
    command->add_option("FILE", *vector, "the file to write")->required();
    command->callback([=] { *run = [=] { return write_vector(*vector); }; });

    auto directory = std::make_shared<std::string>();
    command = app.add_subcommand("diff", "what the next generation would change");
    command->add_option("DIR", *directory, "folder of the feed")->required();
    command->callback([=] { *run = [=] { return diff(*directory); }; });

    auto item = std::make_shared<std::pair<std::string, std::uint64_t>>();
    command = app.add_subcommand("why", "who asserts an item, and since when");
    command->add_option("DIR", item->first, "folder of the feed")->required();
    command->add_option("REF", item->second, "its reference")->required();
    command->callback([=] { *run = [=] { return why(item->first, item->second); }; });
}

}  // namespace cordon::feed
