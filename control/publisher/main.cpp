// cordon-feed: the publisher's side of a feed. Imports what sources list, has people sign it, and
// writes a folder that any web server can serve.
#include <unistd.h>

#include <cstdio>
#include <ctime>

#include "control/cli/text.h"
#include "control/publisher/command_line.h"
#include "dataplane/contract/version.h"

namespace cordon::feed {

std::uint64_t now_s() {
    return static_cast<std::uint64_t>(std::time(nullptr));
}

void print(const std::string& line) {
    std::fputs((line + "\n").c_str(), stdout);
}

std::function<std::string(const std::string&)> text_of_at_most(std::size_t bytes) {
    return [bytes](const std::string& text) {
        if (text.empty() || text.size() > bytes)
            return "1 to " + std::to_string(bytes) + " bytes of text";
        return text == printable(text) ? std::string()
                                       : std::string(
                                             "text without control "
                                             "characters, in UTF-8");
    };
}

std::string grouped_number(std::uint64_t number) {
    return grouped(number);
}

Progress progress_bar(const std::string& what) {
    if (::isatty(STDERR_FILENO) != 1) return {};
    return [what](std::uint64_t done, std::uint64_t total) {
        constexpr std::size_t width = 40;
        const std::size_t full = total == 0 ? width : std::size_t{width * done / total};
        std::fprintf(stderr, "\r%-12s [%s%s] %s", what.c_str(), std::string(full, '#').c_str(),
                     std::string(width - full, '.').c_str(), grouped(done).c_str());
        if (done >= total) std::fputc('\n', stderr);
    };
}

void print_difference(const Difference& difference) {
    print("generation " + std::to_string(difference.from) + " → " + std::to_string(difference.to) +
          ": " + grouped(difference.added) + " added, " + grouped(difference.removed) +
          " removed, " + grouped(difference.count) + " records afterwards");
    Table table({{"source"}, {"category"}, {"what"}, {"added", true}, {"removed", true}});
    for (const DifferenceLine& line : difference.lines) {
        table.row({printable(line.source_name), category_name(line.category), line.what,
                   grouped(line.added), grouped(line.removed)});
    }
    if (!table.empty()) std::fputs(table.text({}).c_str(), stdout);
}

namespace {

int complain(const Error& error) {
    std::fprintf(stderr, "cordon-feed: %s\n", error.message().c_str());
    return static_cast<int>(error.code);
}

int run_line(int argc, char** argv) {
    CLI::App app("makes, signs and publishes a feed of indicators", "cordon-feed");
    app.require_subcommand(1);
    app.set_version_flag("--version", std::string(::cordon::version));
    Run run;
    add_making_commands(app, &run);
    add_listing_commands(app, &run);
    add_publishing_commands(app, &run);
    add_revoking_commands(app, &run);
    add_granting_commands(app, &run);
    add_verifying_commands(app, &run);
    add_backing_up_commands(app, &run);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : static_cast<int>(ErrorCode::usage);
    }
    try {
        const Result<void> done = run();
        return done ? 0 : complain(done.error());
    } catch (const nlohmann::json::exception&) {
        // The edge of that library: our own store gave something of another shape.
        return complain({ErrorCode::integrity, "the store is damaged", 0});
    }
}

}  // namespace
}  // namespace cordon::feed

int main(int argc, char** argv) {
    return cordon::feed::run_line(argc, argv);
}
