// Whether Slurm on this node loads the plugin of this installation.
#include "doctor/checks.hpp"

#include "base/io.hpp"
#include "base/text.hpp"
#include "doctor/elf_symbol.hpp"
#include "doctor/program.hpp"

#include <array>
#include <cstdio>
#include <fcntl.h>
#include <glob.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace shifter::doctor {
namespace {

constexpr std::size_t max_plugin = 64U << 20U;
constexpr std::size_t max_plugstack_files = 100;

std::optional<std::string> content_of(const std::string & path) {
    const UniqueFd file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
    struct stat about {};
    if (!file || ::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode)) return std::nullopt;
    return io::read_all(file.get(), max_plugin, quoted(path));
}

/** plugstack.conf and what it includes, as Slurm finds it (Debian's does nothing else). Bounded: it may be a circle. */
std::vector<std::string> plugstack_files(const std::string & folder) {
    std::vector<std::string> files{folder + "/plugstack.conf"};
    for (std::size_t i = 0; i < files.size(); ++i) {
        const std::string content = content_of(files[i]).value_or("");
        for (const std::string_view line : text::split(content, '\n')) {
            const auto words = text::words(line);
            if (words.size() < 2 || words[0] != "include") continue;
            const std::string pattern = (words[1].front() == '/' ? "" : folder + "/") + std::string{words[1]};
            ::glob_t found{};
            // NOLINTNEXTLINE(concurrency-mt-unsafe): one thread
            if (::glob(pattern.c_str(), 0, nullptr, &found) != 0) found.gl_pathc = 0;
            for (std::size_t k = 0; k < found.gl_pathc && files.size() <= max_plugstack_files; ++k)
                files.emplace_back(found.gl_pathv[k]);
            ::globfree(&found);
        }
    }
    return files;
}

/** "22.05", as Slurm's releases are called. */
std::string release_of(unsigned number) {
    std::array<char, 16> text{};
    (void)std::snprintf(text.data(), text.size(), "%u.%02u", number >> 16U, (number >> 8U) & 0xffU);
    return text.data();
}

} // namespace

std::optional<std::string> plugin_in_plugstack(std::string_view text) {
    for (const std::string_view line : text::split(text, '\n')) {
        const auto words = text::words(line);
        if (words.size() < 2 || (words[0] != "required" && words[0] != "optional")) continue;
        const std::string_view name = words[1].substr(words[1].rfind('/') + 1);
        if (name == "shifter_slurm.so") return std::string{words[1]};
    }
    return std::nullopt;
}

std::optional<unsigned> slurm_version_number(std::string_view text) {
    const auto words = text::words(text);
    if (words.size() < 2) return std::nullopt;
    unsigned number = 0;
    const auto parts = text::split(words[1], '.');
    if (parts.size() < 2) return std::nullopt;
    for (std::size_t i = 0; i < 3; ++i) {
        // "8-2" and "0rc1" are eight and zero here.
        const std::string_view part = i < parts.size() ? parts[i] : "0";
        const auto value = text::parse_unsigned<unsigned>(part.substr(0, part.find_first_not_of("0123456789")));
        if (!value || *value > 255) return std::nullopt;
        number = number << 8U | *value;
    }
    return number;
}

Finding examine_slurm(const std::string & folder, const std::string & plugin) {
    const auto scontrol = find_program("scontrol");
    if (::access((folder + "/slurm.conf").c_str(), F_OK) != 0 && !scontrol)
        return well("there is no Slurm on this node");
    const std::string plugstack = folder + "/plugstack.conf";
    const std::string line = "add to " + plugstack + ": required " + plugin;
    if (!content_of(plugstack)) return warn("Slurm has no " + plugstack + ", so jobs have no --image", line);
    std::optional<std::string> named;
    std::string where;
    for (const std::string & each : plugstack_files(folder)) {
        where = each;
        if ((named = plugin_in_plugstack(content_of(each).value_or("")))) break;
    }
    if (!named) return warn(plugstack + " does not name shifter_slurm.so, so jobs have no --image", line);
    const std::string path = named->front() == '/' ? *named : "/usr/lib/slurm/" + *named;
    const auto file = content_of(path);
    if (!file)
        return fail(where + " names " + path + ", which cannot be read",
                    "install the component slurm, or correct that line");
    const auto built_for = number_of_symbol(*file, "plugin_version");
    if (!built_for) return fail(path + " is not a plugin of Slurm", "install the component slurm again");
    if (path != plugin && ::access(plugin.c_str(), F_OK) == 0 && content_of(plugin) != file)
        return fail(path + " is another build than " + plugin, "make " + where + " name " + plugin);
    if (!scontrol) return well(path + ", for Slurm " + release_of(*built_for));
    const Outcome asked = run({*scontrol, "--version"});
    const auto running = slurm_version_number(asked.output);
    if (running && *running >> 8U != *built_for >> 8U)
        return fail(path + " is built for Slurm " + release_of(*built_for) + ", and this is " + release_of(*running),
                    "build the plugin anew with this Slurm's headers");
    return well(path + ", for Slurm " + release_of(*built_for));
}

} // namespace shifter::doctor
