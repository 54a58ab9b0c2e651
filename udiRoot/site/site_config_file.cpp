#include "base/error.hpp"
#include "base/io.hpp"
#include "base/log.hpp"
#include "site/site_config.hpp"
#include "site/trusted_file.hpp"

#include <algorithm>
#include <dirent.h>
#include <fcntl.h>
#include <memory>
#include <sys/stat.h>

namespace shifter {
namespace {

constexpr std::size_t max_file_bytes = std::size_t{4} << 20U;

struct ClosesDirectory {
    void operator()(DIR * directory) const noexcept { (void)::closedir(directory); }
};

/** The names of drop-ins, in the order of their bytes. */
std::vector<std::string> drop_ins(UniqueFd directory_fd, const std::string & path) {
    constexpr std::string_view suffix = ".conf";
    const std::unique_ptr<DIR, ClosesDirectory> directory{::fdopendir(directory_fd.get())};
    if (!directory) throw SysError{errno, "cannot list " + quoted(path)};
    (void)directory_fd.release(); // closed with the stream
    std::vector<std::string> names;
    for (;;) {
        errno = 0;
        const struct dirent * const entry =
            ::readdir(directory.get()); // NOLINT(concurrency-mt-unsafe): a stream of our own
        if (entry == nullptr && errno != 0) throw SysError{errno, "cannot list " + quoted(path)};
        if (entry == nullptr) break;
        const std::string_view name = entry->d_name;
        if (name.front() != '.' && name.size() > suffix.size() && name.substr(name.size() - suffix.size()) == suffix)
            names.emplace_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

/** Reports what was found, and hands the configuration over if it can be used. */
SiteConfig checked(ParsedSiteConfig parsed, const std::string & path) {
    std::vector<std::string> errors;
    for (const ConfigProblem & problem : parsed.problems) {
        if (problem.severity == Severity::error)
            errors.push_back(problem.to_string());
        else
            log::warning(problem.to_string());
    }
    if (errors.size() == 1) throw Error{"cannot use the configuration: " + errors.front()};
    for (const std::string & error : errors) log::error(error);
    if (!errors.empty())
        throw Error{"cannot use the configuration " + path + ": it has " + std::to_string(errors.size()) +
                    " errors, which are listed above"};
    return std::move(parsed.config);
}

/** Opened by path with the caller's own rights; believed no more than he believes it. */
std::optional<UniqueFd> open_as_user(const std::string & path, int flags) {
    UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags)};
    if (!fd && errno == ENOENT) return std::nullopt;
    if (!fd) throw SysError{errno, "cannot open " + quoted(path)};
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) throw SysError{errno, "cannot examine " + quoted(path)};
    if (status.st_uid != 0 || (status.st_mode & 0022U) != 0)
        log::warning("the configuration " + quoted(path) + " is not owned by root, or others can write it");
    return fd;
}

} // namespace

SiteConfig load_site_config(const std::string & path) {
    std::vector<ConfigText> texts = {{path, TrustedFile::open(path).read(max_file_bytes)}};
    const std::string directory = path + ".d";
    if (auto folder = TrustedFile::open_if_present(directory, {.kind = TrustedFile::Kind::directory})) {
        for (const std::string & name : drop_ins(std::move(*folder).release(), directory)) {
            const std::string file = (directory + '/').append(name);
            texts.push_back({file, TrustedFile::open(file).read(max_file_bytes)});
        }
    }
    return checked(parse_site_config(texts), path);
}

SiteConfig load_site_config_as_user(const std::string & path) {
    const auto main_file = open_as_user(path, 0);
    if (!main_file) throw SysError{ENOENT, "cannot open " + quoted(path)};
    std::vector<ConfigText> texts = {{path, io::read_all(main_file->get(), max_file_bytes, quoted(path))}};
    const std::string directory = path + ".d";
    if (auto folder = open_as_user(directory, O_DIRECTORY)) {
        for (const std::string & name : drop_ins(std::move(*folder), directory)) {
            const std::string file = (directory + '/').append(name);
            if (const auto fd = open_as_user(file, 0))
                texts.push_back({file, io::read_all(fd->get(), max_file_bytes, quoted(file))});
        }
    }
    return checked(parse_site_config(texts), path);
}

} // namespace shifter
