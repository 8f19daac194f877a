#include "dataplane/content/type_scanner.h"

#include <hs/hs.h>

#include <algorithm>
#include <array>
#include <vector>

#include "dataplane/base/invariant.h"
#include "dataplane/content/type_table.h"

namespace cordon {
namespace {

struct Found {
    std::size_t row;  // the first one so far
    bool plain;       // what is scanned is a text by its characters

    static int take(unsigned id, unsigned long long, unsigned long long, unsigned, void* context) {
        auto* found = static_cast<Found*>(context);
        if (found->plain || !type_rows()[id].only_text)
            found->row = std::min<std::size_t>(found->row, id);
        return 0;
    }
};

// Expressions of our own that do not compile are our bug.
PatternDatabase compile_rows(bool texts) {
    std::vector<const char*> expressions;
    std::vector<unsigned> flags;
    std::vector<unsigned> ids;
    unsigned id = 0;
    for (const TypeRow& row : type_rows()) {
        if (is_text(row.type) == texts) {
            expressions.push_back(row.expression);
            flags.push_back(HS_FLAG_SINGLEMATCH | HS_FLAG_DOTALL |
                            (texts ? unsigned{HS_FLAG_CASELESS} : 0u));
            ids.push_back(id);
        }
        ++id;
    }
    hs_database_t* made = nullptr;
    hs_compile_error_t* error = nullptr;
    INVARIANT(hs_compile_multi(expressions.data(), flags.data(), ids.data(),
                               static_cast<unsigned>(ids.size()), HS_MODE_BLOCK, nullptr, &made,
                               &error) == HS_SUCCESS);
    return PatternDatabase(made);
}

// Characters that no text has: C0 but for tab, line ends, form feed and escape (colours).
constexpr bool is_control(std::uint8_t byte) {
    constexpr std::uint32_t allowed = 1u << '\t' | 1u << '\n' | 1u << '\f' | 1u << '\r' | 1u << 27;
    return byte == 0x7f || (byte < 0x20 && (allowed >> byte & 1) == 0);
}

// How many bytes the character at the front has (RFC 3629 §4); 0: it is none. A character that the
// end of the head cuts short is one.
std::size_t character_bytes(Bytes rest) {
    const std::uint8_t first = rest[0];
    if (first < 0x80) return 1;
    const std::size_t length = first >= 0xc2 && first <= 0xdf   ? 2
                               : (first & 0xf0) == 0xe0         ? 3
                               : first >= 0xf0 && first <= 0xf4 ? 4
                                                                : 0;
    if (length == 0) return 0;
    for (std::size_t n = 1; n < std::min(length, rest.size()); ++n) {
        std::uint8_t least = 0x80;
        std::uint8_t most = 0xbf;
        if (n == 1 && first == 0xe0) least = 0xa0;  // overlong
        if (n == 1 && first == 0xed) most = 0x9f;   // surrogates
        if (n == 1 && first == 0xf0) least = 0x90;  // overlong
        if (n == 1 && first == 0xf4) most = 0x8f;   // above U+10FFFF
        if (rest[n] < least || rest[n] > most) return 0;
    }
    return std::min(length, rest.size());
}

bool is_utf8(Bytes bytes) {
    while (!bytes.empty()) {
        const std::size_t length = character_bytes(bytes);
        if (length == 0) return false;
        bytes = bytes.subspan(length);
    }
    return true;
}

// Texts from before UTF-8 have letters above ASCII among many below. Bytes without a pattern have a
// control character within the first twenty.
bool is_eight_bit_text(Bytes bytes) {
    const auto high = std::count_if(bytes.begin(), bytes.end(), [](auto b) { return b >= 0x80; });
    return static_cast<std::size_t>(high) * 4 <= bytes.size();
}

bool is_plain_text(Bytes bytes) {
    if (std::any_of(bytes.begin(), bytes.end(), is_control)) return false;
    return is_utf8(bytes) || is_eight_bit_text(bytes);
}

// A tar from before ustar has nothing at its beginning but the sum of its first header, in octal
// digits (IEEE 1003.1 pax, "chksum"), which counts its own eight bytes as blanks.
bool is_old_tar(Bytes head) {
    constexpr std::size_t header_bytes = 512;
    constexpr std::size_t sum_at = 148;
    constexpr std::size_t sum_bytes = 8;
    if (head.size() < header_bytes || head[0] == 0) return false;
    std::uint32_t sum = sum_bytes * ' ';
    for (std::size_t n = 0; n < header_bytes; ++n)
        sum += n >= sum_at && n < sum_at + sum_bytes ? 0u : head[n];
    std::uint32_t told = 0;
    bool any = false;
    for (const std::uint8_t digit : head.subspan(sum_at, sum_bytes)) {
        if (digit == ' ' && !any) continue;
        if (digit < '0' || digit > '7') break;
        told = told * 8 + (digit - '0');
        any = true;
    }
    return any && told == sum;
}

// Where a text begins: behind a byte order mark, white space and comments (MIME Sniffing 7.1).
Bytes text_begin(Bytes head) {
    std::string_view rest = as_text(head);
    if (rest.starts_with("\xef\xbb\xbf")) rest.remove_prefix(3);
    for (;;) {
        const std::size_t blanks = rest.find_first_not_of("\t\n\f\r ");
        rest.remove_prefix(std::min(blanks, rest.size()));
        if (!rest.starts_with("<!--")) return as_bytes(rest);
        const std::size_t end = rest.find("-->");
        if (end == std::string_view::npos) return as_bytes(rest);
        rest.remove_prefix(end + 3);
    }
}

}  // namespace

TypeDatabases::TypeDatabases() : bytes_(compile_rows(false)), texts_(compile_rows(true)) {
    INVARIANT(memory_bytes() <= limits::type_databases_bytes_max);
}

std::size_t TypeDatabases::memory_bytes() const {
    std::size_t bytes = 0;
    std::size_t texts = 0;
    hs_database_size(bytes_.get(), &bytes);
    hs_database_size(texts_.get(), &texts);
    return bytes + texts;
}

TypeScanner::TypeScanner(const TypeDatabases* databases) : databases_(databases) {
    INVARIANT(hs_alloc_scratch(databases->bytes(), &scratch_) == HS_SUCCESS);
    INVARIANT(hs_alloc_scratch(databases->texts(), &scratch_) == HS_SUCCESS);
}

TypeScanner::~TypeScanner() {
    hs_free_scratch(scratch_);
}

ContentType TypeScanner::type_of(Bytes head) {
    if (head.empty()) return ContentType::empty;
    head = head.first(std::min(head.size(), limits::type_head_bytes));
    const ContentType type = scan(databases_->bytes(), head, false);
    if (type != ContentType::unknown) return type;
    const bool plain = is_plain_text(head);
    const ContentType language = scan(databases_->texts(), text_begin(head), plain);
    if (language != ContentType::unknown) return language;
    if (plain) return ContentType::text;
    return is_old_tar(head) ? ContentType::tar : ContentType::unknown;
}

ContentType TypeScanner::scan(const hs_database* database, Bytes head, bool plain) {
    Found found{type_rows().size(), plain};
    hs_scan(database, room_.take(head), static_cast<unsigned>(head.size()), 0, scratch_,
            Found::take, &found);
    return found.row == type_rows().size() ? ContentType::unknown : type_rows()[found.row].type;
}

}  // namespace cordon
