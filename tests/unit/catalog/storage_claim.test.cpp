#include "catalog/storage_claim.hpp"
#include "base/error.hpp"
#include "catalog/content_lock.hpp"

#include "samples.hpp"

#include <catch2/catch.hpp>

using namespace shifter;
using namespace shifter::catalog;
using namespace shifter::catalog::samples;
using Catch::Matchers::Contains;

TEST_CASE("R5: gateways of one catalog share an image directory, and none with another catalog comes beside them") {
    const Folder folder;
    const ImageStorage storage{.directory = folder.path()};
    {
        const StorageClaim one{storage, Sharing::shared};
        const StorageClaim other{storage, Sharing::shared};
        const ContentLock lock{storage, id_of('f')}; // the highest byte of contents is below
        CHECK_THROWS_WITH((StorageClaim{storage, Sharing::alone}),
                          Contains("another gateway with a catalog of its own publishes there"));
    }
    const StorageClaim alone{storage, Sharing::alone};
    CHECK_THROWS_WITH((StorageClaim{storage, Sharing::shared}),
                      Contains("several gateways need one PostgreSQL database"));
}
