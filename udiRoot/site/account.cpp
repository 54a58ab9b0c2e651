#include "site/account.hpp"

#include "base/error.hpp"
#include "base/text.hpp"
#include "site/trusted_file.hpp"

#include <cstddef>

namespace shifter {
namespace {

constexpr std::size_t max_file = 64U << 20U;

} // namespace

uid_t uid_of_account(const std::string & account, const std::string & passwd) {
    if (account == "root") return 0;
    if (const auto number = text::parse_unsigned<uid_t>(account); number && *number != static_cast<uid_t>(-1))
        return *number;
    // By hand: fgetpwent(3) takes a system call for each line.
    const std::string accounts = TrustedFile::open(passwd).read(max_file);
    for (const std::string_view line : text::split(accounts, '\n')) {
        if (line.substr(0, account.size()) != account) continue; // most lines
        const auto fields = text::split(line, ':');
        if (fields.size() < 3 || fields[0] != account) continue;
        if (const auto uid = text::parse_unsigned<uid_t>(fields[2]); uid && *uid != static_cast<uid_t>(-1)) return *uid;
    }
    throw Error{"there is no account " + quoted(account) + " in " + passwd +
                "; write its number where only a name service knows it"};
}

} // namespace shifter
