#include "site/account.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "site/trusted_file.hpp"

#include <array>
#include <cstdio>
#include <memory>
#include <pwd.h>

namespace shifter {
namespace {

struct Closes {
    void operator()(std::FILE * file) const noexcept { (void)std::fclose(file); }
};

constexpr const char * passwd_path = "/etc/passwd";

} // namespace

uid_t uid_of_account(const std::string & account) {
    if (account == "root") return 0;
    if (const auto number = text::parse_unsigned<uid_t>(account); number && *number != static_cast<uid_t>(-1))
        return *number;
    UniqueFd fd = TrustedFile::open(passwd_path).release();
    const std::unique_ptr<std::FILE, Closes> file{::fdopen(fd.get(), "r")};
    if (!file) throw SysError{errno, "cannot read /etc/passwd"};
    (void)fd.release(); // the stream closes it
    std::array<char, 16384> line{};
    struct passwd entry {};
    struct passwd * found = nullptr;
    // fgetpwent_r(3) reads this file and nothing else; ERANGE (an overlong line) ends the search like the end of the
    // file.
    while (::fgetpwent_r(file.get(), &entry, line.data(), line.size(), &found) == 0)
        if (account == entry.pw_name) return entry.pw_uid;
    throw Error{"there is no account " + quoted(account) +
                " in /etc/passwd; write its number where only a name service knows it"};
}

} // namespace shifter
