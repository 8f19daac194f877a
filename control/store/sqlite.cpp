#include "control/store/sqlite.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

namespace cordon {

Result<void> Database::open(const std::string& path) {
    path_ = path;
    // Made here, so that nobody else may read it for a moment.
    const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0) return failure(ErrorCode::io, "cannot open the store " + path, errno);
    ::close(fd);
    const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX;
    const int code = sqlite3_open_v2(path.c_str(), &handle_, flags, nullptr);
    if (code != SQLITE_OK) {
        return failure(ErrorCode::io, "cannot open the store " + path + ": " +
                                          (handle_ ? sqlite3_errmsg(handle_) : "no memory"));
    }
    sqlite3_extended_result_codes(handle_, 1);
    sqlite3_busy_timeout(handle_, 5000);
    return {};
}

void Database::run(const char* sql) {
    if (failed()) return;
    const int code = sqlite3_exec(handle_, sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) set_error(code);
}

std::int64_t Database::integer(const char* sql) {
    Statement statement(*this, sql);
    return statement.row() ? statement.integer(0) : 0;
}

std::string Database::text(const char* sql) {
    Statement statement(*this, sql);
    return statement.row() ? statement.text(0) : std::string();
}

void Database::set_error(int code) {
    if (failed()) return;  // the first one tells what is wrong
    error_ = code;
    error_text_ = sqlite3_errmsg(handle_);
}

Error Database::take_error() {
    const int kind = std::exchange(error_, SQLITE_OK) & 0xff;
    const bool damaged = kind == SQLITE_CORRUPT || kind == SQLITE_NOTADB || kind == SQLITE_SCHEMA ||
                         kind == SQLITE_CONSTRAINT;
    return {damaged ? ErrorCode::integrity : ErrorCode::io,
            "the store " + path_ + ": " + std::exchange(error_text_, {})};
}

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
    if (database_.failed()) return;
    check(sqlite3_prepare_v3(database_.handle(), sql.data(), static_cast<int>(sql.size()),
                             SQLITE_PREPARE_PERSISTENT, &handle_, nullptr));
}

Statement& Statement::bind(std::string_view text) {
    check(sqlite3_bind_text64(handle_, ++parameter_, text.data() == nullptr ? "" : text.data(),
                              text.size(), SQLITE_STATIC, SQLITE_UTF8));
    return *this;
}

Statement& Statement::bind(Bytes blob) {
    check(blob.empty() ? sqlite3_bind_zeroblob(handle_, ++parameter_, 0)
                       : sqlite3_bind_blob64(handle_, ++parameter_, blob.data(), blob.size(),
                                             SQLITE_STATIC));
    return *this;
}

Statement& Statement::bind_integer(std::int64_t value) {
    check(sqlite3_bind_int64(handle_, ++parameter_, value));
    return *this;
}

Statement& Statement::bind_null() {
    check(sqlite3_bind_null(handle_, ++parameter_));
    return *this;
}

bool Statement::row() {
    if (database_.failed() || handle_ == nullptr) return false;
    const int code = sqlite3_step(handle_);
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) database_.set_error(code);
    reset();
    return false;
}

void Statement::run() {
    while (row()) {}
    reset();
}

void Statement::reset() {
    parameter_ = 0;
    if (handle_ == nullptr) return;
    sqlite3_reset(handle_);
    sqlite3_clear_bindings(handle_);
}

std::string Statement::text(int column) const {
    const auto* bytes = sqlite3_column_text(handle_, column);
    if (bytes == nullptr) return {};
    const auto size = static_cast<std::size_t>(sqlite3_column_bytes(handle_, column));
    return {reinterpret_cast<const char*>(bytes), size};
}

Bytes Statement::blob(int column) const {
    const auto* bytes = static_cast<const std::uint8_t*>(sqlite3_column_blob(handle_, column));
    return {bytes, static_cast<std::size_t>(sqlite3_column_bytes(handle_, column))};
}

void Statement::check(int code) {
    if (code != SQLITE_OK) database_.set_error(code);
}

}  // namespace cordon
