// shifter-ps: what `shifter ps` becomes.
#include "base/error.hpp"
#include "base/io.hpp"
#include "base/log.hpp"
#include "processes/report.hpp"

#include <array>
#include <getopt.h>
#include <optional>
#include <unistd.h>

namespace {

constexpr std::string_view usage =
    "usage: shifter ps [--job=N] [--json]\n\n"
    "Lists what runs in containers on this node: those of the caller; for root, as libexec/shifter/shifter-ps, all.\n";

int run(int argc, char ** argv) {
    using namespace shifter;
    constexpr std::array options = {option{"job", required_argument, nullptr, 'j'},
                                    option{"json", no_argument, nullptr, 'J'},
                                    option{"help", no_argument, nullptr, 'h'}, option{nullptr, 0, nullptr, 0}};
    std::optional<std::string> job;
    bool json = false;
    opterr = 0;
    int code = 0;
    // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
    while ((code = ::getopt_long(argc, argv, "hj:", options.data(), nullptr)) != -1) {
        if (code == 'h') return io::write_all(STDOUT_FILENO, usage, "the output"), 0;
        if (code == '?') throw Error{"ps has the options --job=N and --json alone"};
        if (code == 'j') job = optarg;
        if (code == 'J') json = true;
    }
    if (optind != argc) throw Error{"ps takes no words; shifter -- ps runs an image's ps"};
    std::vector<processes::Container> containers = processes::find_containers();
    if (job) std::erase_if(containers, [&](const processes::Container & container) { return container.job != *job; });
    io::write_all(STDOUT_FILENO, json ? to_json(containers) : to_table(containers), "the output");
    return 0;
}

} // namespace

int main(int argc, char ** argv) {
    shifter::log::set_program("shifter");
    try {
        return run(argc, argv);
    } catch (const std::exception & error) {
        shifter::log::error(error.what());
        return static_cast<int>(shifter::ExitStatus::failed);
    }
}
