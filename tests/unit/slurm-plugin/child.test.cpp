#include "slurm-plugin/child.hpp"

#include "base/error.hpp"

#include <catch2/catch.hpp>

#include <csignal>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace shifter;
using namespace shifter::slurm_plugin;
using namespace std::chrono_literals;

namespace {

ChildResult shell(const std::string & script, std::chrono::milliseconds limit = 10s) {
    return run_child({"/bin/sh", "-c", script}, limit);
}

} // namespace

TEST_CASE("both streams of a program are read to their end, with its status") {
    const ChildResult result = shell("echo one; echo two >&2; exit 3");
    CHECK(result.out == "one\n");
    CHECK(result.err == "two\n");
    CHECK(WEXITSTATUS(result.wait_status) == 3);
}

TEST_CASE("a program that fills one stream and then the other does not dead-lock, and does not fill memory (H10-8)") {
    const ChildResult result =
        shell("head -c 1000000 /dev/zero; head -c 1000000 /dev/zero >&2; exec >&-; echo end >&2");
    CHECK(result.wait_status == 0);
    CHECK(result.out.size() == 65536);
    CHECK(result.err.size() == 65536);
}

TEST_CASE("a program that does not answer is killed when its time is over") {
    const auto begin = std::chrono::steady_clock::now();
    CHECK_THROWS_WITH(shell("exec sleep 60", 200ms), "/bin/sh did not answer within 1 s");
    CHECK(std::chrono::steady_clock::now() - begin < 5s);
    CHECK(::waitpid(-1, nullptr, WNOHANG) == -1); // nobody is left
}

TEST_CASE("a grandchild that keeps a stream open keeps nobody waiting") {
    const auto begin = std::chrono::steady_clock::now();
    const ChildResult result = shell("sleep 20 & echo $!");
    CHECK(std::chrono::steady_clock::now() - begin < 5s);
    ::kill(std::stoi(result.out), SIGKILL);
}

TEST_CASE("a program that is not there is named, with the reason") {
    CHECK_THROWS_WITH(run_child({"/nonexistent/shifterimg"}, 1s),
                      "cannot run /nonexistent/shifterimg: No such file or directory");
}

TEST_CASE("I39: the program sees no descriptor of ours, no blocked signal and an empty standard input") {
    const int open = ::fcntl(STDIN_FILENO, F_DUPFD, 100); // inherited, unless it is closed on purpose
    REQUIRE(open >= 100);
    sigset_t mask{};
    ::sigemptyset(&mask);
    ::sigaddset(&mask, SIGTERM);
    ::sigprocmask(SIG_BLOCK, &mask, nullptr);
    const ChildResult result = shell("[ -e /proc/$$/fd/" + std::to_string(open) +
                                     " ] && echo inherited; grep SigBlk /proc/self/status; cat | wc -c");
    ::sigprocmask(SIG_UNBLOCK, &mask, nullptr);
    ::close(open);
    CHECK(result.out == "SigBlk:\t0000000000000000\n0\n");
}
