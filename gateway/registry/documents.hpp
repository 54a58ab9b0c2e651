/**
 * @file
 * Small answers: a body within a limit, and what a status that is not 200 means (R8).
 */
#pragma once

#include "registry/http.hpp"

#include <cstddef>
#include <string>

namespace shifter::registry {

/** A sink that collects into `body`, which outlives it; more than `max_bytes` is Cause::over_limit. */
[[nodiscard]] BodySink into(std::string & body, std::size_t max_bytes, const std::string & host);

/** The sentence of an answer that was not asked for. 408, 429 and 5xx are passing. */
[[nodiscard]] FailedTry failure_of_status(const std::string & host, const HttpResponse & response);

} // namespace shifter::registry
