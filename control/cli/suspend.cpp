// `cordonctl suspend`: what a case matched does nothing here for a while.

#include "control/cli/cli.h"

namespace cordon {

using nlohmann::json;

namespace {

Result<json> request_of(const Context& context) {
    const Result<std::uint64_t> seconds = seconds_of_flag(context, Flag::span, "for");
    if (!seconds) return Failure(seconds.error());
    if (context.has(Flag::end) == (*seconds != 0))
        return failure(ErrorCode::usage, "a suspension needs its length (--for 7d), or --end");
    if (context.get(Flag::reason).empty())
        return failure(ErrorCode::usage, "a suspension needs --reason; it is recorded");
    return json{{"request", "suspend"},
                {"case", context.words[0]},
                {"seconds", *seconds},
                {"reason", context.get(Flag::reason)}};
}

}  // namespace

int run_suspend(Context& context) {
    const Result<json> request = request_of(context);
    if (!request) return context.fail(request.error());
    const Result<json> done = ask_slowly(context, *request);
    if (!done) return context.fail(done.error());
    if (done->contains("pending")) return tell_pending(context, *done);
    if (context.json()) {
        context.print_json(*done);
        return 0;
    }
    context.print(context.has(Flag::end)
                      ? "What case " + printable(context.words[0]) + " matched acts again.\n"
                      : "What case " + printable(context.words[0]) +
                            " matched does nothing here from now on; `cordonctl suspend --end` "
                            "ends it sooner.\n");
    return 0;
}

}  // namespace cordon
