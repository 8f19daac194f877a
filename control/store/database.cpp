#include "control/store/database.h"

#include <utility>

namespace cordon {

void Database::run(const char* sql) {
    if (!failed_ && driver_) driver_->run(sql);
}

std::int64_t Database::integer(const char* sql) {
    Statement statement(*this, sql);
    return statement.row() ? statement.integer(0) : 0;
}

std::string Database::text(const char* sql) {
    Statement statement(*this, sql);
    return statement.row() ? statement.text(0) : std::string();
}

void Database::begin() {
    if (!failed_ && driver_) driver_->begin();
}

Result<void> Database::commit() {
    run("COMMIT");
    if (!failed_) return {};
    const Error error = take_error();
    roll_back();
    return Failure(error);
}

// Whatever it says: a transaction that cannot be rolled back has gone with its connection.
void Database::roll_back() {
    if (failed_) take_error();
    if (driver_) driver_->roll_back();
    if (failed_) take_error();
}

void Database::set_error(ErrorCode code, std::string text) {
    if (failed_) return;
    failed_ = true;
    const bool named = text.starts_with("the store ");
    error_ = {code, named ? std::move(text) : "the store " + name_ + ": " + std::move(text)};
}

Error Database::take_error() {
    failed_ = false;
    return std::exchange(error_, {});
}

Statement::Statement(Database& database, std::string_view sql) : database_(database) {
    if (!database_.failed_ && database_.driver_) driver_ = database_.driver_->prepare(sql);
}

Statement& Statement::bind(std::string_view text) {
    if (driver_) driver_->bind(++parameter_, text);
    return *this;
}

Statement& Statement::bind(Bytes blob) {
    if (driver_) driver_->bind(++parameter_, blob);
    return *this;
}

Statement& Statement::bind_integer(std::int64_t value) {
    if (driver_) driver_->bind(++parameter_, value);
    return *this;
}

Statement& Statement::bind_null() {
    if (driver_) driver_->bind_null(++parameter_);
    return *this;
}

bool Statement::row() {
    if (database_.failed() || !driver_) return false;
    if (driver_->step()) return true;
    reset();
    return false;
}

void Statement::run() {
    while (row()) {}
    reset();
}

void Statement::reset() {
    parameter_ = 0;
    if (driver_) driver_->reset();
}

}  // namespace cordon
