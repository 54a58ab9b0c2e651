#include "pull/worker_name.hpp"

#include "base/error.hpp"

#include <array>
#include <chrono>
#include <unistd.h>

namespace shifter::pull {

std::string worker_name(const std::string & configured) {
    if (!configured.empty()) return configured;
    std::array<char, 256> name{};
    if (::gethostname(name.data(), name.size() - 1) != 0) throw SysError{errno, "cannot get the name of this host"};
    return name.data();
}

std::string name_of_process(const std::string & worker) {
    const auto since = std::chrono::system_clock::now().time_since_epoch().count();
    return worker + "/" + std::to_string(::getpid()) + "." + std::to_string(since);
}

} // namespace shifter::pull
