/**
 * @file
 * How pulls of this process have ended, until the catalog has written it down: a pull must not seem alive for ever
 * because the database was away when it failed. Thread-safe.
 */
#pragma once

#include "catalog/catalog.hpp"
#include "pull/pull_job.hpp"

#include <functional>
#include <map>
#include <mutex>
#include <utility>

namespace shifter::pull {

/** What becomes of a pull that a step has thrown at us. */
enum class End {
    failure,  ///< it is over, and says why
    put_back, ///< the database or the storage was away: queued again
    lost,     ///< another worker has it: nothing is ours to say
};

struct Ending {
    catalog::Hold hold;
    End end = End::failure;
    Failure failure;
};

class Endings {
public:
    /** Tells the log, and keeps what the catalog has to know. */
    void add(Ending ending);
    /**
     * Tells the catalog all that it does not know yet, and `on_failure` the number of each pull that is over.
     * @throws what the catalog throws: the rest stays for the next call
     */
    void record(catalog::Catalog & catalog, const std::function<void(std::int64_t)> & on_failure);

private:
    using Turn = std::pair<std::int64_t, std::int64_t>; // of a pull: its number first

    std::mutex mutex_;
    std::map<Turn, Ending> endings_;
};

} // namespace shifter::pull
