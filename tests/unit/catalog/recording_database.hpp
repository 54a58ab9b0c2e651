/** @file A SQLite database that writes down which statements it is asked for. */
#pragma once

#include "catalog/sqlite.hpp"

#include <mutex>
#include <string>
#include <vector>

namespace shifter::catalog::samples {

/** The statements of all connections, in their order. */
class Statements {
public:
    void add(const char * sql) {
        const std::lock_guard lock{mutex_};
        texts_.emplace_back(sql);
    }
    /** Those since it was asked last. */
    [[nodiscard]] std::vector<std::string> take() {
        const std::lock_guard lock{mutex_};
        return std::exchange(texts_, {});
    }

private:
    std::mutex mutex_;
    std::vector<std::string> texts_;
};

class RecordingConnection : public sql::Connection {
public:
    RecordingConnection(std::unique_ptr<sql::Connection> inner, Statements & statements)
        : inner_{std::move(inner)}, statements_{statements} {}
    std::unique_ptr<sql::Cursor> open(const char * sql) override {
        statements_.add(sql);
        return inner_->open(sql);
    }
    void execute(const char * sql) override { inner_->execute(sql); }
    void begin(sql::Kind kind) override { inner_->begin(kind); }
    void commit() override { inner_->commit(); }
    void rollback() noexcept override { inner_->rollback(); }
    [[nodiscard]] unsigned changes() const noexcept override { return inner_->changes(); }
    [[nodiscard]] std::int64_t schema_version() override { return inner_->schema_version(); }
    void set_schema_version(std::int64_t version) override { inner_->set_schema_version(version); }

private:
    std::unique_ptr<sql::Connection> inner_;
    Statements & statements_;
};

class RecordingDatabase : public sql::Database {
public:
    /** `statements` outlives it. */
    RecordingDatabase(const std::string & path, Statements & statements)
        : inner_{sqlite_database(path)}, statements_{statements} {}
    std::unique_ptr<sql::Connection> connect(Use use) override {
        return std::make_unique<RecordingConnection>(inner_->connect(use), statements_);
    }
    [[nodiscard]] bool writes_side_by_side() const noexcept override { return inner_->writes_side_by_side(); }
    [[nodiscard]] std::optional<std::int64_t> change_mark() override { return inner_->change_mark(); }
    [[nodiscard]] const std::string & name() const noexcept override { return inner_->name(); }

private:
    std::unique_ptr<sql::Database> inner_;
    Statements & statements_;
};

} // namespace shifter::catalog::samples
