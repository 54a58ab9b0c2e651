/**
 * @file
 * A Response on its way: what the library is given to send, whole or piece by piece.
 */
#pragma once

#include "api/http.hpp"

#include <string>

#include <microhttpd.h>

namespace shifter::api {

/** Answers the request that `connection` brought. MHD_NO: nothing can be sent, and the connection is to be closed. */
[[nodiscard]] MHD_Result send_reply(MHD_Connection * connection, Response response, const std::string & request_id);

} // namespace shifter::api
