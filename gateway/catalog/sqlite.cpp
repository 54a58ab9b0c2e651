#include "catalog/sqlite.hpp"

#include "base/unique_fd.hpp"
#include "catalog/counters.hpp"

#include <cerrno>
#include <fcntl.h>
#include <map>
#include <mutex>
#include <sqlite3.h>
#include <system_error>
#include <vector>

namespace shifter::catalog {

namespace {

constexpr int busy_timeout_ms = 10'000;

struct CloseDatabase {
    void operator()(sqlite3 * database) const noexcept { (void)sqlite3_close_v2(database); }
};
struct FinalizeStatement {
    void operator()(sqlite3_stmt * statement) const noexcept { (void)sqlite3_finalize(statement); }
};
using StatementHandle = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

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

/** Prepared statements are kept for the next use. */
class SqliteConnection : public sql::Connection {
public:
    SqliteConnection(const std::string & path, sql::Database::Use use) : path_{path} {
        if (use == sql::Database::Use::writing) {
            // SQLite gives its -wal and -shm files the mode of this one; private names are in all three (I33).
            const UniqueFd fd{::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600)};
            if (!fd) throw SysError{errno, "cannot open the catalog " + shifter::quoted(path)};
        }
        sqlite3 * database = nullptr;
        const int code = sqlite3_open_v2(path.c_str(), &database,
                                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
        database_.reset(database);
        check(code);
        (void)sqlite3_busy_timeout(database, busy_timeout_ms);
        (void)sqlite3_db_config(database, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
        (void)sqlite3_db_config(database, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
        SqliteConnection::execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; "
                                  "PRAGMA cell_size_check = ON");
        if (use == sql::Database::Use::reading) SqliteConnection::execute("PRAGMA query_only = ON");
    }

    std::unique_ptr<sql::Cursor> open(const char * sql) override;
    void execute(const char * sql) override {
        errno = 0; // check() looks at it
        check(sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr));
    }
    // IMMEDIATE: a transaction that will write must not find out in its middle that it cannot.
    void begin(sql::Kind kind) override { execute(kind == sql::Kind::read ? "BEGIN" : "BEGIN IMMEDIATE"); }
    void commit() override { execute("COMMIT"); }
    void rollback() noexcept override {
        // After a fatal error SQLite has already rolled back.
        (void)sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    }
    [[nodiscard]] unsigned changes() const noexcept override {
        return static_cast<unsigned>(sqlite3_changes(database_.get()));
    }
    std::int64_t schema_version() override {
        sql::Statement query{*this, "PRAGMA user_version"};
        return query.step() ? query.integer() : 0;
    }
    void set_schema_version(std::int64_t version) override {
        execute(("PRAGMA user_version = " + std::to_string(version)).c_str());
    }

    StatementHandle take(const char * sql) {
        if (auto & idle = idle_[sql]; !idle.empty()) {
            StatementHandle statement = std::move(idle.back());
            idle.pop_back();
            return statement;
        }
        sqlite3_stmt * statement = nullptr;
        check(sqlite3_prepare_v3(database_.get(), sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr));
        return StatementHandle{statement};
    }

    void give_back(const char * sql, StatementHandle statement) noexcept {
        (void)sqlite3_reset(statement.get()); // repeats the code of the last step, which was reported then
        (void)sqlite3_clear_bindings(statement.get());
        try {
            idle_[sql].push_back(std::move(statement));
        } catch (const std::bad_alloc &) {
            return; // finalized instead of kept
        }
    }

    void check(int code) const {
        if (code == SQLITE_OK) return;
        const int error_number = errno; // sqlite3_system_errno() forgets that of a COMMIT
        std::string text = database_ ? sqlite3_errmsg(database_.get()) : sqlite3_errstr(code);
        // "disk I/O error" may be a quota, a lost mount or a disk: the system's own word tells them apart.
        if (error_number != 0 && (code & 0xff) == SQLITE_IOERR)
            text += " (" + std::generic_category().message(error_number) + ")";
        ++counters().catalog_errors;
        throw Error{"cannot use the catalog " + shifter::quoted(path_) + ": " + text + explain(code)};
    }

private:
    std::string path_;
    std::unique_ptr<sqlite3, CloseDatabase> database_;
    std::map<const char *, std::vector<StatementHandle>> idle_;
};

class SqliteCursor : public sql::Cursor {
public:
    SqliteCursor(SqliteConnection & connection, const char * sql)
        : connection_{connection}, sql_{sql}, statement_{connection.take(sql)} {}
    ~SqliteCursor() override { connection_.give_back(sql_, std::move(statement_)); }
    SqliteCursor(const SqliteCursor &) = delete;
    SqliteCursor & operator=(const SqliteCursor &) = delete;

    void bind(int parameter, std::int64_t value) override {
        connection_.check(sqlite3_bind_int64(statement_.get(), parameter + 1, value));
    }
    void bind(int parameter, std::string_view value) override {
        // The copy frees the caller from keeping the text until the statement ends.
        const auto copy = reinterpret_cast<sqlite3_destructor_type>(-1); // NOLINT: SQLITE_TRANSIENT without its C cast
        connection_.check(sqlite3_bind_text64(statement_.get(), parameter + 1,
                                              value.data() == nullptr ? "" : value.data(), value.size(), copy,
                                              SQLITE_UTF8));
    }
    void bind_null(int parameter) override { connection_.check(sqlite3_bind_null(statement_.get(), parameter + 1)); }

    bool step() override {
        errno = 0;
        const int code = sqlite3_step(statement_.get());
        if (code != SQLITE_ROW && code != SQLITE_DONE) connection_.check(code);
        return code == SQLITE_ROW;
    }
    bool is_null(int column) override { return sqlite3_column_type(statement_.get(), column) == SQLITE_NULL; }
    std::int64_t integer(int column) override { return sqlite3_column_int64(statement_.get(), column); }
    std::string text(int column) override {
        const auto * bytes = sqlite3_column_blob(statement_.get(), column);
        const int size = sqlite3_column_bytes(statement_.get(), column);
        return bytes == nullptr ? std::string{}
                                : std::string{static_cast<const char *>(bytes), static_cast<std::size_t>(size)};
    }

private:
    SqliteConnection & connection_;
    const char * sql_;
    StatementHandle statement_;
};

std::unique_ptr<sql::Cursor> SqliteConnection::open(const char * sql) {
    return std::make_unique<SqliteCursor>(*this, sql);
}

class SqliteDatabase : public sql::Database {
public:
    explicit SqliteDatabase(std::string path) : path_{std::move(path)} {}
    std::unique_ptr<sql::Connection> connect(Use use) override {
        return std::make_unique<SqliteConnection>(path_, use);
    }
    [[nodiscard]] bool writes_side_by_side() const noexcept override { return false; }
    [[nodiscard]] const std::string & name() const noexcept override { return path_; }

    /** SQLite's own count of others' commits, as one connection sees them: one that never writes. */
    std::optional<std::int64_t> change_mark() override {
        const std::lock_guard lock{mutex_};
        if (!watch_) watch_ = connect(Use::reading);
        sql::Statement query{*watch_, "PRAGMA data_version"};
        return query.step() ? std::optional{query.integer()} : std::nullopt;
    }

private:
    std::string path_;
    std::mutex mutex_;
    std::unique_ptr<sql::Connection> watch_; ///< guarded by mutex_
};

} // namespace

std::unique_ptr<sql::Database> sqlite_database(const std::string & path) {
    return std::make_unique<SqliteDatabase>(path);
}

} // namespace shifter::catalog
