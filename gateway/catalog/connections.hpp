/**
 * @file
 * Who uses which connection: writers one after the other, readers beside them. A wait ends with an Error (R9), and a
 * connection that broke is replaced when it is needed next.
 */
#pragma once

#include "catalog/sql.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <type_traits>
#include <vector>

namespace shifter::catalog {

using sql::Connection;
using sql::Transaction;

constexpr std::chrono::seconds longest_wait_for_catalog{20};

/** Some connections, each used by one thread at a time: one that writes, or a few that read. */
class ConnectionPool {
public:
    /** `database` outlives the pool. */
    ConnectionPool(sql::Database & database, sql::Database::Use use, std::size_t most)
        : database_{database}, use_{use}, most_{most} {
        idle_.reserve(most); // so that giving back never fails
    }

    /** One transaction, committed when the action returns. */
    template <class Action> auto use(sql::Kind kind, Action && action) {
        Lease lease{*this};
        std::optional<Transaction> transaction;
        begin(lease, kind, transaction);
        if constexpr (std::is_void_v<std::invoke_result_t<Action, Connection &>>) {
            action(*lease.connection);
            transaction->commit();
        } else {
            auto result = action(*lease.connection);
            transaction->commit();
            return result;
        }
    }

private:
    /** Its wait has an end; not std::timed_mutex, which the thread sanitizer of GCC 12 does not know. */
    struct Lease {
        explicit Lease(ConnectionPool & from) : pool{from} {
            std::unique_lock lock{pool.mutex_};
            if (!pool.returned_.wait_for(lock, longest_wait_for_catalog, [&] { return pool.in_use_ < pool.most_; }))
                throw Unavailable{"the catalog is too busy to answer; try again"};
            ++pool.in_use_;
            if (pool.idle_.empty()) return;
            connection = std::move(pool.idle_.back());
            pool.idle_.pop_back();
        }
        ~Lease() {
            const std::lock_guard lock{pool.mutex_};
            --pool.in_use_;
            if (connection && !connection->is_broken()) pool.idle_.push_back(std::move(connection));
            pool.returned_.notify_one();
        }
        Lease(const Lease &) = delete;
        Lease & operator=(const Lease &) = delete;
        ConnectionPool & pool;
        std::unique_ptr<Connection> connection; ///< none yet when no idle one was left
    };

    /** After a restart of the database all that we kept is broken, and that shows here: nobody has to see it. */
    void begin(Lease & lease, sql::Kind kind, std::optional<Transaction> & transaction) {
        if (lease.connection) {
            try {
                transaction.emplace(*lease.connection, kind);
                return;
            } catch (const Unavailable &) {
                if (!lease.connection->is_broken()) throw;
            }
        }
        lease.connection = database_.connect(use_);
        transaction.emplace(*lease.connection, kind);
    }

    sql::Database & database_;
    const sql::Database::Use use_;
    const std::size_t most_;
    std::mutex mutex_;
    std::condition_variable returned_;
    std::vector<std::unique_ptr<Connection>> idle_;
    std::size_t in_use_ = 0;
};

} // namespace shifter::catalog
