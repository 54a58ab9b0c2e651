/**
 * @file
 * Sockets that listen, for a server that may come later.
 */
#pragma once

#include "api/listen_address.hpp"
#include "base/unique_fd.hpp"

#include <vector>

namespace shifter::api {

/** A socket that listens; clients who come are kept waiting until a server has it. */
struct ListeningSocket {
    ListenAddress address; ///< with the real port
    UniqueFd fd;           ///< does not block
};

/** @throws Error for an address that is taken, or is not of this machine */
[[nodiscard]] std::vector<ListeningSocket> listen_on(const std::vector<ListenAddress> & addresses);

} // namespace shifter::api
