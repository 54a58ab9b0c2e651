/**
 * @file
 * A directory of the test's own, which goes with everything in it. Where the test runs as root, every directory above
 * it is trusted (root's, writable by nobody else), which no directory below /tmp is.
 */
#pragma once

#include <array>
#include <catch2/catch.hpp>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <stdlib.h>
#include <string>
#include <string_view>
#include <sys/stat.h>
#include <unistd.h>

namespace shifter::test {

[[nodiscard]] inline bool is_root() { return ::geteuid() == 0; }

class ScratchDirectory {
public:
    ScratchDirectory() {
        std::string pattern =
            (is_root() ? "/run" : std::filesystem::temp_directory_path().string()) + "/shifter-test-XXXXXX";
        REQUIRE(::mkdtemp(pattern.data()) != nullptr);
        path_ = pattern;
        REQUIRE(::chmod(pattern.c_str(), 0755) == 0);
    }
    ScratchDirectory(const ScratchDirectory &) = delete;
    ScratchDirectory & operator=(const ScratchDirectory &) = delete;
    ~ScratchDirectory() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }

    [[nodiscard]] const std::string & path() const noexcept { return path_; }
    [[nodiscard]] std::string path(std::string_view name) const { return path_ + "/" + std::string{name}; }

    std::string make_directory(std::string_view name, mode_t mode = 0755) const {
        REQUIRE(::mkdir(path(name).c_str(), 0700) == 0);
        REQUIRE(::chmod(path(name).c_str(), mode) == 0);
        return path(name);
    }
    /** Makes the file, or replaces what it holds. */
    std::string write(std::string_view name, std::string_view content, mode_t mode = 0644) const {
        std::ofstream stream{path(name), std::ios::binary | std::ios::trunc};
        stream << content;
        stream.close();
        REQUIRE(stream);
        REQUIRE(::chmod(path(name).c_str(), mode) == 0);
        return path(name);
    }
    std::string link(std::string_view name, const std::string & target) const {
        REQUIRE(::symlink(target.c_str(), path(name).c_str()) == 0);
        return path(name);
    }
    /** Gives a name away; root only. */
    void give(std::string_view name, uid_t owner) const {
        REQUIRE(::lchown(path(name).c_str(), owner, static_cast<gid_t>(-1)) == 0);
    }

private:
    std::string path_;
};

/** The sentence that `action` fails with; "it worked" when it does not. */
template <class Action> std::string failure_of(const Action & action) {
    try {
        action();
    } catch (const std::exception & error) {
        return error.what();
    }
    return "it worked";
}

} // namespace shifter::test
