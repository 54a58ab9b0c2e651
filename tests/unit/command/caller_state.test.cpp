#include "command/caller_state.hpp"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <sys/wait.h>
#include <unistd.h>

using shifter::command::CallerState;

TEST_CASE("I3: the caller's environment is kept as data, and this process has none any more") {
    // In a child: taking the state blocks its signals, and changes its umask.
    const pid_t pid = ::fork();
    REQUIRE(pid >= 0);
    if (pid == 0) {
        ::setenv("LD_LIBRARY_PATH", "/evil", 1);
        const CallerState state = CallerState::take();
        bool kept = false;
        for (const std::string & entry : state.environment) kept = kept || entry == "LD_LIBRARY_PATH=/evil";
        const bool cleared = (environ == nullptr || *environ == nullptr) && std::getenv("LD_LIBRARY_PATH") == nullptr;
        ::_exit((kept ? 0 : 1) + (cleared ? 0 : 2));
    }
    int status = 0;
    REQUIRE(::waitpid(pid, &status, 0) == pid);
    REQUIRE(WIFEXITED(status));
    CHECK(WEXITSTATUS(status) == 0);
}
