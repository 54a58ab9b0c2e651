/**
 * @file
 * How much one person, and all of one primary group, may keep on a system. What somebody keeps is what he has claims
 * on: docs/how-to/images.md.
 */
#pragma once

#include "base/error.hpp"
#include "catalog/catalog.hpp"
#include "pull/gateway_settings.hpp"

#include <string>

namespace shifter::pull {

/** A limit of the site's, in words that say what to do; another try fares better once something was removed. */
class OverQuota : public Error {
public:
    using Error::Error;
};

/** Whose quota an image will count against. */
struct Payer {
    uid_t uid = 0;
    gid_t gid = static_cast<gid_t>(-1); ///< -1: not known; no group's quota is looked at
};

/**
 * @param id     content that he has already is not counted again
 * @param bytes  what it will take, as far as it is known
 * @throws OverQuota
 */
void refuse_over_quota(const Quotas & quotas, catalog::Catalog & catalog, const std::string & system, Payer payer,
                       const ImageId & id, std::uint64_t bytes);

} // namespace shifter::pull
