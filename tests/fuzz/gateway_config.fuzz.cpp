// imagemanager.json. What must hold: a configuration that is usable has every value in its range, and no problem of its
// text goes on to a second line of the log.
#include "service/gateway_config.hpp"

#include <cstdint>
#include <cstdlib>

using namespace shifter;

namespace {

void require(bool holds) {
    if (!holds) std::abort();
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t * data, std::size_t size) {
    const auto parsed = service::parse_gateway_config({reinterpret_cast<const char *>(data), size}, "f");
    for (const auto & problem : parsed.problems) require(problem.what.rfind("f:", 0) == 0);
    if (!parsed.usable()) return 0;
    const auto & config = parsed.config;
    const auto & settings = config.settings;
    require(!config.listen.empty());
    require(!settings.systems.empty());
    require(settings.locations.contains(settings.default_location));
    require(settings.cache_directory.front() == '/');
    require(config.database.front() == '/');
    require(settings.worker_threads >= 1 && settings.worker_threads <= 256);
    require(settings.image_expiration.count() > 0);
    require((settings.squash.block_bytes & (settings.squash.block_bytes - 1)) == 0 &&
            settings.squash.block_bytes >= 4096);
    for (const auto & [name, system] : settings.systems) {
        require(!name.empty() && name.find('/') == std::string::npos);
        require(system.storage.directory.front() == '/');
        require((system.storage.public_mode & ~mode_t{0644}) == 0 &&
                (system.storage.private_mode & ~mode_t{0640}) == 0);
    }
    for (const auto & [name, location] : settings.locations) require(location.url.rfind("http", 0) == 0);
    if (config.authentication == service::Authentication::mock)
        for (const auto & address : config.listen) require(address.is_loopback());
    return 0;
}
