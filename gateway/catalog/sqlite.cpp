#include "catalog/sqlite.hpp"

#include "base/error.hpp"
#include "base/unique_fd.hpp"
#include "catalog/counters.hpp"

#include <fcntl.h>
#include <sqlite3.h>

#include <cerrno>
#include <system_error>

namespace shifter::catalog::sqlite {

namespace {

constexpr int busy_timeout_ms = 10'000;

/** What an admin can do about a failure of the database; R9: an error, never an empty answer. */
std::string explain(int code) {
    switch (code & 0xff) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "; the file is damaged: restore it from a copy, or move it away and pull the images anew";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "; another program holds it";
    case SQLITE_FULL:
        return "; the disk is full";
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
        return "; the service must own the file and its directory";
    default:
        return {};
    }
}

} // namespace

void CloseDatabase::operator()(sqlite3 * database) const noexcept { (void)sqlite3_close_v2(database); }
void FinalizeStatement::operator()(sqlite3_stmt * statement) const noexcept { (void)sqlite3_finalize(statement); }

Connection::Connection(const std::string & path, Mode mode) : path_{path} {
    if (mode == Mode::writer) {
        // SQLite gives its -wal and -shm files the mode of this one; private names are in all three (I33).
        const UniqueFd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
        if (!fd) throw SysError{errno, "cannot open the catalog " + shifter::quoted(path)};
    }
    sqlite3 * database = nullptr;
    const int code = sqlite3_open_v2(path.c_str(), &database,
                                     SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
    database_.reset(database);
    if (code != SQLITE_OK) fail(code);
    (void)sqlite3_busy_timeout(database, busy_timeout_ms);
    (void)sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    (void)sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    execute(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON");
    if (mode == Mode::reader) execute("PRAGMA query_only = ON");
}

void Connection::execute(const char * sql) {
    errno = 0; // fail() looks at it
    const int code = sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr);
    if (code != SQLITE_OK) fail(code);
}

std::int64_t Connection::last_row() const noexcept { return sqlite3_last_insert_rowid(database_.get()); }
unsigned Connection::changes() const noexcept { return static_cast<unsigned>(sqlite3_changes(database_.get())); }

StatementHandle Connection::take(const char * sql) {
    if (auto & idle = idle_[sql]; !idle.empty()) {
        StatementHandle statement = std::move(idle.back());
        idle.pop_back();
        return statement;
    }
    sqlite3_stmt * statement = nullptr;
    const int code = sqlite3_prepare_v3(database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
    if (code != SQLITE_OK) fail(code);
    return StatementHandle{statement};
}

void Connection::give_back(const char * sql, StatementHandle statement) noexcept {
    (void)sqlite3_reset(statement.get()); // repeats the code of the last step, which was reported then
    (void)sqlite3_clear_bindings(statement.get());
    try {
        idle_[sql].push_back(std::move(statement));
    } catch (const std::bad_alloc &) {
        return; // finalized instead of kept
    }
}

void Connection::fail(int code) const {
    const int error_number = errno; // sqlite3_system_errno() forgets that of a COMMIT
    std::string text = database_ ? sqlite3_errmsg(database_.get()) : sqlite3_errstr(code);
    // "disk I/O error" may be a quota, a lost mount or a disk: the system's own word tells them apart.
    if (error_number != 0 && (code & 0xff) == SQLITE_IOERR)
        text += " (" + std::generic_category().message(error_number) + ")";
    ++counters().catalog_errors;
    throw Error{"cannot use the catalog " + shifter::quoted(path_) + ": " + text + explain(code)};
}

Statement::Statement(Connection & connection, const char * sql)
    : connection_{connection}, sql_{sql}, statement_{connection.take(sql)} {}
Statement::~Statement() { connection_.give_back(sql_, std::move(statement_)); }

void Statement::check(int code) const {
    if (code != SQLITE_OK) connection_.fail(code);
}

bool Statement::step() {
    column_ = 0;
    errno = 0;
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code != SQLITE_DONE) connection_.fail(code);
    return false;
}

void Statement::run() {
    while (step()) {
    }
}

std::int64_t Statement::integer() { return sqlite3_column_int64(statement_.get(), column_++); }

std::optional<std::int64_t> Statement::integer_or_null() {
    if (sqlite3_column_type(statement_.get(), column_) == SQLITE_NULL) {
        ++column_;
        return std::nullopt;
    }
    return integer();
}

std::string Statement::text() {
    const auto * bytes = sqlite3_column_blob(statement_.get(), column_);
    const int size = sqlite3_column_bytes(statement_.get(), column_++);
    return bytes == nullptr ? std::string{}
                            : std::string{static_cast<const char *>(bytes), static_cast<std::size_t>(size)};
}

std::optional<std::string> Statement::text_or_null() {
    if (sqlite3_column_type(statement_.get(), column_) == SQLITE_NULL) {
        ++column_;
        return std::nullopt;
    }
    return text();
}

void Statement::bind_one(std::int64_t value) { check(sqlite3_bind_int64(statement_.get(), ++parameter_, value)); }

void Statement::bind_one(std::string_view value) {
    // The copy frees the caller from keeping the text until the statement ends.
    const auto copy = reinterpret_cast<sqlite3_destructor_type>(-1); // NOLINT: SQLITE_TRANSIENT without its C cast
    check(sqlite3_bind_text64(statement_.get(), ++parameter_, value.data() == nullptr ? "" : value.data(), value.size(),
                              copy, SQLITE_UTF8));
}

void Statement::bind_one(const std::optional<std::int64_t> & value) {
    if (value) return bind_one(*value);
    check(sqlite3_bind_null(statement_.get(), ++parameter_));
}

void Statement::bind_one(const std::optional<std::string> & value) {
    if (value) return bind_one(std::string_view{*value});
    check(sqlite3_bind_null(statement_.get(), ++parameter_));
}

Transaction::Transaction(Connection & connection, Kind kind) : connection_{connection} {
    // IMMEDIATE: a transaction that will write must not find out in its middle that it cannot.
    connection.execute(kind == Kind::write ? "BEGIN IMMEDIATE" : "BEGIN");
}

Transaction::~Transaction() {
    if (!is_open_) return;
    try {
        connection_.execute("ROLLBACK");
    } catch (const Error &) {
        return; // SQLite has already rolled back after a fatal error
    }
}

void Transaction::commit() {
    connection_.execute("COMMIT");
    is_open_ = false;
}

} // namespace shifter::catalog::sqlite
