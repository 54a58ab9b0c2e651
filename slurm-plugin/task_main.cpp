/**
 * @file
 * shifter-task: what stands between Slurm and a task's command in the container, when there is something to do first: a
 * module's userhook, an entry point. The plugin puts it in the place of the command's first word, by a descriptor,
 * since it is no file of the container; so it is static, runs as the user, and trusts nothing.
 *
 * SHIFTER_TASK_START has its work (see encode_start() in task.hpp): the number of hooks; module and path of each; the
 * words to execute, which the arguments follow.
 */
// NOLINTBEGIN(concurrency-mt-unsafe): one thread
#include "slurm-plugin/counted_strings.hpp"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <sys/wait.h>
#include <unistd.h>
#include <vector>

namespace {

constexpr const char * variable = "SHIFTER_TASK_START";
constexpr int failed = 1;
constexpr int not_executable = 126;
constexpr int not_found = 127;

void complain(const std::string & sentence) { (void)std::fprintf(stderr, "shifter: %s\n", sentence.c_str()); }

bool run_hook(const std::string & module, std::string path) {
    const std::string what = "the userhook \"" + path + "\" of module \"" + module + "\"";
    const pid_t pid = ::fork();
    if (pid == 0) {
        std::string shell = "/bin/sh";
        char * const words[] = {shell.data(), path.data(), nullptr};
        ::execv(shell.c_str(), words);
        ::_exit(not_found);
    }
    int status = 0;
    while (pid > 0 && ::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    if (pid < 0)
        complain("cannot start " + what + ": " + std::strerror(errno));
    else if (WIFSIGNALED(status))
        complain(what + " was ended by signal " + std::to_string(WTERMSIG(status)));
    else if (WEXITSTATUS(status) != 0)
        complain(what + " ended with status " + std::to_string(WEXITSTATUS(status)));
    return pid > 0 && status == 0;
}

} // namespace

int main(int, char ** argv) {
    using namespace shifter;
    const char * const text = std::getenv(variable);
    auto strings = slurm_plugin::decode_strings(text == nullptr ? "" : text);
    const auto hooks = strings && !strings->empty() ? slurm_plugin::parse_count(strings->front()) : std::nullopt;
    if (!hooks || strings->size() < 2 + 2 * *hooks) {
        complain("shifter-task is for the Slurm plugin, which tells it in " + std::string{variable} + " what to run");
        return failed;
    }
    ::unsetenv(variable);
    for (std::size_t i = 0; i < *hooks; ++i)
        if (!run_hook((*strings)[1 + 2 * i], (*strings)[2 + 2 * i])) return failed;
    std::vector<char *> words;
    for (std::size_t i = 1 + 2 * *hooks; i < strings->size(); ++i) words.push_back((*strings)[i].data());
    for (char ** word = argv; *word != nullptr; ++word)
        if (word != argv) words.push_back(*word);
    words.push_back(nullptr);
    ::execvp(words[0], words.data());
    const int why = errno;
    complain(std::string{words[0]} + ": " + std::strerror(why));
    return why == ENOENT || why == ENOTDIR ? not_found : not_executable;
}
// NOLINTEND(concurrency-mt-unsafe)
