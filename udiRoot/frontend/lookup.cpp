#include "frontend/lookup.hpp"

#include "base/io.hpp"
#include "base/text.hpp"

#include <array>
#include <cerrno>
#include <csignal>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace shifter::frontend {
namespace {

constexpr std::size_t max_output = 1U << 20U;

/** A started program, killed and reaped if nobody waited. */
class Program {
public:
    Program(const std::string & path, const std::string & argument, UniqueFd output) {
        posix_spawn_file_actions_t actions;
        ::posix_spawn_file_actions_init(&actions);
        ::posix_spawn_file_actions_adddup2(&actions, output.get(), STDOUT_FILENO);
        // Its reason becomes our one line (H1-14).
        ::posix_spawn_file_actions_adddup2(&actions, output.get(), STDERR_FILENO);
        std::string program = path;
        std::string verb = "lookup";
        std::string word = argument;
        // No proxies, no HOME: a lookup is between the node and its gateway (contract 1.3, step 4).
        std::string search = "PATH=/usr/bin:/bin";
        const std::array<char *, 4> argv = {program.data(), verb.data(), word.data(), nullptr};
        const std::array<char *, 2> envp = {search.data(), nullptr};
        const int why = ::posix_spawn(&pid_, path.c_str(), &actions, nullptr, argv.data(), envp.data());
        ::posix_spawn_file_actions_destroy(&actions);
        if (why != 0) {
            pid_ = -1;
            throw SysError{why, "cannot start " + quoted(path)};
        }
    }
    Program(const Program &) = delete;
    Program & operator=(const Program &) = delete;
    ~Program() {
        if (pid_ <= 0) return;
        ::kill(pid_, SIGKILL);
        (void)::waitpid(pid_, nullptr, 0);
    }
    [[nodiscard]] int wait() {
        int status = 0;
        while (::waitpid(pid_, &status, 0) < 0)
            if (errno != EINTR) throw SysError{errno, "cannot wait for the lookup"};
        pid_ = -1;
        return status;
    }

private:
    pid_t pid_ = -1;
};

std::string read_within(int fd, std::chrono::seconds limit) {
    const auto end = std::chrono::steady_clock::now() + limit;
    std::string output;
    std::array<char, 4096> buffer{};
    for (;;) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
        struct pollfd waiting {
            fd, POLLIN, 0
        };
        if (left.count() <= 0) throw Error{"no answer in " + std::to_string(limit.count()) + " s"};
        const int ready = ::poll(&waiting, 1, static_cast<int>(left.count()));
        if (ready < 0 && errno != EINTR) throw SysError{errno, "cannot wait for the answer"};
        if (ready <= 0) continue;
        const ssize_t count = ::read(fd, buffer.data(), buffer.size());
        if (count < 0) throw SysError{errno, "cannot read the answer"};
        if (count == 0) return output;
        output.append(buffer.data(), static_cast<std::size_t>(count));
        if (output.size() > max_output) throw Error{"the answer is longer than an id can be"};
    }
}

/** What a lookup that failed said, as one sentence without its name in front; empty when it said nothing. */
std::string reason_in(std::string_view output) {
    constexpr std::string_view name = "shifterimg: ";
    std::string sentence;
    for (std::string_view line : text::split(output, '\n')) {
        if (line.substr(0, name.size()) == name) line.remove_prefix(name.size());
        line = text::trim(line);
        if (!line.empty()) sentence += (sentence.empty() ? "" : "; ") + std::string{line};
    }
    return sentence;
}

} // namespace

Expected<ImageId> parse_lookup(std::string_view output) {
    for (const std::string_view line : text::split(output, '\n')) {
        const std::string_view word = text::trim(line);
        if (!word.empty() && word.find(':') == std::string_view::npos) return ImageId::parse(word);
    }
    return ParseError{0, "the answer holds no image id"};
}

ImageId look_up(const std::string & program, const ImageRequest & image, std::chrono::seconds limit) {
    const std::string context = "cannot look up the image " + image.to_string();
    std::string output;
    const int status = with_context(context, [&] {
        io::Pipe pipe = io::make_pipe();
        Program lookup{program, image.to_string(), std::move(pipe.write_end)};
        output = read_within(pipe.read_end.get(), limit);
        return lookup.wait();
    });
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        std::string reason = reason_in(output);
        if (reason.empty()) reason = context + ": " + quoted(program) + " failed without a word";
        constexpr std::string_view absent = "(404)";
        const bool is_absent = reason.size() > absent.size() && reason.rfind(absent) == reason.size() - absent.size();
        const bool says_how = reason.find("shifterimg --platform=") != std::string::npos;
        throw Error{reason + (is_absent && !says_how ? "; pull it first: shifterimg pull " + image.to_string() : "")};
    }
    return parse_lookup(output).value_or_throw(context);
}

} // namespace shifter::frontend
