#include "client/credential_file.hpp"

#include "base/error.hpp"
#include "base/io.hpp"
#include "base/text.hpp"
#include "base/unique_fd.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace shifter::client {
namespace {

constexpr std::size_t max_bytes = 1U << 20U;

/** Holds the directory while the file is changed, so that two logins at once both stay. */
UniqueFd lock_directory(const std::string & path) {
    if (::mkdir(path.c_str(), 0700) != 0 && errno != EEXIST) throw SysError{errno, "cannot make " + quoted(path)};
    UniqueFd fd{::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    if (!fd) throw SysError{errno, "cannot open " + quoted(path)};
    // A home on a file system without locks still works; two logins in one moment do not happen there.
    (void)::flock(fd.get(), LOCK_EX);
    return fd;
}

/** The text without the lines of one login; whether there was one goes to `found`. */
std::string without(std::string_view text, const std::string & key, bool & found) {
    std::string rest;
    for (const std::string_view line : text::split(text, '\n')) {
        if (line.substr(0, key.size()) == key) {
            found = true;
            continue;
        }
        if (!line.empty()) (rest += line) += '\n';
    }
    return rest;
}

} // namespace

std::optional<std::string> CredentialFile::read() const {
    const UniqueFd fd{::open(path().c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK)};
    if (!fd && errno == ENOENT) return std::nullopt;
    if (!fd) throw SysError{errno, "cannot open " + quoted(path())};
    struct stat facts {};
    if (::fstat(fd.get(), &facts) != 0) throw SysError{errno, "cannot look at " + quoted(path())};
    if (!S_ISREG(facts.st_mode) || facts.st_uid != ::geteuid())
        throw Error{"cannot use " + quoted(path()) + ": it is not a regular file of yours"};
    return io::read_all(fd.get(), max_bytes, quoted(path()));
}

void CredentialFile::write(const std::string & text) const {
    const std::string temporary = path() + "." + std::to_string(::getpid());
    (void)::unlink(temporary.c_str()); // of a process that had our number and died
    const UniqueFd fd{::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600)};
    if (!fd) throw SysError{errno, "cannot write " + quoted(temporary)};
    try {
        io::write_all(fd.get(), text, quoted(temporary));
        if (::fsync(fd.get()) != 0) throw SysError{errno, "cannot write " + quoted(temporary)};
        if (::rename(temporary.c_str(), path().c_str()) != 0) throw SysError{errno, "cannot write " + quoted(path())};
    } catch (...) {
        (void)::unlink(temporary.c_str());
        throw;
    }
}

auth::AuthorizedLocations CredentialFile::load(const std::string & system, const Unseal & unseal) const {
    auth::AuthorizedLocations locations;
    const auto text = read();
    if (!text) return locations;
    const std::string prefix = system + ":";
    for (const std::string_view line : text::split(*text, '\n')) {
        if (line.substr(0, prefix.size()) != prefix) continue;
        const std::size_t equals = line.find('=');
        if (equals == std::string_view::npos || equals == prefix.size()) continue;
        if (auto login = unseal(text::trim(line.substr(equals + 1))))
            locations[std::string{line.substr(prefix.size(), equals - prefix.size())}] = *std::move(login);
    }
    return locations;
}

void CredentialFile::store(const std::string & system, const std::string & location, const std::string & sealed) {
    const UniqueFd lock = lock_directory(directory_);
    const std::string key = system + ":" + location + "=";
    bool found = false;
    write(without(read().value_or(""), key, found) + key + sealed + "\n");
}

bool CredentialFile::remove(const std::string & system, const std::string & location) {
    if (!read()) return false;
    const UniqueFd lock = lock_directory(directory_);
    bool found = false;
    const std::string rest = without(read().value_or(""), system + ":" + location + "=", found);
    if (found) write(rest);
    return found;
}

} // namespace shifter::client
