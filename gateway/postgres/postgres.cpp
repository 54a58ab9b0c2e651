#include "postgres/postgres.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "catalog/counters.hpp"
#include "catalog/sql_catalog.hpp"
#include "postgres/dialect.hpp"

#include <atomic>
#include <map>
#include <optional>
#include <pqxx/connection>
#include <pqxx/except>
#include <pqxx/nontransaction>
#include <pqxx/prepared_statement>
#include <pqxx/result>
#include <vector>

namespace shifter::postgres {

namespace {

using catalog::Unavailable;
using catalog::sql::Database;
using catalog::sql::Kind;

constexpr int oldest_server = 120'000;

/** What libpq is to do when a network or a host goes away in silence: each wait has an end (R9). */
constexpr const char * parameters[] = {"connect_timeout=5",       "keepalives_idle=10",     "keepalives_interval=5",
                                       "keepalives_count=3",      "tcp_user_timeout=20000", "client_encoding=UTF8",
                                       "application_name=shifter"};

/** And what the server is to do. A gateway that stands still in a transaction would keep all others out: it loses the
 * transaction (R5). */
constexpr const char * settings = "SET statement_timeout = '20s'; SET lock_timeout = '15s'; "
                                  "SET idle_in_transaction_session_timeout = '10s'; SET tcp_keepalives_idle = 10; "
                                  "SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";

/** The lock of Kind::alone: one for the whole catalog, as SQLite has it. */
#define LOCK_OF_CATALOG "SELECT pg_advisory_xact_lock(7205750000000001)"

const char * begin_of(Kind kind) {
    switch (kind) {
    case Kind::read:
        return "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    case Kind::row:
        return "BEGIN";
    case Kind::note:
        return "BEGIN; SET LOCAL synchronous_commit TO off";
    case Kind::alone:
        break;
    }
    return "BEGIN; " LOCK_OF_CATALOG;
}

std::string with_parameters(std::string address) {
    for (const std::string parameter : parameters) {
        const std::string name = parameter.substr(0, parameter.find('=') + 1);
        if (address.find(name) != std::string::npos) continue; // the admin knows better
        address += (address.find('?') == std::string::npos ? "?" : "&") + parameter;
    }
    return address;
}

/** The first line of what the server says, without its "FATAL:  ". */
std::string sentence_of(std::string_view text) {
    text = text.substr(0, text.find('\n'));
    for (const std::string_view word : {"ERROR:  ", "FATAL:  "})
        if (const auto at = text.find(word); at != std::string_view::npos)
            return std::string{text.substr(0, at)} + std::string{text.substr(at + word.size())};
    return std::string{text};
}

/** Classes of SQLSTATE after which the same may well succeed: connection, transaction rolled back, out of resources,
 * not in the right state (locks, timeouts), intervention of an admin; and a standby, which becomes the server. */
bool may_pass(const std::string & state) {
    const std::string kind = state.substr(0, 2);
    return kind == "08" || kind == "40" || kind == "53" || kind == "55" || kind == "57" || state == "25P03" ||
           state == "25006";
}

class PostgresConnection : public catalog::sql::Connection {
public:
    PostgresConnection(const std::string & address, const std::string & name, std::atomic<std::int64_t> & version)
        : name_{name}, version_{version} {
        guarded([&] {
            connection_.emplace(with_parameters(address));
            session_.emplace(*connection_);
            session_->exec0(settings);
        });
        if (connection_->server_version() < oldest_server)
            fail("the server is PostgreSQL " + std::to_string(connection_->server_version() / 10'000) +
                 "; it must be 12 or newer");
        if (version_ != 0 && PostgresConnection::schema_version() != version_)
            fail("another release has changed its schema in the meantime; restart this gateway with that release");
    }

    std::unique_ptr<catalog::sql::Cursor> open(const char * sql) override;

    void execute(const char * sql) override {
        guarded([&] { session_->exec(schema_in_postgres(sql)); });
    }
    void begin(Kind kind) override {
        guarded([&] { session_->exec(begin_of(kind)); });
    }
    void commit() override {
        guarded([&] { session_->exec("COMMIT"); });
    }
    void rollback() noexcept override {
        if (is_broken_) return;
        try {
            session_->exec("ROLLBACK");
        } catch (const std::exception &) {
            is_broken_ = true; // the server rolls back what has lost its client
        }
    }
    [[nodiscard]] unsigned changes() const noexcept override { return changes_; }

    std::int64_t schema_version() override {
        return guarded([&]() -> std::int64_t {
            const auto table = session_->exec1("SELECT to_regclass('schema_version') IS NOT NULL");
            if (!table[0].as<bool>()) return 0;
            const auto found = session_->exec1("SELECT version FROM schema_version")[0].as<std::int64_t>();
            if (version_ == 0) version_ = found;
            return found;
        });
    }
    void set_schema_version(std::int64_t version) override {
        guarded([&] {
            session_->exec("CREATE TABLE IF NOT EXISTS schema_version (version BIGINT NOT NULL)");
            session_->exec("DELETE FROM schema_version");
            session_->exec("INSERT INTO schema_version VALUES (" + std::to_string(version) + ")");
        });
        version_ = version;
    }
    [[nodiscard]] bool is_broken() const noexcept override { return is_broken_; }

    pqxx::result run(const char * sql, const std::vector<std::optional<std::string>> & values) {
        return guarded([&] {
            auto found = prepared_.find(sql);
            if (found == prepared_.end()) {
                const std::string name = "s" + std::to_string(prepared_.size());
                connection_->prepare(name, statement_in_postgres(sql));
                found = prepared_.emplace(sql, name).first;
            }
            std::vector<const char *> texts;
            texts.reserve(values.size());
            for (const auto & value : values) texts.push_back(value ? value->c_str() : nullptr);
            auto result = session_->exec_prepared(found->second, pqxx::prepare::make_dynamic_params(texts));
            changes_ = static_cast<unsigned>(result.affected_rows());
            return result;
        });
    }

    [[noreturn]] void fail(const std::string & why) const {
        ++catalog::counters().catalog_errors;
        throw Error{sentence(why)};
    }

private:
    [[nodiscard]] std::string sentence(const std::string & why) const {
        return "cannot use the catalog " + quoted(name_) + ": " + why;
    }

    template <class Action> auto guarded(Action action) -> decltype(action()) {
        try {
            return action();
        } catch (const pqxx::sql_error & error) {
            if (!may_pass(error.sqlstate())) fail(sentence_of(error.what()));
            // Whatever the server has ended (57P…, 25P03), it has ended with the session.
            is_broken_ = is_broken_ || !connection_ || !connection_->is_open() || error.sqlstate().substr(0, 2) == "57";
            ++catalog::counters().catalog_errors;
            throw Unavailable{sentence(sentence_of(error.what()))};
        } catch (const pqxx::failure & error) {
            is_broken_ = true;
            ++catalog::counters().catalog_errors;
            throw Unavailable{sentence(sentence_of(error.what()))};
        }
    }

    const std::string & name_;
    std::atomic<std::int64_t> & version_; ///< of the schema that this process knows, once it has made or seen it
    std::optional<pqxx::connection> connection_;
    std::optional<pqxx::nontransaction> session_; ///< transactions are begun and ended by our own words
    std::map<const char *, std::string> prepared_;
    unsigned changes_ = 0;
    bool is_broken_ = false;
};

class PostgresCursor : public catalog::sql::Cursor {
public:
    PostgresCursor(PostgresConnection & connection, const char * sql) : connection_{connection}, sql_{sql} {}

    void bind(int parameter, std::int64_t value) override { set(parameter, std::to_string(value)); }
    void bind(int parameter, std::string_view value) override {
        if (value.find('\0') != std::string_view::npos)
            throw Error{"cannot store a value in the catalog: it has a NUL byte"};
        set(parameter, std::string{value});
    }
    void bind_null(int parameter) override { set(parameter, std::nullopt); }

    bool step() override {
        if (!rows_) {
            rows_ = connection_.run(sql_, values_);
            row_ = 0;
        } else {
            ++row_;
        }
        return row_ < rows_->size();
    }
    bool is_null(int column) override { return field(column).is_null(); }
    std::int64_t integer(int column) override { return is_null(column) ? 0 : field(column).as<std::int64_t>(); }
    std::string text(int column) override { return {field(column).c_str(), field(column).size()}; }

private:
    void set(int parameter, std::optional<std::string> value) {
        const auto index = static_cast<std::size_t>(parameter);
        if (values_.size() <= index) values_.resize(index + 1);
        values_[index] = std::move(value);
    }
    [[nodiscard]] pqxx::field field(int column) const {
        return (*rows_)[row_][static_cast<pqxx::row::size_type>(column)];
    }

    PostgresConnection & connection_;
    const char * sql_;
    std::vector<std::optional<std::string>> values_;
    std::optional<pqxx::result> rows_;
    pqxx::result::size_type row_ = 0;
};

std::unique_ptr<catalog::sql::Cursor> PostgresConnection::open(const char * sql) {
    return std::make_unique<PostgresCursor>(*this, sql);
}

class PostgresDatabase : public Database {
public:
    explicit PostgresDatabase(std::string address) : address_{std::move(address)}, name_{without_password(address_)} {}
    std::unique_ptr<catalog::sql::Connection> connect(Use /*use*/) override {
        return std::make_unique<PostgresConnection>(address_, name_, version_);
    }
    [[nodiscard]] bool writes_side_by_side() const noexcept override { return true; }
    [[nodiscard]] const std::string & name() const noexcept override { return name_; }

private:
    std::string address_;
    std::string name_;
    std::atomic<std::int64_t> version_{0};
};

} // namespace

std::unique_ptr<catalog::sql::Database> database(const std::string & address) {
    return std::make_unique<PostgresDatabase>(address);
}

std::unique_ptr<catalog::Catalog> open_catalog(const std::string & address) {
    return catalog::open_catalog(database(address));
}

} // namespace shifter::postgres
