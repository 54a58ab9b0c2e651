/**
 * @file
 * The thread that ends images without anybody's asking: expiry every AutoExpire seconds, files of images that are gone
 * once a minute. Several gateways on one storage may each have one: they take turns, and the content's lock keeps them
 * apart (R5).
 */
#pragma once

#include "catalog/catalog.hpp"
#include "pull/gateway_settings.hpp"

#include <thread>

namespace shifter::pull {

class Caretaker {
public:
    /** Starts at once. `settings` and `catalog` outlive it. */
    Caretaker(const GatewaySettings & settings, catalog::Catalog & catalog);

private:
    void run(const std::stop_token & stop);

    const GatewaySettings & settings_;
    catalog::Catalog & catalog_;
    std::jthread thread_;
};

} // namespace shifter::pull
