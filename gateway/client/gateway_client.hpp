/**
 * @file
 * Requests to whichever gateway of the site answers. Contract 9.2: shuffled, tried in turn, a fresh MUNGE credential
 * each time.
 */
#pragma once

#include "base/image_request.hpp"
#include "client/failure.hpp"
#include "client/surroundings.hpp"

#include <optional>
#include <random>
#include <string>
#include <vector>

namespace shifter::client {

/** Every gateway was asked, and none said 200. */
class NoGateway : public Failure {
public:
    NoGateway(const std::string & sentence, bool answered, int status, std::string body)
        : Failure{cause_of(answered ? status : 0), sentence}, answered_{answered}, status_{status}, body_{std::move(
                                                                                                        body)} {}
    /** Whether at least one answered: its status and body are then the last answer's. */
    [[nodiscard]] bool answered() const noexcept { return answered_; }
    [[nodiscard]] int status() const noexcept { return status_; }
    [[nodiscard]] const std::string & body() const noexcept { return body_; }

private:
    bool answered_;
    int status_;
    std::string body_;
};

class GatewayClient {
public:
    /**
     * @param platform  goes along with each request; empty: this machine's is meant, where the system has it
     * @throws Error when the site names no gateway or no system
     */
    GatewayClient(const SiteConfig & site, Surroundings & around, std::string platform,
                  std::uint32_t seed = std::random_device{}());

    /** The body of the first 200. @throws NoGateway; Error when there is no credential to be had */
    [[nodiscard]] std::string get(const std::string & verb, const std::optional<ImageRequest> & image = {},
                                  const std::string & query = {});
    [[nodiscard]] std::string post(const std::string & verb, const ImageRequest & image, const std::string & body,
                                   const auth::AuthorizedLocations & locations, const std::string & query = {});
    /** For routes that name no image: /api/VERB/SYSTEM, and `rest` behind it as it is. */
    [[nodiscard]] std::string get_path(const std::string & verb, const std::string & rest);
    [[nodiscard]] std::string post_path(const std::string & verb, const std::string & rest, const std::string & body,
                                        const auth::AuthorizedLocations & locations = {});

private:
    [[nodiscard]] std::string ask(bool is_post, const std::string & route, const std::string & body,
                                  const auth::AuthorizedLocations & locations);

    Surroundings & around_;
    std::vector<std::string> gateways_; ///< the one that answered last comes first
    std::string system_;
    std::string platform_;
    std::chrono::seconds timeout_;
};

/** The sentence of an error's body (contract 7.2); empty when there is none. */
[[nodiscard]] std::string reason_in(const std::string & body);

} // namespace shifter::client
