#include "base/error.hpp"
#include "base/io.hpp"
#include "base/log.hpp"
#include "site/site_config.hpp"
#include "site/site_config_check.hpp"
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

/** Opened by path with the caller's own rights. */
std::optional<UniqueFd> open_as_user(const std::string & path, int flags) {
    UniqueFd fd{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags)};
    if (!fd && errno == ENOENT) return std::nullopt;
    if (!fd) throw SysError{errno, "cannot open " + quoted(path)};
    return fd;
}

/** For clients: such a file is believed no more than its reader believes it. */
void warn_if_untrusted(int fd, const std::string & path) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) throw SysError{errno, "cannot examine " + quoted(path)};
    if (status.st_uid != 0 || (status.st_mode & 0022U) != 0)
        log::warning("the configuration " + quoted(path) + " is not owned by root, or others can write it");
}

/** The main file and its drop-ins as the caller can read them; `look` sees each before it is read. */
template <class Look> std::vector<ConfigText> read_as_user(const std::string & path, const Look & look) {
    std::vector<ConfigText> texts;
    const auto read = [&](const std::string & file) {
        const auto fd = open_as_user(file, 0);
        if (!fd && texts.empty()) throw SysError{ENOENT, "cannot open " + quoted(file)};
        if (!fd) return; // a drop-in that was taken away just now
        look(fd->get(), file, TrustedFile::Kind::regular);
        texts.push_back({file, io::read_all(fd->get(), max_file_bytes, quoted(file))});
    };
    read(path);
    const std::string directory = path + ".d";
    if (auto folder = open_as_user(directory, O_DIRECTORY)) {
        look(folder->get(), directory, TrustedFile::Kind::directory);
        for (const std::string & name : drop_ins(std::move(*folder), directory)) read((directory + '/').append(name));
    }
    return texts;
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
    const auto look = [](int fd, const std::string & file, TrustedFile::Kind) { warn_if_untrusted(fd, file); };
    return checked(parse_site_config(read_as_user(path, look)), path);
}

SiteConfigCheck check_site_config(const std::string & path) {
    SiteConfigCheck check;
    const auto texts = read_as_user(path, [&](int, const std::string & file, TrustedFile::Kind kind) {
        try {
            (void)TrustedFile::open(file, {.kind = kind});
        } catch (const Error & error) {
            check.refused.emplace_back(error.what());
        }
    });
    for (const ConfigText & text : texts) check.files.push_back(text.name);
    check.content = parse_site_config(texts);
    return check;
}

} // namespace shifter
