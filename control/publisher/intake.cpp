#include "control/publisher/intake.h"

#include <algorithm>
#include <bit>

#include "control/feed/sealed_part.h"
#include "dataplane/contract/pattern_database.h"

namespace cordon::feed {
namespace {

constexpr std::uint64_t progress_every = 65536;

// One digest of one row: what is looked up and written, in the order of the tables.
struct Claim {
    RowDigest digest;
    std::uint32_t row;
    bool known = false;  // the store has it already
};

bool in_order(const Claim& a, const Claim& b) {
    if (a.digest.kind != b.digest.kind) return a.digest.kind < b.digest.kind;
    if (a.digest.digest != b.digest.digest) return a.digest.digest < b.digest.digest;
    return a.row < b.row;
}

bool same_digest(const Claim& a, const Claim& b) {
    return a.digest.kind == b.digest.kind && a.digest.digest == b.digest.digest;
}

void refuse(const Row& row, IndicatorKind kind, const std::string& why, Imported* out) {
    ++out->refused;
    if (out->refusals.size() < reports_max)
        out->refusals.push_back(
            {row.line, std::string(indicator_kind_name(kind)) + ": " + why, row.file});
}

// Empty: it may be listed.
std::string fault_of(const Row& row, const RowDigest& digest, const KnownGood& known_good) {
    if (digest.kind == IndicatorKind::pattern)
        return pattern_fault(
            {std::string_view(row.pattern).substr(1), static_cast<PatternSyntax>(row.pattern[0])});
    const char* why = known_good.reason(digest);
    if (why == nullptr && row.size == 0) why = "the empty file has this size";
    return why == nullptr ? "" : why;
}

// Half of the bits of a PDQ hash are set, but of a picture with next to nothing in it: such a hash
// is near to those of other empty pictures. The digests beside it are none the worse for that.
void leave_out_flat(Row* row, Imported* out) {
    const auto end = row->digests.begin() + row->digest_count;
    const auto kept = std::remove_if(row->digests.begin(), end, [](const RowDigest& digest) {
        int bits = 0;
        for (const std::uint8_t byte : digest.bytes())
            bits += std::popcount(byte);
        return digest.kind == IndicatorKind::pdq && bits != pdq_bytes * 8 / 2;
    });
    if (kept == end) return;
    row->digest_count = static_cast<std::uint8_t>(kept - row->digests.begin());
    refuse(*row, IndicatorKind::pdq, "not half of its bits are set: a picture without features",
           out);
}

// Rows with a digest that must never be listed are left out whole: their other digests are of the
// same file.
void leave_out_refused(std::vector<Row>* rows, const KnownGood& known_good, Imported* out) {
    std::erase_if(*rows, [&](Row& row) {
        const bool had_digests = row.digest_count != 0;  // a tombstone by name has none
        leave_out_flat(&row, out);
        if (had_digests && row.digest_count == 0) return true;
        for (std::size_t i = 0; i < row.digest_count; ++i) {
            const std::string why = fault_of(row, row.digests[i], known_good);
            if (why.empty()) continue;
            refuse(row, row.digests[i].kind, why, out);
            return true;
        }
        return false;
    });
}

class Intake {
  public:
    Intake(FeedStore& store, const ImportOf& about, std::vector<Row> rows, const Progress& progress)
        : store_(store), about_(about), rows_(std::move(rows)), progress_(progress) {}
    Imported out;

    Result<void> run() {
        source_ = source_number();
        if (source_ < 0)
            return failure(ErrorCode::refused, "there are as many sources as fit (65535)");
        begin_import();
        sort_claims();
        find_references();
        write_claims();
        replace_items();
        if (about_.full) withdraw_rest();
        finish_import();
        return {};
    }

  private:
    std::int64_t source_number() {
        Statement query(store_.db(), "SELECT number FROM source WHERE name = ?");
        query.bind(about_.source);
        if (query.row()) return query.integer(0);
        const std::int64_t next =
            store_.db().integer("SELECT coalesce(max(number), 0) + 1 FROM source");
        if (next > UINT16_MAX) return -1;
        Statement put(store_.db(), "INSERT INTO source VALUES (?, ?)");
        put.bind_integer(next).bind(about_.source).run();
        return next;
    }

    void begin_import() {
        Statement put(store_.db(),
                      "INSERT INTO import (source, file, whole, rows, at) "
                      "VALUES (?, ?, ?, ?, ?) RETURNING number");
        put.bind_integer(source_).bind(about_.file).bind_integer(about_.full ? 1 : 0);
        put.bind_unsigned(rows_.size()).bind_unsigned(about_.now_s);
        if (put.row()) out.number = put.number(0);
        put.reset();
        out.rows = rows_.size();
    }

    void sort_claims() {
        for (std::uint32_t row = 0; row < rows_.size(); ++row) {
            for (std::size_t i = 0; i < rows_[row].digest_count; ++i)
                claims_.push_back({rows_[row].digests[i], row, false});
        }
        std::sort(claims_.begin(), claims_.end(), in_order);
    }

    void step(std::uint64_t done) {
        if (progress_ && done % progress_every == 0) progress_(done, 2 * claims_.size());
    }

    // What the store knows it by.
    Bytes key_of(const Claim& claim) const {
        return claim.digest.kind == IndicatorKind::pattern ? as_bytes(rows_[claim.row].pattern)
                                                           : claim.digest.bytes();
    }

    // A row takes the least reference that one of its digests has already; rows of this import that
    // share a digest share a reference.
    void find_references() {
        references_.assign(rows_.size(), 0);
        Statement query(store_.db(), "SELECT reference FROM digest WHERE kind = ? AND digest = ?");
        const bool any = store_.db().integer("SELECT EXISTS (SELECT 1 FROM digest)") != 0;
        for (std::size_t i = 0; i < claims_.size(); ++i) {
            step(i);
            std::uint64_t& reference = references_[claims_[i].row];
            query.bind_unsigned(static_cast<unsigned>(claims_[i].digest.kind));
            query.bind(key_of(claims_[i]));
            if (any && query.row()) {
                const std::uint64_t known = query.number(0);
                if (reference == 0 || known < reference) reference = known;
                claims_[i].known = true;
            }
            query.reset();
        }
        auto next = static_cast<std::uint64_t>(
            store_.db().integer("SELECT coalesce(max(reference), 0) FROM digest"));
        for (std::size_t i = 0; i < claims_.size(); ++i) {
            std::uint64_t& reference = references_[claims_[i].row];
            if (reference == 0 && i > 0 && same_digest(claims_[i - 1], claims_[i]))
                reference = references_[claims_[i - 1].row];
            if (reference == 0) reference = ++next;
        }
    }

    void write_claims() {
        Statement gone(store_.db(),
                       "DELETE FROM assertion WHERE kind = ? AND digest = ? AND source = ?");
        Statement sized(store_.db(),
                        "UPDATE digest SET size = coalesce(size, ?), head = coalesce(head, ?) "
                        "WHERE kind = ? AND digest = ?");
        Statement digest(store_.db(), "INSERT OR IGNORE INTO digest VALUES (?, ?, ?, ?, ?)");
        Statement assertion(store_.db(),
                            "INSERT OR IGNORE INTO assertion VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
        Statement again(store_.db(),
                        "UPDATE assertion SET category = ?, flags = ?, import = ?, item = ?, "
                        "distance = ? WHERE kind = ? AND digest = ? AND source = ?");
        for (std::size_t i = 0; i < claims_.size(); ++i) {
            step(claims_.size() + i);
            const Claim& claim = claims_[i];
            const Row& row = rows_[claim.row];
            const auto kind = static_cast<unsigned>(claim.digest.kind);
            const Bytes bytes = key_of(claim);
            if (row.withdrawn) {
                gone.bind_unsigned(kind).bind(bytes).bind_integer(source_).run();
                out.withdrawn += static_cast<std::uint64_t>(store_.db().changes());
                continue;
            }
            if (claim.known && row.size) {
                bind_traits(row, sized).bind_unsigned(kind).bind(bytes).run();
            } else if (!claim.known) {
                digest.bind_unsigned(kind).bind(bytes).bind_unsigned(references_[claim.row]);
                bind_traits(row, digest).run();
            }
            assertion.bind_unsigned(kind).bind(bytes).bind_integer(source_);
            assertion.bind_unsigned(row.category).bind_unsigned(flags_of(row));
            assertion.bind_unsigned(out.number).bind_unsigned(about_.now_s).bind(row.item);
            bind_distance(claim, row, assertion).run();
            if (store_.db().changes() == 1) {
                ++out.added;
                continue;
            }
            ++out.kept;
            again.bind_unsigned(row.category).bind_unsigned(flags_of(row));
            again.bind_unsigned(out.number).bind(row.item);
            bind_distance(claim, row, again);
            again.bind_unsigned(kind).bind(bytes).bind_integer(source_).run();
        }
    }

    // A text is no fingerprint: innocent pages name it too.
    std::uint8_t flags_of(const Row& row) const {
        const std::uint8_t test = row.category == category_test ? record_flag::test : 0;
        const std::uint8_t text = row.pattern.empty() ? 0 : record_flag::report_only;
        return static_cast<std::uint8_t>(about_.flags | test | text);
    }

    static Statement& bind_distance(const Claim& claim, const Row& row, Statement& statement) {
        return claim.digest.kind == IndicatorKind::pdq ? statement.bind_unsigned(row.distance)
                                                       : statement.bind_null();
    }

    static Statement& bind_traits(const Row& row, Statement& statement) {
        row.size ? statement.bind_unsigned(*row.size) : statement.bind_null();
        return row.head ? statement.bind(Bytes(*row.head)) : statement.bind_null();
    }

    // What the source said of a named item before, and does not say now.
    void replace_items() {
        Statement before(store_.db(),
                         "DELETE FROM assertion WHERE source = ? AND item = ? AND import <> ?");
        for (const Row& row : rows_) {
            if (row.item.empty()) continue;
            before.bind_integer(source_).bind(row.item).bind_unsigned(out.number).run();
            out.withdrawn += static_cast<std::uint64_t>(store_.db().changes());
        }
    }

    void withdraw_rest() {
        Statement rest(store_.db(), "DELETE FROM assertion WHERE source = ? AND import <> ?");
        rest.bind_integer(source_).bind_unsigned(out.number).run();
        out.withdrawn += static_cast<std::uint64_t>(store_.db().changes());
    }

    void finish_import() {
        store_.note(about_.now_s, "import " + std::to_string(out.number) + " of " + about_.source +
                                      " from " + about_.file + ": " + std::to_string(out.added) +
                                      " indicators added, " + std::to_string(out.withdrawn) +
                                      " withdrawn, " + std::to_string(out.refused) +
                                      " rows refused");
    }

    FeedStore& store_;
    const ImportOf& about_;
    std::vector<Row> rows_;
    const Progress& progress_;
    std::int64_t source_ = 0;
    std::vector<Claim> claims_;
    std::vector<std::uint64_t> references_;  // by row
};

}  // namespace

Result<Imported> import_rows(FeedStore& store, const ImportOf& about, std::vector<Row> rows,
                             const KnownGood& known_good, const Progress& progress) {
    Imported left_out;
    leave_out_refused(&rows, known_good, &left_out);
    Intake intake(store, about, std::move(rows), progress);
    intake.out.refused = left_out.refused;
    intake.out.refusals = std::move(left_out.refusals);
    const Result<void> done = store.transaction([&] { return intake.run(); });
    if (!done) return Failure(done.error());
    return std::move(intake.out);
}

}  // namespace cordon::feed
