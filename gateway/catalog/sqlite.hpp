/**
 * @file
 * SQLite with owners: connections, statements with bound parameters only (I35), transactions that roll back unless
 * committed. For the files of this layer alone.
 */
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

struct sqlite3;
struct sqlite3_stmt;

namespace shifter::catalog::sqlite {

struct CloseDatabase {
    void operator()(sqlite3 * database) const noexcept;
};
struct FinalizeStatement {
    void operator()(sqlite3_stmt * statement) const noexcept;
};
using StatementHandle = std::unique_ptr<sqlite3_stmt, FinalizeStatement>;

enum class Mode { reader, writer };

/** One connection, for one thread at a time. Prepared statements are kept for the next use. */
class Connection {
public:
    /** Opens or creates (0600) `path`. @throws Error, in at most the busy timeout of 10 s (R9) */
    Connection(const std::string & path, Mode mode);

    /** Statements without parameters, several in a row: schema and settings. `sql` is a text of ours. */
    void execute(const char * sql);
    [[nodiscard]] std::int64_t last_row() const noexcept;
    [[nodiscard]] unsigned changes() const noexcept;
    [[nodiscard]] const std::string & path() const noexcept { return path_; }

private:
    friend class Statement;
    /** A literal of ours, so that its address may be the key. */
    StatementHandle take(const char * sql);
    void give_back(const char * sql, StatementHandle statement) noexcept;
    [[noreturn]] void fail(int code) const;

    std::string path_;
    std::unique_ptr<sqlite3, CloseDatabase> database_;
    std::map<const char *, std::vector<StatementHandle>> idle_;
};

/** A statement in use. Parameters are bound in their order, columns are read in theirs. */
class Statement {
public:
    /** `sql`: a literal. */
    Statement(Connection & connection, const char * sql);
    ~Statement();
    Statement(const Statement &) = delete;
    Statement & operator=(const Statement &) = delete;

    template <class... Values> Statement & bind(const Values &... values) {
        (bind_one(values), ...);
        return *this;
    }
    /** True while there is a row. */
    [[nodiscard]] bool step();
    /** For statements without rows. */
    void run();

    /** The next column of the row. */
    [[nodiscard]] std::int64_t integer();
    [[nodiscard]] std::optional<std::int64_t> integer_or_null();
    [[nodiscard]] std::string text();
    [[nodiscard]] std::optional<std::string> text_or_null();

private:
    void bind_one(std::int64_t value);
    void bind_one(std::string_view value);
    void bind_one(const std::optional<std::int64_t> & value);
    void bind_one(const std::optional<std::string> & value);
    void bind_one(const std::string & value) { bind_one(std::string_view{value}); }
    void bind_one(const char * value) { bind_one(std::string_view{value}); }
    void bind_one(bool value) { bind_one(std::int64_t{value ? 1 : 0}); }
    void bind_one(unsigned value) { bind_one(static_cast<std::int64_t>(value)); }
    void check(int code) const;

    Connection & connection_;
    const char * sql_;
    StatementHandle statement_;
    int parameter_ = 0;
    int column_ = 0;
};

/** Rolls back unless committed. */
class Transaction {
public:
    enum class Kind { read, write };
    Transaction(Connection & connection, Kind kind);
    ~Transaction();
    Transaction(const Transaction &) = delete;
    Transaction & operator=(const Transaction &) = delete;
    void commit();

private:
    Connection & connection_;
    bool is_open_ = true;
};

} // namespace shifter::catalog::sqlite
