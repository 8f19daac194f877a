// The driver for PostgreSQL. Every wait for the server has an end of ours: statement_timeout is
// kept by a server that is well, and one that is stopped or whose network is gone answers nothing.
#include <libpq-fe.h>
#include <poll.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>
#include <vector>

#include "control/store/database.h"
#include "control/store/postgres_url.h"

namespace cordon {

namespace {

constexpr std::uint64_t connect_ms_max = 3000;
constexpr std::uint64_t answer_ms_max = 6000;  // a second more than statement_timeout
constexpr std::uint64_t last_ms_max = 1500;    // for who is to stop
constexpr std::uint64_t look_ms = 100;         // how often that is looked for
constexpr std::uint64_t retry_ms_first = 250;
constexpr std::uint64_t retry_ms_max = 15 * 1000;

constexpr const char* settings =
    "SET statement_timeout = 5000; SET lock_timeout = 4000;"
    " SET idle_in_transaction_session_timeout = 30000; SET client_encoding = 'UTF8';"
    " SET bytea_output = 'hex'; SET client_min_messages = 'warning'";

std::uint64_t now_ms() {
    timespec now;
    ::clock_gettime(CLOCK_MONOTONIC, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1000 +
           static_cast<std::uint64_t>(now.tv_nsec) / 1000000;
}

struct ResultEnd {
    void operator()(PGresult* result) const { PQclear(result); }
};
using Answer = std::unique_ptr<PGresult, ResultEnd>;

// One line, without what it tells of rows: details of an error may hold values.
std::string first_line(const char* text) {
    std::string_view line(text == nullptr ? "" : text);
    line = line.substr(0, line.find('\n'));
    return std::string(line.empty() ? "the connection is lost" : line);
}

// What the driver passes on as it is written: `?` becomes `$1`, `$2` …, and `?3` becomes `$3`.
std::string numbered(std::string_view sql) {
    std::string out;
    int next = 1;
    char quote = 0;
    for (std::size_t n = 0; n < sql.size(); ++n) {
        const char c = sql[n];
        if (quote != 0 || c == '\'' || c == '"') quote = quote == 0 ? c : c == quote ? 0 : quote;
        out += c == '?' && quote == 0 ? '$' : c;
        if (c != '?' || quote != 0) continue;
        const bool has_number = n + 1 < sql.size() && sql[n + 1] >= '0' && sql[n + 1] <= '9';
        if (!has_number) out += std::to_string(next++);
    }
    return out;
}

class Postgres final : public DatabaseDriver {
  public:
    Postgres(Database* owner, ServerOptions options)
        : owner_(owner), options_(std::move(options)) {}
    ~Postgres() override { disconnect(); }

    std::unique_ptr<StatementDriver> prepare(std::string_view sql) override;
    void run(const char* sql) override;
    void begin() override;
    void roll_back() override;
    std::int64_t changes() const override { return changes_; }
    bool shared() const override { return true; }

    // Connected and prepared, or tries to be when it is time to.
    bool ready();
    Answer execute(const std::string& sql, int count, const char* const* values, const int* lengths,
                   const int* formats);
    const std::optional<Error>& refused() const { return refused_; }

  private:
    bool hung_up();
    bool connect();
    bool finish_connecting();
    bool prepare_connection();
    bool wait(int events, std::uint64_t since_ms, std::uint64_t ms_max);
    Answer receive();
    bool check(const PGresult* result);
    void lose(const std::string& why);
    void disconnect();

    Database* owner_;
    ServerOptions options_;
    PGconn* connection_ = nullptr;
    bool preparing_ = false;
    bool in_transaction_ = false;
    std::uint64_t retry_at_ms_ = 0;
    std::uint64_t retry_ms_ = retry_ms_first;
    std::string away_;              // why there is no connection
    std::optional<Error> refused_;  // by options_.prepare
    std::int64_t changes_ = 0;
};

// --- the connection ------------------------------------------------------------------------------

bool Postgres::ready() {
    if (connection_ != nullptr && (in_transaction_ || preparing_ || !hung_up())) return true;
    if (connection_ != nullptr) disconnect();
    if (in_transaction_ || preparing_) {
        owner_->set_error(ErrorCode::io, away_);
        return false;
    }
    if (now_ms() < retry_at_ms_) {
        owner_->set_error(refused_ ? refused_->code : ErrorCode::io, away_);
        return false;
    }
    return connect();
}

// A server that was started anew has ended the connection while nobody asked.
bool Postgres::hung_up() {
    pollfd one = {PQsocket(connection_), POLLIN, 0};
    if (::poll(&one, 1, 0) <= 0) return false;
    return PQconsumeInput(connection_) == 0 || PQstatus(connection_) != CONNECTION_OK;
}

bool Postgres::connect() {
    // The last word counts: what the address says of the same leads. A certificate that is not
    // there is none; one below a home that the unit hides would be an error to libpq.
    const std::string program = "cordond " + options_.node;
    constexpr const char* words[] = {"application_name", "tcp_user_timeout", "target_session_attrs",
                                     "sslcert",          "dbname",           nullptr};
    const char* values[] = {program.c_str(),      "6000",
                            "read-write",         "/nonexistent/postgresql.crt",
                            options_.url.c_str(), nullptr};
    refused_.reset();
    connection_ = PQconnectStartParams(words, values, 1);
    if (connection_ == nullptr) {
        lose("no memory for a connection");
        return false;
    }
    PQsetNoticeProcessor(
        connection_, [](void*, const char*) {}, nullptr);
    if (!finish_connecting() || !prepare_connection()) return false;
    retry_ms_ = retry_ms_first;
    away_.clear();
    return true;
}

bool Postgres::finish_connecting() {
    const std::uint64_t since = now_ms();
    PostgresPollingStatusType next = PGRES_POLLING_WRITING;
    while (PQstatus(connection_) != CONNECTION_BAD && next != PGRES_POLLING_OK) {
        if (next == PGRES_POLLING_FAILED) break;
        if (!wait(next == PGRES_POLLING_READING ? POLLIN : POLLOUT, since, connect_ms_max)) {
            lose("it did not accept a connection in time");
            return false;
        }
        next = PQconnectPoll(connection_);
    }
    if (PQstatus(connection_) == CONNECTION_OK) return true;
    lose(first_line(PQerrorMessage(connection_)));
    return false;
}

bool Postgres::prepare_connection() {
    PQsetnonblocking(connection_, 1);
    preparing_ = true;
    run(settings);
    const Result<void> done =
        owner_->failed() ? Result<void>(Failure(owner_->take_error())) : options_.prepare(*owner_);
    preparing_ = false;
    in_transaction_ = false;
    if (done && connection_ != nullptr) return true;
    const Error error = done ? Error{ErrorCode::io, away_} : done.error();
    if (error.code != ErrorCode::io) refused_ = error;
    if (connection_ != nullptr) lose(error.text);
    owner_->take_error();
    away_ = error.text;
    owner_->set_error(error.code, error.text);
    return false;
}

// Until the socket is ready; false: too late, or nobody waits any more.
bool Postgres::wait(int events, std::uint64_t since_ms, std::uint64_t ms_max) {
    while (true) {
        const bool stopped = options_.stop != nullptr && options_.stop->load();
        const std::uint64_t end_ms = since_ms + (stopped ? std::min(ms_max, last_ms_max) : ms_max);
        const std::uint64_t now = now_ms();
        if (now >= end_ms) return false;
        pollfd one = {PQsocket(connection_), static_cast<short>(events), 0};
        if (::poll(&one, 1, static_cast<int>(std::min(end_ms - now, look_ms))) > 0) return true;
    }
}

void Postgres::lose(const std::string& why) {
    disconnect();
    away_ = why;
    retry_at_ms_ = now_ms() + retry_ms_;
    retry_ms_ = std::min(retry_ms_ * 2, retry_ms_max);
    owner_->set_error(ErrorCode::io, why);
}

void Postgres::disconnect() {
    if (connection_ != nullptr) PQfinish(std::exchange(connection_, nullptr));
}

// --- questions -----------------------------------------------------------------------------------

void Postgres::run(const char* sql) {
    if (!ready()) return;
    const bool commits = std::string_view(sql) == "COMMIT";
    if (PQsendQuery(connection_, sql) == 0) return lose(first_line(PQerrorMessage(connection_)));
    const Answer answer = receive();
    if (!commits || answer == nullptr) return;
    in_transaction_ = false;
    // So a server ends a transaction in which something had failed; to it that is no error.
    if (std::string_view(PQcmdStatus(answer.get())) != "COMMIT")
        owner_->set_error(ErrorCode::io, "the transaction was rolled back");
}

Answer Postgres::execute(const std::string& sql, int count, const char* const* values,
                         const int* lengths, const int* formats) {
    if (!ready()) return nullptr;
    constexpr int binary = 1;
    if (PQsendQueryParams(connection_, sql.c_str(), count, nullptr, values, lengths, formats,
                          binary) == 1)
        return receive();
    lose(first_line(PQerrorMessage(connection_)));
    return nullptr;
}

// The last of the answers; nothing after an error.
Answer Postgres::receive() {
    const std::uint64_t since = now_ms();
    Answer last;
    bool good = true;
    while (true) {
        const int unsent = PQflush(connection_);
        if (unsent == 0 && PQisBusy(connection_) == 0) {
            Answer next(PQgetResult(connection_));
            if (next == nullptr) break;
            good = check(next.get()) && good;
            last = std::move(next);
            continue;
        }
        if (!wait(unsent == 1 ? POLLIN | POLLOUT : POLLIN, since, answer_ms_max)) {
            lose("it did not answer in time");
            return nullptr;
        }
        if (PQconsumeInput(connection_) == 0 || unsent < 0) {
            lose(first_line(PQerrorMessage(connection_)));
            return nullptr;
        }
    }
    if (PQstatus(connection_) != CONNECTION_OK) {
        lose(first_line(PQerrorMessage(connection_)));
        return nullptr;
    }
    return good ? std::move(last) : nullptr;
}

bool Postgres::check(const PGresult* result) {
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) {
        const char* count = PQcmdTuples(const_cast<PGresult*>(result));
        changes_ = 0;
        std::from_chars(count, count + std::char_traits<char>::length(count), changes_);
        return true;
    }
    const char* state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const std::string_view kind = std::string_view(state == nullptr ? "" : state).substr(0, 2);
    const char* text = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    const bool damaged = kind == "22" || kind == "23" || kind == "42" || kind == "XX";
    owner_->set_error(damaged ? ErrorCode::integrity : ErrorCode::io, first_line(text));
    return false;
}

// --- transactions --------------------------------------------------------------------------------

// Those of one box take turns, so that its rows get their numbers in the order in which they can be
// seen: who follows them by number misses none.
void Postgres::begin() {
    if (!ready()) return;
    in_transaction_ = true;
    run("BEGIN");
    if (owner_->failed()) return;
    Statement turn(*owner_,
                   "SELECT (SELECT max(version) FROM cordon_schema),"
                   " pg_advisory_xact_lock(hashtextextended(CAST(? AS TEXT), 17))");
    turn.bind(options_.node);
    const bool newer = turn.row() && turn.integer(0) > options_.schema;
    turn.reset();
    // The next connection tells what to do about it.
    if (newer) lose("a newer version has carried it forward");
}

void Postgres::roll_back() {
    if (!std::exchange(in_transaction_, false) || connection_ == nullptr) return;
    if (PQtransactionStatus(connection_) != PQTRANS_IDLE) run("ROLLBACK");
}

// --- statements ----------------------------------------------------------------------------------

class PostgresStatement final : public StatementDriver {
  public:
    PostgresStatement(Database* owner, Postgres* database, std::string_view sql)
        : owner_(owner), database_(database), sql_(numbered(sql)) {}

    void bind(int n, std::string_view text) override { put(n, text, 1); }
    void bind(int n, Bytes blob) override { put(n, as_text(blob), 1); }
    void bind(int n, std::int64_t value) override { put(n, std::to_string(value), 0); }
    void bind_null(int n) override { at(n) = {}; }

    bool step() override {
        if (!answer_ && !ask()) return false;
        return ++row_ < PQntuples(answer_.get());
    }
    void reset() override {
        answer_.reset();
        row_ = -1;
        parameters_.clear();
    }

    std::int64_t integer(int column) const override {
        std::uint64_t value = 0;
        const Bytes digits = bytes(column);
        for (const std::uint8_t byte : digits)
            value = value << 8 | byte;
        if (digits.size() == 4) return static_cast<std::int32_t>(static_cast<std::uint32_t>(value));
        return static_cast<std::int64_t>(value);
    }
    bool is_null(int column) const override {
        return !answer_ || PQgetisnull(answer_.get(), row_, column) != 0;
    }
    Bytes bytes(int column) const override {
        if (is_null(column)) return {};
        const char* value = PQgetvalue(answer_.get(), row_, column);
        return {reinterpret_cast<const std::uint8_t*>(value),
                static_cast<std::size_t>(PQgetlength(answer_.get(), row_, column))};
    }

  private:
    struct Parameter {
        std::optional<std::string> value;
        int format = 0;
    };

    Parameter& at(int n) {
        const auto index = static_cast<std::size_t>(n);
        if (parameters_.size() < index) parameters_.resize(index);
        return parameters_[index - 1];
    }
    void put(int n, std::string_view value, int format) { at(n) = {std::string(value), format}; }

    bool ask() {
        std::vector<const char*> values;
        std::vector<int> lengths, formats;
        for (const Parameter& one : parameters_) {
            values.push_back(one.value ? one.value->c_str() : nullptr);
            lengths.push_back(one.value ? static_cast<int>(one.value->size()) : 0);
            formats.push_back(one.format);
        }
        if (owner_->failed()) return false;
        answer_ = database_->execute(sql_, static_cast<int>(values.size()), values.data(),
                                     lengths.data(), formats.data());
        return answer_ != nullptr;
    }

    Database* owner_;
    Postgres* database_;
    std::string sql_;
    std::vector<Parameter> parameters_;
    Answer answer_;
    int row_ = -1;
};

std::unique_ptr<StatementDriver> Postgres::prepare(std::string_view sql) {
    return std::make_unique<PostgresStatement>(owner_, this, sql);
}

}  // namespace

Result<void> Database::connect(ServerOptions options) {
    name_ = shown_postgres_url(options.url);
    const bool later = options.later;
    auto driver = std::make_unique<Postgres>(this, std::move(options));
    Postgres* server = driver.get();
    driver_ = std::move(driver);
    if (!later) server->ready();
    if (failed_) take_error();
    if (server->refused()) return Failure(*server->refused());
    return {};
}

}  // namespace cordon
