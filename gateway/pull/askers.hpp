/**
 * @file
 * Who waits for which pull, with what he would need for one of his own: logins and brought content stay in this
 * process. Thread-safe.
 */
#pragma once

#include "catalog/catalog.hpp"
#include "pull/origin.hpp"

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

namespace shifter::pull {

/** One who waits for a pull. */
struct Asker {
    catalog::PullRequest request;
    std::optional<registry::Credentials> credentials;
    MakeOrigin origin = {}; ///< set when he brings the content himself
};

class Askers {
public:
    /** Once each: who asks again keeps what he has come with. */
    void join(std::int64_t pull, Asker asker);
    /** The login and content of one who waits; nothing of somebody who does not. */
    [[nodiscard]] std::optional<Asker> find(std::int64_t pull, uid_t requester) const;
    /** Those besides `requester` who came with a login. */
    [[nodiscard]] std::vector<Asker> others_with_login(std::int64_t pull, uid_t requester) const;
    /** Numbers of the pulls that somebody waits for. */
    [[nodiscard]] std::vector<std::int64_t> pulls() const;
    [[nodiscard]] std::size_t size() const;
    void forget(std::int64_t pull);

private:
    mutable std::mutex mutex_;
    std::map<std::int64_t, std::vector<Asker>> askers_;
};

} // namespace shifter::pull
