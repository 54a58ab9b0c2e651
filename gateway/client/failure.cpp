#include "client/failure.hpp"

#include "auth/credential.hpp"

#include <array>

namespace shifter::client {
namespace {

constexpr std::array table = {
    CauseFacts{Cause::failed, "failed", 1},
    CauseFacts{Cause::usage, "usage", 2},
    CauseFacts{Cause::not_found, "not_found", 3},
    CauseFacts{Cause::unauthenticated, "unauthenticated", 4},
    CauseFacts{Cause::refused, "refused", 5},
    CauseFacts{Cause::unreachable, "unreachable", 6},
    CauseFacts{Cause::gateway_fault, "gateway_fault", 7},
    CauseFacts{Cause::interrupted, "interrupted", 130},
};

} // namespace

const CauseFacts & facts_of(Cause cause) noexcept {
    for (const CauseFacts & each : table)
        if (each.cause == cause) return each;
    return table.front();
}

Cause cause_of(int http_status) noexcept {
    switch (http_status) {
    case 0:
        return Cause::unreachable;
    case 400:
        return Cause::usage;
    case 401:
        return Cause::unauthenticated;
    case 403:
        return Cause::refused;
    case 404:
        return Cause::not_found;
    case 503:
        return Cause::unreachable;
    default:
        return http_status >= 500 ? Cause::gateway_fault : Cause::failed;
    }
}

Cause cause_of(const std::exception & error) noexcept {
    if (const auto * failure = dynamic_cast<const Failure *>(&error)) return failure->cause();
    if (dynamic_cast<const auth::Unavailable *>(&error) != nullptr) return Cause::unauthenticated;
    return Cause::failed;
}

} // namespace shifter::client
