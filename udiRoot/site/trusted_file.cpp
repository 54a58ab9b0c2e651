#include "site/trusted_file.hpp"

#include "base/error.hpp"
#include "base/io.hpp"
#include "base/text.hpp"

#include <array>
#include <climits>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

namespace shifter {
namespace {

uid_t second_root = 0;

struct stat status_of(int fd, const std::string & path) {
    struct stat status {};
    if (::fstat(fd, &status) != 0) throw SysError{errno, "cannot examine " + quoted(path)};
    return status;
}

std::string octal(mode_t mode) {
    std::string text;
    for (int shift = 9; shift >= 0; shift -= 3)
        text += static_cast<char>('0' + ((mode >> static_cast<unsigned>(shift)) & 7U));
    return text;
}

std::string target_of(int link, const std::string & name) {
    std::array<char, PATH_MAX> buffer{};
    const ssize_t length = ::readlinkat(link, "", buffer.data(), buffer.size());
    if (length < 0) throw SysError{errno, "cannot read the link " + quoted(name)};
    if (length == 0 || static_cast<std::size_t>(length) == buffer.size())
        throw Error{"the link " + quoted(name) + " leads nowhere"};
    return {buffer.data(), static_cast<std::size_t>(length)};
}

struct KnownDirectory {
    std::string path; ///< without links
    UniqueFd fd;
};
/** Nothing while directories are not to be remembered. */
std::optional<std::vector<KnownDirectory>> known_directories;

/** The last directory on the way to `path` that is remembered. */
const KnownDirectory * nearest_known(std::string_view path) {
    const KnownDirectory * nearest = nullptr;
    if (!known_directories) return nearest;
    for (const KnownDirectory & known : *known_directories) {
        const std::size_t size = known.path == "/" ? 0 : known.path.size();
        const bool on_way =
            path.compare(0, size, known.path, 0, size) == 0 && (path.size() == size || path[size] == '/');
        if (on_way && (nearest == nullptr || size > nearest->path.size())) nearest = &known;
    }
    return nearest;
}

/** Goes down from "/", one checked directory after the other. */
class Walk {
public:
    Walk(const std::string & path, const TrustedFile::Rules & rules) : path_{path}, rules_{rules} { begin(path); }

    /** The opened and checked end of the path, or nothing when a component is not there. */
    std::optional<UniqueFd> finish() {
        while (!pending_.empty()) {
            const std::string name = std::move(pending_.back());
            pending_.pop_back();
            if (name.empty() || name == ".") continue;
            const std::string here = (where_ == "/" ? "" : where_) + "/" + name;
            UniqueFd found{::openat(directory_, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)};
            if (!found && errno == ENOENT) return std::nullopt;
            if (!found) throw SysError{errno, "cannot open " + quoted(here)};
            const struct stat status = status_of(found.get(), here);
            if (S_ISLNK(status.st_mode)) {
                follow(found.get(), here);
            } else if (!pending_.empty() || S_ISDIR(status.st_mode)) {
                if (!S_ISDIR(status.st_mode)) throw SysError{ENOTDIR, "cannot open " + quoted(here)};
                enter(std::move(found), status, here);
            } else {
                return open_file(name, here, status);
            }
        }
        return open_directory();
    }

private:
    void push(const std::string & path) {
        const auto parts = text::split(path, '/');
        pending_.insert(pending_.end(), parts.rbegin(), parts.rend());
    }

    /** `path` is absolute. */
    void begin(const std::string & path) {
        all_are_roots_ = true;
        if (const KnownDirectory * const known = nearest_known(path)) {
            directory_ = known->fd.get();
            where_ = known->path;
            return push(path.substr(where_.size()));
        }
        push(path);
        UniqueFd root{::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)};
        if (!root) throw SysError{errno, "cannot open \"/\""};
        const struct stat status = status_of(root.get(), "/");
        enter(std::move(root), status, "/");
    }

    void enter(UniqueFd directory, const struct stat & status, const std::string & here) {
        check(status, here);
        directory_ = directory.get();
        where_ = here;
        // Below a directory of somebody else's another walk may not be let in, whoever owns what is there.
        all_are_roots_ = all_are_roots_ && TrustedFile::is_root(status.st_uid);
        if (known_directories && all_are_roots_)
            known_directories->push_back({here, std::move(directory)});
        else
            own_ = std::move(directory);
    }

    void follow(int link, const std::string & here) {
        constexpr unsigned max_links = 40; // as the kernel: path_resolution(7)
        if (++links_ > max_links) throw SysError{ELOOP, "cannot open " + quoted(path_)};
        const std::string target = target_of(link, here);
        if (target.front() == '/') return begin(target);
        push(target);
    }

    /** The directory that holds it has been checked, so the name still means what `expected` says. */
    std::optional<UniqueFd> open_file(const std::string & name, const std::string & here,
                                      const struct stat & expected) {
        if (rules_.kind == TrustedFile::Kind::directory) refuse(here, "it is not a directory");
        if (!S_ISREG(expected.st_mode)) refuse(here, "it is not a regular file");
        check(expected, here);
        if (rules_.kind == TrustedFile::Kind::executable && (expected.st_mode & 0111U) == 0)
            refuse(here, "it is not executable; chmod a+x " + here);
        UniqueFd file{::openat(directory_, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)};
        if (!file) throw SysError{errno, "cannot open " + quoted(here)};
        const struct stat opened = status_of(file.get(), here);
        if (opened.st_dev != expected.st_dev || opened.st_ino != expected.st_ino)
            refuse(here, "it was replaced just now; try again");
        check(opened, here);
        return file;
    }

    std::optional<UniqueFd> open_directory() {
        if (rules_.kind != TrustedFile::Kind::directory) refuse(where_, "it is a directory");
        UniqueFd readable{::openat(directory_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
        // Root on a node may have no more than search permission on a network file system: enough to open what is in
        // it.
        if (!readable) readable.reset(::fcntl(directory_, F_DUPFD_CLOEXEC, 0));
        if (!readable) throw SysError{errno, "cannot open " + quoted(where_)};
        return readable;
    }

    void check(const struct stat & status, const std::string & here) const {
        if (!TrustedFile::is_root(status.st_uid) && status.st_uid != rules_.also_owner) {
            const bool other_allowed = rules_.also_owner && *rules_.also_owner != 0;
            refuse(here, "it is owned by uid " + std::to_string(status.st_uid) + ", not by root" +
                             (other_allowed ? " or uid " + std::to_string(*rules_.also_owner) : "") + "; chown root " +
                             here);
        }
        if ((status.st_mode & 0022U) == 0) return;
        const bool others = (status.st_mode & 0002U) != 0;
        refuse(here, std::string{others ? "everybody" : "its group"} + " can write it (mode " + octal(status.st_mode) +
                         "); chmod go-w " + here);
    }

    [[noreturn]] void refuse(const std::string & here, const std::string & why) const {
        std::string sentence = "cannot trust " + quoted(path_) + ": ";
        if (here != path_) sentence += "on the way to it, " + quoted(here) + ": ";
        throw Error{sentence + why};
    }

    const std::string & path_;
    const TrustedFile::Rules & rules_;
    std::vector<std::string> pending_; ///< components still to walk, the next one last
    int directory_ = -1;               ///< checked; holds the next component
    UniqueFd own_;                     ///< the same, where it is not remembered
    std::string where_;                ///< its path
    unsigned links_ = 0;
    bool all_are_roots_ = true; ///< from "/" to where_
};

} // namespace

void TrustedFile::remember_directories() { known_directories.emplace(); }

void TrustedFile::forget_directories() noexcept { known_directories.reset(); }

void TrustedFile::take_for_root(uid_t uid) noexcept { second_root = uid; }

bool TrustedFile::is_root(uid_t uid) noexcept { return uid == 0 || uid == second_root; }

std::optional<TrustedFile> TrustedFile::open_if_present(const std::string & path, const Rules & rules) {
    if (path.empty() || path.front() != '/')
        throw Error{"cannot trust " + quoted(path) + ": it is not an absolute path"};
    if (path.find('\0') != std::string::npos) throw Error{"cannot trust " + quoted(path) + ": it holds a NUL"};
    std::optional<UniqueFd> fd = Walk{path, rules}.finish();
    if (!fd) return std::nullopt;
    return TrustedFile{path, std::move(*fd)};
}

TrustedFile TrustedFile::open(const std::string & path, const Rules & rules) {
    std::optional<TrustedFile> file = open_if_present(path, rules);
    if (!file) throw SysError{ENOENT, "cannot open " + quoted(path)};
    return std::move(*file);
}

std::string TrustedFile::read(std::size_t max_bytes) const {
    if (::lseek(fd_.get(), 0, SEEK_SET) != 0) throw SysError{errno, "cannot read " + quoted(path_)};
    return io::read_all(fd_.get(), max_bytes, quoted(path_));
}

} // namespace shifter
