/**
 * @file
 * Who uses which connection: writers one after the other, readers beside them. A wait ends with an Error (R9).
 */
#pragma once

#include "base/error.hpp"
#include "catalog/sqlite.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <type_traits>

namespace shifter::catalog {

using sqlite::Connection;
using sqlite::Transaction;

constexpr std::chrono::seconds longest_wait_for_catalog{20};

/** The one connection that writes. Each use is one transaction, committed when the action returns. */
class Writer {
public:
    explicit Writer(const std::string & path) : connection_{path, sqlite::Mode::writer} {}

    template <class Action> auto use(Action && action) {
        return use_as_is([&](Connection & connection) {
            Transaction transaction{connection, Transaction::Kind::write};
            if constexpr (std::is_void_v<std::invoke_result_t<Action, Connection &>>) {
                action(connection);
                transaction.commit();
            } else {
                auto result = action(connection);
                transaction.commit();
                return result;
            }
        });
    }

    /** For an action that begins and commits by itself. */
    template <class Action> auto use_as_is(Action && action) {
        const Turn turn{*this};
        return action(connection_);
    }

private:
    /** A lock whose wait has an end; not std::timed_mutex, which the thread sanitizer of GCC 12 does not know. */
    struct Turn {
        explicit Turn(Writer & of) : writer{of} {
            std::unique_lock lock{writer.mutex_};
            if (!writer.freed_.wait_for(lock, longest_wait_for_catalog, [&] { return !writer.is_in_use_; })) {
                throw Error{"the catalog is too busy to answer; try again"};
            }
            writer.is_in_use_ = true;
        }
        ~Turn() {
            const std::lock_guard lock{writer.mutex_};
            writer.is_in_use_ = false;
            writer.freed_.notify_one();
        }
        Turn(const Turn &) = delete;
        Turn & operator=(const Turn &) = delete;
        Writer & writer;
    };

    std::mutex mutex_;
    std::condition_variable freed_;
    bool is_in_use_ = false;
    Connection connection_;
};

/** Connections that only read: a lookup never waits for a writer (WAL). */
class ReaderPool {
public:
    explicit ReaderPool(std::string path) : path_{std::move(path)} {}

    template <class Action> decltype(auto) use(Action && action) {
        const Lease lease{*this};
        Transaction snapshot{*lease.connection, Transaction::Kind::read};
        return std::forward<Action>(action)(*lease.connection);
    }

private:
    static constexpr std::size_t most = 8;

    struct Lease {
        explicit Lease(ReaderPool & from) : pool{from}, connection{from.take()} {}
        ~Lease() { pool.give_back(std::move(connection)); }
        Lease(const Lease &) = delete;
        Lease & operator=(const Lease &) = delete;
        ReaderPool & pool;
        std::unique_ptr<Connection> connection;
    };

    std::unique_ptr<Connection> take() {
        std::unique_lock lock{mutex_};
        const bool may_go =
            returned_.wait_for(lock, longest_wait_for_catalog, [&] { return !idle_.empty() || in_use_ < most; });
        if (!may_go) throw Error{"the catalog is too busy to answer; try again"};
        std::unique_ptr<Connection> connection;
        if (idle_.empty()) {
            connection = std::make_unique<Connection>(path_, sqlite::Mode::reader);
        } else {
            connection = std::move(idle_.back());
            idle_.pop_back();
        }
        ++in_use_;
        return connection;
    }

    void give_back(std::unique_ptr<Connection> connection) {
        const std::lock_guard lock{mutex_};
        idle_.push_back(std::move(connection));
        --in_use_;
        returned_.notify_one();
    }

    std::string path_;
    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::unique_ptr<Connection>> idle_ = [] { // so that giving back never fails
        std::vector<std::unique_ptr<Connection>> idle;
        idle.reserve(most);
        return idle;
    }();
    std::size_t in_use_ = 0;
};

} // namespace shifter::catalog
