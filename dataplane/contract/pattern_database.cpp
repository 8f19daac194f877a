#include "dataplane/contract/pattern_database.h"

#include <hs/hs.h>

#include <cstdlib>

namespace cordon {
namespace {

constexpr unsigned flags_of(PatternSyntax syntax) {
    return syntax == PatternSyntax::literal ? HS_FLAG_SINGLEMATCH | HS_FLAG_CASELESS
                                            : HS_FLAG_SINGLEMATCH;
}

// Every byte that may mean something in an expression is written as its number.
std::string expression_of(const PatternText& pattern) {
    if (pattern.syntax == PatternSyntax::expression) return std::string(pattern.text);
    constexpr char digits[] = "0123456789abcdef";
    std::string expression;
    expression.reserve(4 * pattern.text.size());
    for (const char c : pattern.text) {
        const auto byte = static_cast<unsigned char>(c);
        const bool plain =
            (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (plain) {
            expression += c;
            continue;
        }
        expression += "\\x";
        expression += digits[byte >> 4];
        expression += digits[byte & 15];
    }
    return expression;
}

struct CompileErrorRelease {
    void operator()(hs_compile_error_t* error) const { hs_free_compile_error(error); }
};
using CompileError = std::unique_ptr<hs_compile_error_t, CompileErrorRelease>;

// "at 7: Missing close parenthesis": Hyperscan ends its sentences with a full stop.
std::string reason_of(const hs_compile_error_t* error) {
    std::string text = error == nullptr ? "not understood" : error->message;
    while (!text.empty() && text.back() == '.')
        text.pop_back();
    return text;
}

Failure compile_failure(const hs_compile_error_t* error) {
    const std::string at = error == nullptr || error->expression < 0
                               ? "the patterns"
                               : "pattern " + std::to_string(error->expression + 1);
    return failure(ErrorCode::integrity, at + " cannot be compiled: " + reason_of(error));
}

// A text of an expression that is found in next to every upload is none.
std::string width_fault(const std::string& expression, PatternSyntax syntax) {
    hs_expr_info_t* info = nullptr;
    hs_compile_error_t* raw = nullptr;
    const hs_error_t status = hs_expression_info(expression.c_str(), flags_of(syntax), &info, &raw);
    const CompileError error(raw);
    if (status != HS_SUCCESS) return reason_of(error.get());
    const bool short_enough_to_be_anywhere = info->min_width < limits::pattern_bytes_min;
    std::free(info);
    return short_enough_to_be_anywhere
               ? "it may match fewer than " + std::to_string(limits::pattern_bytes_min) + " bytes"
               : "";
}

bool within_limits(const hs_database* database) {
    std::size_t bytes = 0;
    return hs_database_size(database, &bytes) == HS_SUCCESS &&
           bytes <= limits::pattern_database_bytes_max &&
           pattern_state_bytes(database) <= limits::pattern_state_bytes_max;
}

}  // namespace

void DatabaseRelease::operator()(hs_database* database) const {
    hs_free_database(database);
}

Result<void> check_pattern_platform() {
    if (hs_valid_platform() == HS_SUCCESS) return {};
    return failure(ErrorCode::interface,
                   "this processor has no SSSE3, which Hyperscan needs to tell types of content");
}

std::string pattern_fault(const PatternText& pattern) {
    if (pattern.text.size() < limits::pattern_bytes_min)
        return "it is shorter than " + std::to_string(limits::pattern_bytes_min) + " bytes";
    if (pattern.text.size() > limits::pattern_bytes_max)
        return "it is longer than " + std::to_string(limits::pattern_bytes_max) + " bytes";
    if (pattern.text.find('\0') != std::string_view::npos) return "it has a zero byte";
    if (pattern.syntax == PatternSyntax::literal) return "";
    if (std::string why = width_fault(expression_of(pattern), pattern.syntax); !why.empty())
        return why;
    const Result<PatternDatabase> alone = compile_patterns({&pattern, 1});
    return alone ? "" : alone.error().text;
}

Result<PatternDatabase> compile_patterns(std::span<const PatternText> patterns) {
    std::vector<std::string> expressions;
    std::vector<const char*> texts;
    std::vector<unsigned> flags;
    std::vector<unsigned> ids;
    for (const PatternText& pattern : patterns) {
        expressions.push_back(expression_of(pattern));
        flags.push_back(flags_of(pattern.syntax));
        ids.push_back(static_cast<unsigned>(ids.size()));
    }
    for (const std::string& expression : expressions)
        texts.push_back(expression.c_str());
    hs_database_t* made = nullptr;
    hs_compile_error_t* raw = nullptr;
    const hs_error_t status =
        hs_compile_multi(texts.data(), flags.data(), ids.data(),
                         static_cast<unsigned>(texts.size()), HS_MODE_STREAM, nullptr, &made, &raw);
    PatternDatabase database(made);
    const CompileError error(raw);
    if (status != HS_SUCCESS) return compile_failure(error.get());
    if (!within_limits(made))
        return failure(ErrorCode::integrity,
                       "the patterns need more memory than is allowed: leave "
                       "out expressions with large repetitions");
    return database;
}

Result<std::vector<std::uint8_t>> serialise_patterns(const hs_database* database) {
    char* bytes = nullptr;
    std::size_t length = 0;
    if (hs_serialize_database(database, &bytes, &length) != HS_SUCCESS)
        return failure(ErrorCode::memory, "no memory to write the patterns down");
    std::vector<std::uint8_t> out(bytes, bytes + length);
    std::free(bytes);
    return out;
}

// The library checks its own head and a checksum over the rest. It does not look into the program
// in it: whoever can write an index that is accepted can harm the reader, which is why an index is
// only taken from this machine's own builder.
Result<PatternDatabase> read_patterns(Bytes serialised) {
    const char* bytes = reinterpret_cast<const char*>(serialised.data());
    std::size_t needed = 0;
    hs_error_t status = hs_serialized_database_size(bytes, serialised.size(), &needed);
    if (status == HS_DB_VERSION_ERROR || status == HS_DB_PLATFORM_ERROR) return PatternDatabase();
    if (status != HS_SUCCESS || needed > limits::pattern_database_bytes_max)
        return failure(ErrorCode::integrity, "the database of the patterns is damaged");
    hs_database_t* made = nullptr;
    status = hs_deserialize_database(bytes, serialised.size(), &made);
    PatternDatabase database(made);
    if (status == HS_DB_VERSION_ERROR || status == HS_DB_PLATFORM_ERROR) return PatternDatabase();
    if (status == HS_NOMEM) return failure(ErrorCode::memory, "no memory for the patterns");
    if (status != HS_SUCCESS || !within_limits(made))
        return failure(ErrorCode::integrity, "the database of the patterns is damaged");
    return database;
}

std::size_t pattern_state_bytes(const hs_database* database) {
    std::size_t bytes = 0;
    // Not a database for streams: larger than any limit.
    return hs_stream_size(database, &bytes) == HS_SUCCESS ? bytes : SIZE_MAX;
}

}  // namespace cordon
