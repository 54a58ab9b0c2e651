#include "client/credential_file.hpp"
#include "base/error.hpp"
#include "unit/catalog/samples.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <sstream>

#include <sys/stat.h>

using namespace shifter;
using namespace shifter::client;
using catalog::samples::Folder;

namespace {

std::string content(const std::string & path) {
    std::ostringstream text;
    text << std::ifstream{path}.rdbuf();
    return text.str();
}
mode_t mode(const std::string & path) {
    struct stat facts {};
    return ::stat(path.c_str(), &facts) == 0 ? facts.st_mode & 07777U : 0;
}
std::optional<std::string> as_is(std::string_view text) { return std::string{text}; }

} // namespace

TEST_CASE("I36: a login is stored with mode 0600 whatever the umask, in a folder of 0700 (9.4, H9-11)") {
    const Folder home;
    const mode_t before = ::umask(0);
    CredentialFile file{home.path()};
    file.store("alpha", "default", "MUNGE:one=:");
    ::umask(before);
    CHECK(file.path() == home / ".udiRoot/.cred");
    CHECK(mode(file.path()) == 0600);
    CHECK(mode(home / ".udiRoot") == 0700);
    CHECK(content(file.path()) == "alpha:default=MUNGE:one=:\n");
}

TEST_CASE("a login replaces the one of its system and location, and leaves the others") {
    const Folder home;
    CredentialFile file{home.path()};
    file.store("alpha", "default", "1");
    file.store("alpha", "reg.example.org:5000", "2");
    file.store("beta", "default", "3");
    file.store("alpha", "default", "4");
    CHECK(content(file.path()) == "alpha:reg.example.org:5000=2\nbeta:default=3\nalpha:default=4\n");
    CHECK(file.load("alpha", as_is) == auth::AuthorizedLocations{{"default", "4"}, {"reg.example.org:5000", "2"}});
    CHECK(file.remove("alpha", "default"));
    CHECK_FALSE(file.remove("alpha", "default"));
    CHECK(content(file.path()) == "alpha:reg.example.org:5000=2\nbeta:default=3\n");
}

TEST_CASE("logins of others and lines that are none are passed over, no file is no login") {
    const Folder home;
    CredentialFile file{home.path()};
    CHECK(file.load("alpha", as_is).empty());
    CHECK_FALSE(file.remove("alpha", "x"));
    CHECK_FALSE(std::filesystem::exists(home / ".udiRoot"));
    std::filesystem::create_directory(home / ".udiRoot");
    std::ofstream{file.path()} << "garbage\nalpha:=x\nalpha:a\nalpha:b=mine\nalpha:c=foreign\n";
    const auto only_mine = [](std::string_view text) {
        return text == "mine" ? std::optional<std::string>{"u:p"} : std::nullopt;
    };
    CHECK(file.load("alpha", only_mine) == auth::AuthorizedLocations{{"b", "u:p"}});
}

TEST_CASE("a link in the place of the file is not followed") {
    const Folder home;
    std::filesystem::create_directory(home / ".udiRoot");
    std::ofstream{home / "elsewhere"} << "alpha:a=1\n";
    std::filesystem::create_symlink(home / "elsewhere", home / ".udiRoot/.cred");
    CredentialFile file{home.path()};
    CHECK_THROWS_AS(file.load("alpha", as_is), Error);
    CHECK_THROWS_AS(file.store("alpha", "b", "2"), Error);
    CHECK(content(home / "elsewhere") == "alpha:a=1\n");
}
