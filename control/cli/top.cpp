// `cordonctl top`: the appliance live, by service. On a terminal a screen that is drawn anew, else
// a table for each interval.

// NCURSES_NOMACROS: its macros are words of the standard library (move, erase, clear …).
#define NCURSES_NOMACROS 1
#include <langinfo.h>
#include <ncurses.h>
#include <unistd.h>

#include <clocale>
#include <cstring>
#include <memory>

#include "control/cli/cli.h"
#include "control/cli/problems.h"
#include "control/cli/top_view.h"
#include "control/daemon/clocks.h"
#include "dataplane/base/time.h"

namespace cordon {

namespace {

using nlohmann::json;

constexpr std::uint64_t interval_s_default = 2;
constexpr std::uint64_t interval_s_max = 3600;

TopSample take_sample(const Context& context) {
    TopSample sample;
    sample.now_ns = monotonic_ms() * ns_per_ms;
    Result<json> status = fetch_status(context);
    if (!status) {
        sample.problem = status.error().message();
        return sample;
    }
    judge_status(&*status);
    sample.status = std::move(*status);
    const Result<json> coverage = fetch_coverage(context);
    if (coverage)
        sample.coverage = *coverage;
    else
        sample.problem = coverage.error().message();
    const json& dataplane = sample.status.at("dataplane");
    if (sample.problem.empty() && !dataplane.at("reachable").get<bool>())
        sample.problem = "the dataplane does not answer";
    return sample;
}

const char* name_of(TopOrder order) {
    switch (order) {
        case TopOrder::name:
            break;
        case TopOrder::objects:
            return "objects";
        case TopOrder::bytes:
            return "bytes";
        case TopOrder::blocked:
            return "blocked";
    }
    return "name";
}

TopOrder after(TopOrder order) {
    return order == TopOrder::blocked
               ? TopOrder::name
               : TopOrder{static_cast<std::uint8_t>(static_cast<std::uint8_t>(order) + 1)};
}

std::vector<std::string> lines_of(const TopSample& before, const TopSample& now,
                                  const TopSettings& settings) {
    std::vector<std::string> lines = top_head(before, now);
    lines.emplace_back();
    if (!now.problem.empty()) return lines;
    std::string table = top_table(top_services(before, now, settings)).text(Screen{});
    for (std::size_t at = 0; at < table.size();) {
        const std::size_t end = std::min(table.find('\n', at), table.size());
        lines.push_back(table.substr(at, end - at));
        at = end + 1;
    }
    return lines;
}

// The terminal, taken over until the end: what was on it comes back.
class TopScreen {
  public:
    explicit TopScreen(const Context& context)
        : screen_(::newterm(nullptr, context.out, stdin), ::delscreen) {
        if (screen_ == nullptr) return;
        ::cbreak();
        ::noecho();
        ::curs_set(0);
        ::keypad(stdscr, true);
    }
    ~TopScreen() {
        if (screen_ != nullptr) ::endwin();
    }
    TopScreen(const TopScreen&) = delete;
    TopScreen& operator=(const TopScreen&) = delete;

    bool works() const { return screen_ != nullptr; }

    void draw(const std::vector<std::string>& lines, const std::string& foot) {
        ::werase(stdscr);
        const int rows = getmaxy(stdscr);
        for (int row = 0; row < rows - 1 && row < static_cast<int>(lines.size()); ++row) {
            // The head of the table stands behind the empty line.
            const bool is_head = row != 0 && lines[static_cast<std::size_t>(row) - 1].empty();
            if (is_head) ::wattron(stdscr, A_REVERSE);
            put(row, lines[static_cast<std::size_t>(row)]);
            if (is_head) ::wattroff(stdscr, A_REVERSE);
        }
        put(rows - 1, foot);
        ::wrefresh(stdscr);
    }

    // A key that comes within this time; ERR when none does.
    int key(std::uint64_t ms) {
        ::wtimeout(stdscr, static_cast<int>(ms));
        return ::wgetch(stdscr);
    }

  private:
    void put(int row, const std::string& line) {
        const int columns = getmaxx(stdscr);
        if (columns > 0 && row >= 0)
            ::mvwaddstr(stdscr, row, 0,
                        shortened_at_end(line, static_cast<std::size_t>(columns)).c_str());
    }

    static std::string shortened_at_end(const std::string& line, std::size_t columns) {
        std::size_t at = 0;
        for (std::size_t n = 0; at < line.size() && n < columns; ++n) {
            ++at;
            while (at < line.size() && (static_cast<unsigned char>(line[at]) & 0xc0) == 0x80)
                ++at;
        }
        return line.substr(0, at);
    }

    std::unique_ptr<SCREEN, void (*)(SCREEN*)> screen_;
};

struct Pace {
    std::uint64_t interval_ms;
    std::uint64_t rounds;  // 0: until interrupted
};

int print_rounds(Context& context, const Pace& pace) {
    TopSample before = take_sample(context);
    for (std::uint64_t n = 0; pace.rounds == 0 || n < pace.rounds; ++n) {
        ::usleep(static_cast<useconds_t>(pace.interval_ms * 1000));
        TopSample now = take_sample(context);
        if (context.json()) {
            context.print_json(top_json(before, now));
        } else {
            for (const std::string& line : lines_of(before, now, {}))
                context.print(line + "\n");
            context.print("\n");
        }
        if (std::fflush(context.out) != 0) return 0;  // whoever read it is gone
        if (pace.rounds != 0 && n + 1 == pace.rounds && !now.problem.empty())
            return static_cast<int>(ErrorCode::unreachable);
        before = std::move(now);
    }
    return 0;
}

std::string foot_of(const TopSettings& settings, bool paused) {
    return std::string("q quit   s order: ") + name_of(settings.order) +
           "   t verdicts: " + (settings.totals ? "in all" : "in the interval") + "   space " +
           (paused ? "go on" : "stop");
}

int show_screen(const Context& context, TopScreen* screen, const Pace& pace) {
    TopSample before = take_sample(context);
    TopSample now = before;
    TopSettings settings;
    bool paused = false;
    std::uint64_t due_ms = monotonic_ms() + std::min<std::uint64_t>(pace.interval_ms, 500);
    for (std::uint64_t n = 0; pace.rounds == 0 || n < pace.rounds;) {
        screen->draw(lines_of(before, now, settings), foot_of(settings, paused));
        const std::uint64_t now_ms = monotonic_ms();
        const int key = screen->key(due_ms > now_ms ? due_ms - now_ms : 0);
        if (key == 'q' || key == 'Q') break;
        if (key == 's') settings.order = after(settings.order);
        if (key == 't') settings.totals = !settings.totals;
        if (key == ' ') paused = !paused;
        if (monotonic_ms() < due_ms) continue;
        due_ms = monotonic_ms() + pace.interval_ms;
        if (paused) continue;
        before = std::move(now);
        now = take_sample(context);
        ++n;
    }
    return 0;
}

// Names of services may have any letter.
void use_utf8() {
    std::setlocale(LC_CTYPE, "");
    if (std::strcmp(::nl_langinfo(CODESET), "UTF-8") != 0) std::setlocale(LC_CTYPE, "C.UTF-8");
}

}  // namespace

int run_top(Context& context) {
    const Result<std::uint64_t> seconds = seconds_of_flag(context, Flag::interval, "interval");
    if (!seconds) return context.fail(seconds.error());
    if (*seconds > interval_s_max)
        return context.fail({ErrorCode::usage, "--interval is at most 60m"});
    const Result<std::uint64_t> rounds = number_of(context, Flag::limit, 0, 1'000'000);
    if (!rounds) return context.fail(rounds.error());
    const Pace pace{(*seconds == 0 ? interval_s_default : *seconds) * 1000, *rounds};
    if (!context.screen.terminal || context.json() || ::isatty(STDIN_FILENO) != 1)
        return print_rounds(context, pace);
    use_utf8();
    TopScreen screen(context);
    if (screen.works()) return show_screen(context, &screen, pace);
    context.complain("this terminal ($TERM) is not known: no screen, only tables");
    return print_rounds(context, pace);
}

}  // namespace cordon
