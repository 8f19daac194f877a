// A thin layer over SQLite: statements that are reset and finalised by themselves, and one error
// that sticks, so that a row of calls is checked once at its end.
//
// Owns:       the connection; a Statement owns its prepared statement and must die first.
// Invariants: after an error every further step does nothing until take_error().
// Thread:     one thread.
#pragma once

#include <sqlite3.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "dataplane/base/bytes.h"
#include "dataplane/base/result.h"

namespace cordon {

class Database {
  public:
    Database() = default;
    ~Database() { sqlite3_close_v2(handle_); }
    Database(const Database&) = delete;
    Database& operator=(const Database&) = delete;

    Result<void> open(const std::string& path);
    // One or more statements without parameters.
    void run(const char* sql);
    std::int64_t integer(const char* sql);  // the first value of the first row
    std::string text(const char* sql);

    bool failed() const { return error_ != SQLITE_OK; }
    Error take_error();
    void set_error(int code);

    std::int64_t changes() const { return sqlite3_changes64(handle_); }
    std::int64_t last_id() const { return sqlite3_last_insert_rowid(handle_); }
    sqlite3* handle() const { return handle_; }

  private:
    sqlite3* handle_ = nullptr;
    int error_ = SQLITE_OK;
    std::string path_;
    std::string error_text_;
};

class Statement {
  public:
    Statement(Database& database, std::string_view sql);
    ~Statement() { sqlite3_finalize(handle_); }
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

    std::int64_t integer(int column) const { return sqlite3_column_int64(handle_, column); }
    std::uint64_t number(int column) const { return static_cast<std::uint64_t>(integer(column)); }
    bool is_null(int column) const { return sqlite3_column_type(handle_, column) == SQLITE_NULL; }
    std::string text(int column) const;
    Bytes blob(int column) const;
    void reset();

  private:
    void check(int code);

    Database& database_;
    sqlite3_stmt* handle_ = nullptr;
    int parameter_ = 0;
};

}  // namespace cordon
