#include "privileged/watchdog.hpp"

#include "base/error.hpp"
#include "base/log.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <poll.h>
#include <sys/mman.h>
#include <unistd.h>

namespace shifter::privileged {
namespace {

/** Shared with the child. Both have the same literals at the same addresses; only the launcher writes, and it never
 * reads. */
std::atomic<const char *> * shared_stage = nullptr;

struct Stage {
    const char * what;
    std::chrono::steady_clock::time_point since;
};
/** What is not remembered, because there were more, is counted to the last one. */
std::array<Stage, 64> stages;
std::size_t stage_count = 0;

int deadline_signal() { return SIGRTMAX; }

void end_launch(int /*signal*/) { ::_exit(static_cast<int>(ExitStatus::failed)); }

bool hung_up(int channel, std::chrono::milliseconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        struct pollfd waiting {
            channel, POLLIN, 0
        };
        const int count =
            ::poll(&waiting, 1, static_cast<int>(std::max<std::chrono::milliseconds::rep>(left.count(), 0)));
        if (count > 0) return true;
        if (count == 0) return false;
        if (errno != EINTR) return true;
    }
}

} // namespace

void set_stage(const char * what) noexcept {
    if (shared_stage != nullptr) shared_stage->store(what, std::memory_order_relaxed);
    const bool goes_on = stage_count > 0 && stages.at(stage_count - 1).what == what;
    if (!goes_on && stage_count < stages.size()) stages.at(stage_count++) = {what, std::chrono::steady_clock::now()};
}

std::string stage_times() {
    std::string text;
    for (std::size_t i = 0; i < stage_count; ++i) {
        const auto end = i + 1 < stage_count ? stages.at(i + 1).since : std::chrono::steady_clock::now();
        const auto us = std::chrono::duration_cast<std::chrono::microseconds>(end - stages.at(i).since).count();
        const std::string fraction = std::to_string(1000 + us % 1000).substr(1);
        text += "shifter: timing: " + std::to_string(us / 1000) + "." + fraction + " ms " + stages.at(i).what + "\n";
    }
    return text;
}

Deadline::Deadline() {
    void * const page =
        ::mmap(nullptr, sizeof *shared_stage, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) throw SysError{errno, "cannot map memory"};
    shared_stage = new (page) std::atomic<const char *>{""};
    set_stage("reading the configuration");
    struct sigaction action {};
    action.sa_handler = end_launch;
    sigset_t only;
    ::sigemptyset(&only);
    ::sigaddset(&only, deadline_signal());
    if (::sigaction(deadline_signal(), &action, &previous_) != 0 ||
        ::sigprocmask(SIG_UNBLOCK, &only, nullptr) != 0) // NOLINT(concurrency-mt-unsafe): one thread
        throw SysError{errno, "cannot set the launch's time limit"};
}

Deadline::~Deadline() {
    sigset_t only;
    ::sigemptyset(&only);
    ::sigaddset(&only, deadline_signal());
    ::sigprocmask(SIG_BLOCK, &only, nullptr); // NOLINT(concurrency-mt-unsafe): one thread
    ::sigaction(deadline_signal(), &previous_, nullptr);
    ::munmap(shared_stage, sizeof *shared_stage);
    shared_stage = nullptr;
}

void watch(int channel, pid_t launcher, std::chrono::seconds limit) {
    if (hung_up(channel, limit)) return;
    const char * const stage = shared_stage->load(std::memory_order_relaxed);
    log::error("the launch took longer than " + std::to_string(limit.count()) + " s and was ended while " + stage +
               "; the site's launchTimeout sets the limit");
    constexpr std::chrono::seconds patience{1}; // a process that a dead file system holds ends by nothing else
    // While the launcher lives, its number is its own: it is this process's parent.
    if (::getppid() == launcher) ::kill(launcher, deadline_signal());
    if (!hung_up(channel, patience) && ::getppid() == launcher) ::kill(launcher, SIGKILL);
}

} // namespace shifter::privileged
