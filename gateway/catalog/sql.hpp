/**
 * @file
 * What the catalog asks of a database, whichever it is: statements with bound parameters only (I35), transactions that
 * roll back unless committed. The back ends are sqlite.cpp, and the layer `postgres`.
 *
 * The SQL of this layer is written once, in the words that both know; what they call differently, the schema's types
 * for example, postgres/dialect.cpp translates.
 */
#pragma once

#include "catalog/catalog.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace shifter::catalog {

namespace sql {

/** What a transaction may see, and who may come between. */
enum class Kind {
    read,  ///< one state of the catalog from beginning to end
    row,   ///< writes rows that it names by their keys; others may write beside it
    note,  ///< the same for what may be lost with the last half second before a crash of the database
    alone, ///< decides by what it reads: no other such transaction of any gateway comes between
};

/** One use of a prepared statement, as a back end has it. Parameters and columns count from 0. */
class Cursor {
public:
    virtual ~Cursor() = default;
    virtual void bind(int parameter, std::int64_t value) = 0;
    virtual void bind(int parameter, std::string_view value) = 0;
    virtual void bind_null(int parameter) = 0;
    [[nodiscard]] virtual bool step() = 0;
    [[nodiscard]] virtual bool is_null(int column) = 0;
    [[nodiscard]] virtual std::int64_t integer(int column) = 0;
    [[nodiscard]] virtual std::string text(int column) = 0;
};

/** One connection, for one thread at a time. */
class Connection {
public:
    virtual ~Connection() = default;
    /** `sql`: a literal of ours, so that its address may be the key of what was prepared before. */
    [[nodiscard]] virtual std::unique_ptr<Cursor> open(const char * sql) = 0;
    /** Statements without parameters, several in a row: the schema. */
    virtual void execute(const char * sql) = 0;
    virtual void begin(Kind kind) = 0;
    virtual void commit() = 0;
    virtual void rollback() noexcept = 0;
    /** Rows that the last statement has written. */
    [[nodiscard]] virtual unsigned changes() const noexcept = 0;
    /** 0 for a database without our tables. Inside a transaction. */
    [[nodiscard]] virtual std::int64_t schema_version() = 0;
    virtual void set_schema_version(std::int64_t version) = 0;
    /** Nothing will come of it any more; a new one may. */
    [[nodiscard]] virtual bool is_broken() const noexcept { return false; }
};

class Database {
public:
    virtual ~Database() = default;
    enum class Use { reading, writing };
    /** @throws Error, in bounded time (R9); Unavailable when a later try may succeed */
    [[nodiscard]] virtual std::unique_ptr<Connection> connect(Use use) = 0;
    /** Whether a write need not wait for another one's end. */
    [[nodiscard]] virtual bool writes_side_by_side() const noexcept = 0;
    /** A number that changes with each commit of anybody, other processes included: as long as it stays, all that was
     * read after it was asked for is still so. Nothing where to ask would cost as much as to read. From any thread. */
    [[nodiscard]] virtual std::optional<std::int64_t> change_mark() { return std::nullopt; }
    /** For people: which one it is, without a password. */
    [[nodiscard]] virtual const std::string & name() const noexcept = 0;
};

/** A statement in use. Parameters are bound in their order, columns are read in theirs. */
class Statement {
public:
    /** `sql`: a literal. */
    Statement(Connection & connection, const char * sql) : cursor_{connection.open(sql)} {}

    template <class... Values> Statement & bind(const Values &... values) {
        (bind_one(values), ...);
        return *this;
    }
    /** True while there is a row. */
    [[nodiscard]] bool step() {
        column_ = 0;
        return cursor_->step();
    }
    /** For statements without rows. */
    void run() {
        while (step()) {
        }
    }

    /** The next column of the row. */
    [[nodiscard]] std::int64_t integer() { return cursor_->integer(column_++); }
    [[nodiscard]] std::string text() { return cursor_->text(column_++); }
    [[nodiscard]] std::optional<std::int64_t> integer_or_null() {
        if (!cursor_->is_null(column_)) return integer();
        ++column_;
        return std::nullopt;
    }
    [[nodiscard]] std::optional<std::string> text_or_null() {
        if (!cursor_->is_null(column_)) return text();
        ++column_;
        return std::nullopt;
    }

private:
    void bind_one(std::int64_t value) { cursor_->bind(parameter_++, value); }
    void bind_one(std::string_view value) { cursor_->bind(parameter_++, value); }
    void bind_one(const std::string & value) { bind_one(std::string_view{value}); }
    void bind_one(const char * value) { bind_one(std::string_view{value}); }
    void bind_one(bool value) { bind_one(std::int64_t{value ? 1 : 0}); }
    void bind_one(unsigned value) { bind_one(static_cast<std::int64_t>(value)); }
    template <class Value> void bind_one(const std::optional<Value> & value) {
        if (value) return bind_one(*value);
        cursor_->bind_null(parameter_++);
    }

    std::unique_ptr<Cursor> cursor_;
    int parameter_ = 0;
    int column_ = 0;
};

/** Rolls back unless committed. */
class Transaction {
public:
    Transaction(Connection & connection, Kind kind) : connection_{connection} { connection.begin(kind); }
    ~Transaction() {
        if (is_open_) connection_.rollback();
    }
    Transaction(const Transaction &) = delete;
    Transaction & operator=(const Transaction &) = delete;
    void commit() {
        connection_.commit();
        is_open_ = false;
    }

private:
    Connection & connection_;
    bool is_open_ = true;
};

} // namespace sql
} // namespace shifter::catalog
