#include "control/store/postgres_url.h"

#include <libpq-fe.h>

#include <memory>

namespace cordon {

namespace {

struct OptionsEnd {
    void operator()(PQconninfoOption* options) const { PQconninfoFree(options); }
};
using UrlOptions = std::unique_ptr<PQconninfoOption, OptionsEnd>;

// What libpq says is wrong holds parts of the address, so it is not told.
UrlOptions options_of(const std::string& url) {
    char* error = nullptr;
    UrlOptions options(PQconninfoParse(url.c_str(), &error));
    PQfreemem(error);
    return options;
}

std::string_view value_of(const UrlOptions& options, std::string_view keyword) {
    for (const PQconninfoOption* one = options.get(); one->keyword != nullptr; ++one)
        if (keyword == one->keyword) return one->val == nullptr ? "" : one->val;
    return "";
}

}  // namespace

std::string_view postgres_url_fault(const std::string& url) {
    if (!url.starts_with("postgresql://")) return "must be postgresql://…, but it begins otherwise";
    const UrlOptions options = options_of(url);
    if (!options) return "libpq does not understand it";
    for (const char* secret : {"password", "sslpassword"})
        if (!value_of(options, secret).empty())
            return "it must not hold a password: name a file of them by ?passfile=/PATH";
    if (!value_of(options, "replication").empty()) return "it asks for replication";
    return "";
}

std::string shown_postgres_url(const std::string& url) {
    const UrlOptions options = options_of(url);
    if (!options) return "postgresql://";
    const auto part = [&](std::string_view before, const char* keyword, std::string_view after) {
        const std::string_view value = value_of(options, keyword);
        return value.empty() ? std::string()
                             : std::string(before) + std::string(value) + std::string(after);
    };
    return "postgresql://" + part("", "user", "@") + part("", "host", "") + part(":", "port", "") +
           part("/", "dbname", "");
}

}  // namespace cordon
