// The driver for SQLite.
#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include "control/store/database.h"

namespace cordon {

namespace {

class SqliteStatement final : public StatementDriver {
  public:
    SqliteStatement(Database* owner, sqlite3* database, std::string_view sql) : owner_(owner) {
        check(sqlite3_prepare_v3(database, sql.data(), static_cast<int>(sql.size()),
                                 SQLITE_PREPARE_PERSISTENT, &handle_, nullptr),
              database);
    }
    ~SqliteStatement() override { sqlite3_finalize(handle_); }

    void bind(int n, std::string_view text) override {
        check(sqlite3_bind_text64(handle_, n, text.data() == nullptr ? "" : text.data(),
                                  text.size(), SQLITE_STATIC, SQLITE_UTF8));
    }
    void bind(int n, Bytes blob) override {
        check(blob.empty()
                  ? sqlite3_bind_zeroblob(handle_, n, 0)
                  : sqlite3_bind_blob64(handle_, n, blob.data(), blob.size(), SQLITE_STATIC));
    }
    void bind(int n, std::int64_t value) override { check(sqlite3_bind_int64(handle_, n, value)); }
    void bind_null(int n) override { check(sqlite3_bind_null(handle_, n)); }

    bool step() override {
        if (handle_ == nullptr) return false;
        const int code = sqlite3_step(handle_);
        if (code != SQLITE_DONE && code != SQLITE_ROW) check(code);
        return code == SQLITE_ROW;
    }
    void reset() override {
        sqlite3_reset(handle_);
        sqlite3_clear_bindings(handle_);
    }

    std::int64_t integer(int column) const override {
        return sqlite3_column_int64(handle_, column);
    }
    bool is_null(int column) const override {
        return sqlite3_column_type(handle_, column) == SQLITE_NULL;
    }
    Bytes bytes(int column) const override {
        const auto* bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(handle_, column));
        return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
    }

  private:
    void check(int code, sqlite3* database = nullptr);

    Database* owner_;
    sqlite3_stmt* handle_ = nullptr;
};

void report(Database* owner, sqlite3* database, int code) {
    const int kind = code & 0xff;
    const bool damaged = kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB || kind == SQLITE_SCHEMA ||
                         kind == SQLITE_CONSTRAINT;
    owner->set_error(damaged ? ErrorCode::integrity : ErrorCode::io, sqlite3_errmsg(database));
}

void SqliteStatement::check(int code, sqlite3* database) {
    if (code == SQLITE_OK) return;
    report(owner_, database != nullptr ? database : sqlite3_db_handle(handle_), code);
}

class Sqlite final : public DatabaseDriver {
  public:
    Sqlite(Database* owner, sqlite3* handle) : owner_(owner), handle_(handle) {}
    ~Sqlite() override { sqlite3_close_v2(handle_); }

    std::unique_ptr<StatementDriver> prepare(std::string_view sql) override {
        return std::make_unique<SqliteStatement>(owner_, handle_, sql);
    }
    void run(const char* sql) override {
        const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
        if (code != SQLITE_OK) report(owner_, handle_, code);
    }
    void begin() override { run("BEGIN IMMEDIATE"); }
    void roll_back() override {
        if (sqlite3_get_autocommit(handle_) == 0) run("ROLLBACK");
    }
    std::int64_t changes() const override { return sqlite3_changes64(handle_); }
    bool shared() const override { return false; }

  private:
    Database* owner_;
    sqlite3* handle_;
};

}  // namespace

Result<void> Database::open(const std::string& path) {
    name_ = path;
    // Made here, so that nobody else may read it for a moment.
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return failure(ErrorCode::io, "cannot open the store " + path, errno);
    ::close(fd);
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    sqlite3* handle = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &handle, flags, nullptr);
    driver_ = std::make_unique<Sqlite>(this, handle);
    if (code != SQLITE_OK) {
        return failure(ErrorCode::io, "cannot open the store " + path + ": " +
                                          (handle ? sqlite3_errmsg(handle) : "no memory"));
    }
    sqlite3_extended_result_codes(handle, 1);
    sqlite3_busy_timeout(handle, 5000);
    return {};
}

}  // namespace cordon
