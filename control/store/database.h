// A thin layer over SQL, for a file of SQLite and a server of PostgreSQL: statements that are reset
// and finalised by themselves, and one error that sticks, so that a row of calls is checked once at
// its end. Statements are written for both: `?` and `?1` are parameters, types are BIGINT, TEXT and
// bytes.
//
// Owns:       the connection, through its driver (sqlite.cpp, postgres.cpp); a Statement owns its
//             prepared statement and must die first.
// Invariants: after an error every further step does nothing until take_error().
// Thread:     one thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"

namespace cordon {

class Database;

class StatementDriver {
  public:
    virtual ~StatementDriver() = default;
    // From 1; the views live until the step.
    virtual void bind(int parameter, std::string_view text) = 0;
    virtual void bind(int parameter, Bytes blob) = 0;
    virtual void bind(int parameter, std::int64_t value) = 0;
    virtual void bind_null(int parameter) = 0;
    virtual bool step() = 0;  // true: a row is there
    virtual void reset() = 0;
    virtual std::int64_t integer(int column) const = 0;
    virtual bool is_null(int column) const = 0;
    virtual Bytes bytes(int column) const = 0;  // of a text or a blob
};

class DatabaseDriver {
  public:
    virtual ~DatabaseDriver() = default;
    virtual std::unique_ptr<StatementDriver> prepare(std::string_view sql) = 0;
    virtual void run(const char* sql) = 0;
    virtual void begin() = 0;
    virtual void roll_back() = 0;  // nothing when no transaction is open
    virtual std::int64_t changes() const = 0;
    virtual bool shared() const = 0;
};

// Of a server that several boxes may share.
struct ServerOptions {
    std::string url;                          // postgresql://…, without a password
    std::string node;                         // whose writing transactions take turns
    std::int64_t schema = 0;                  // what is newer is not written to
    const std::atomic<bool>* stop = nullptr;  // set: wait no longer for an answer
    bool later = false;                       // not tried before something is asked
    // What a connection must have done with it before it is used.
    std::function<Result<void>(Database&)> prepare;
};

class Database {
  public:
    Database() = default;
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    // A file, made when it is not there (sqlite.cpp).
    Result<void> open(const std::string& path);
    // A server (postgres.cpp). One that is away is no error: it is tried again by what is asked
    // later. Errors: what `prepare` refuses, and what does not mend itself.
    Result<void> connect(ServerOptions options);

    // One or more statements without parameters.
    void run(const char* sql);
    std::int64_t integer(const char* sql);  // the first value of the first row
    std::string text(const char* sql);

    // A transaction that writes: one at a time, in the order in which they end.
    void begin();
    Result<void> commit();  // of what failed nothing is left
    void roll_back();

    bool failed() const { return failed_; }
    Error take_error();
    void set_error(ErrorCode code, std::string text);  // the first one tells what is wrong

    std::int64_t changes() const { return driver_ ? driver_->changes() : 0; }
    // Several boxes may keep their rows in it.
    bool shared() const { return driver_ && driver_->shared(); }
    // The condition for rows of this box, with its name as the one parameter. In a file they all
    // are, under whatever name it once had.
    std::string own_rows() const { return shared() ? "node = ?" : "? IS NOT NULL"; }

  private:
    friend class Statement;

    std::unique_ptr<DatabaseDriver> driver_;
    std::string name_;
    bool failed_ = false;
    Error error_{};
};

class Statement {
  public:
    Statement(Database& database, std::string_view sql);
    Statement(const Statement&) = delete;
    Statement& operator=(const Statement&) = delete;

    // Parameters in their order; the views must live until the step.
    Statement& bind(std::string_view text);
    Statement& bind(Bytes blob);
    Statement& bind_integer(std::int64_t value);
    Statement& bind_null();
    template <typename T>
    Statement& bind_unsigned(T value) {
        return bind_integer(static_cast<std::int64_t>(value));
    }

    bool row();  // true: a row is there. At the end it is reset, ready for new parameters
    void run();  // for those without rows

    std::int64_t integer(int column) const { return driver_ ? driver_->integer(column) : 0; }
    std::uint64_t number(int column) const { return static_cast<std::uint64_t>(integer(column)); }
    bool is_null(int column) const { return !driver_ || driver_->is_null(column); }
    std::string text(int column) const { return std::string(as_text(blob(column))); }
    Bytes blob(int column) const { return driver_ ? driver_->bytes(column) : Bytes(); }
    void reset();

  private:
    Database& database_;
    std::unique_ptr<StatementDriver> driver_;
    int parameter_ = 0;
};

}  // namespace cordon
