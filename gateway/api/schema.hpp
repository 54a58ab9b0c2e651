/**
 * @file
 * The interface for programs: an OpenAPI 3.0 document, made from the table of routes that the router uses.
 */
#pragma once

#include "api/api.hpp"

namespace shifter::api {

/** The document as JSON text. @throws Error for a route that names a component or a parameter that does not exist */
[[nodiscard]] std::string openapi_document(std::span<const Route> routes);

} // namespace shifter::api
